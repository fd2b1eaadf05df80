"""The charts, read by the real helm: they hold what the kustomize base and its components hold, object by object."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from e2e.helm.program import Helm
from e2e.process import PROJECT
from kservectl.manifests.chart.chart import CONTROLLER, DEFINITIONS, KEEP, RUNTIMES
from kservectl.manifests.components.catalogue import components
from kservectl.manifests.gateway import gateway, gateway_with_tls
from kservectl.manifests.layout import documents, node_agent_objects
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

pytestmark = [pytest.mark.helm, pytest.mark.devcluster, pytest.mark.timeout(1800)]

CHARTS = PROJECT / "charts"
NAMESPACES = ("team-a", "team-b")
OPTIONS = {
    "cert-manager": "certManager.enabled=true",
    "high-availability": "highAvailability.enabled=true",
    "sharding": "sharding.enabled=true",
    "namespaced": f"namespaces={{{','.join(NAMESPACES)}}}",
    "network-policies": "networkPolicy.enabled=true",
    "service-monitor": "serviceMonitor.enabled=true",
}
"""The value that stands for each component."""


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm.found(tmp_path_factory.mktemp("helm"))


def by_identity(objects: Sequence[Object]) -> dict[tuple[str, str, str], Object]:
    found = {(obj["kind"], metadata.namespace(obj), metadata.name(obj)): obj for obj in objects}
    assert len(found) == len(objects), "two objects have one name"
    return found


def values(*chosen: str) -> list[str]:
    return [part for each in ("createNamespace=true", *chosen) for part in ("--set", each)]


def of_charts(helm: Helm, *options: str, namespace: str = "kserve") -> list[Object]:
    """What all charts together install, the definitions without what has helm keep them."""
    definitions = helm.objects(CHARTS / DEFINITIONS, namespace)
    for definition in definitions:
        annotations: dict[str, Any] = definition["metadata"]["annotations"]
        for key, value in KEEP.items():
            assert annotations.pop(key) == value
        if not annotations:
            del definition["metadata"]["annotations"]
    return [
        *definitions,
        *helm.objects(CHARTS / CONTROLLER, namespace, *options),
        *helm.objects(CHARTS / RUNTIMES, namespace),
    ]


@pytest.mark.parametrize("chart", [DEFINITIONS, CONTROLLER, RUNTIMES])
def test_helm_finds_nothing_wrong_with_a_chart(helm: Helm, chart: str) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHARTS / chart))


def test_every_component_can_be_chosen() -> None:
    assert set(OPTIONS) == set(components())


@pytest.mark.parametrize(
    "names",
    [(), *((name,) for name in OPTIONS), ("high-availability", "sharding"), tuple(OPTIONS)],
    ids=lambda names: "+".join(names) or "base",
)
def test_charts_hold_what_kustomize_holds(helm: Helm, names: tuple[str, ...]) -> None:
    found = by_identity(of_charts(helm, *values(*(OPTIONS[name] for name in names))))
    wanted = by_identity(documents(names, NAMESPACES))
    assert found.keys() == wanted.keys()
    for key, obj in wanted.items():
        assert found[key] == obj, key


@pytest.mark.parametrize(
    ("option", "wanted"),
    [
        ("gateway.enabled=true", [gateway()]),
        ("gateway.enabled=true,gateway.tls=true", [gateway_with_tls()]),
        ("nodeAgent.enabled=true", node_agent_objects()),
    ],
)
def test_what_is_a_folder_of_its_own_is_a_value(helm: Helm, option: str, wanted: list[Object]) -> None:
    found = by_identity(of_charts(helm, *values(option)))
    assert found == by_identity([*documents(), *wanted])


def test_a_release_in_another_namespace_names_it_everywhere(helm: Helm) -> None:
    chosen = values(*OPTIONS.values(), "gateway.enabled=true")
    for obj in helm.objects(CHARTS / CONTROLLER, "models", *chosen):
        assert metadata.namespace(obj) in ("", "models", *NAMESPACES), metadata.describe(obj)
        assert "kserve.svc" not in str(obj)
        assert '"kserve/kserve-' not in str(obj)
        assert "'namespace': 'kserve'" not in str(obj)
    assert not [obj for obj in helm.objects(CHARTS / CONTROLLER, "models") if obj["kind"] == "Namespace"]


def test_values_reach_the_deployment(helm: Helm) -> None:
    chosen = values("image.repository=registry/kservectl,image.tag=v1", "replicas=0", "extraArgs={--log-format=json}")
    chosen += ["--set", "nodeSelector.disk=ssd", "--set", "resources.limits.memory=1Gi"]
    found = by_identity(helm.objects(CHARTS / CONTROLLER, "kserve", *chosen))
    spec = found["Deployment", "kserve", "kserve-controller-manager"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert spec["replicas"] == 0
    assert container["image"] == "registry/kservectl:v1"
    assert container["args"][-1] == "--log-format=json"
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "1Gi"}
    assert spec["template"]["spec"]["nodeSelector"] == {"disk": "ssd"}


@pytest.mark.parametrize("value", ["replica=2", "sharding=true", "namespaces={Team_A}", "gateway.class=x"])
def test_values_that_nobody_knows_are_refused(helm: Helm, tmp_path: Path, value: str) -> None:
    refused = helm.run("template", "a-release", str(CHARTS / CONTROLLER), "--set", value)
    assert refused.returncode != 0
    assert "values don't meet the specifications of the schema" in refused.stderr
