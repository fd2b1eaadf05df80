"""Each component: what it adds, changes and leaves out; and that kustomize makes the same of it."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from kservectl.manifests import rbac
from kservectl.manifests.components.catalogue import components
from kservectl.manifests.layout import documents
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

MANIFESTS = Path(__file__).parents[3] / "manifests"
KUBECTL = shutil.which("kubectl")
NAMES = tuple(components())

Identity = tuple[str, str, str]


def by_identity(objects: Sequence[Object]) -> dict[Identity, Object]:
    found = {(obj["kind"], metadata.namespace(obj), metadata.name(obj)): obj for obj in objects}
    assert len(found) == len(objects), "two objects have one name"
    return found


BASE = by_identity(documents())


def changed(*names: str) -> tuple[set[Identity], set[Identity], set[Identity]]:
    """Which objects components add, leave out, and change."""
    found = by_identity(documents(names))
    return (
        set(found) - set(BASE),
        set(BASE) - set(found),
        {key for key in set(found) & set(BASE) if found[key] != BASE[key]},
    )


def deployment(*names: str, namespaces: Sequence[str] = ("default",)) -> Any:
    found = by_identity(documents(names, namespaces))
    return found["Deployment", "kserve", "kserve-controller-manager"]["spec"]


def arguments(*names: str, namespaces: Sequence[str] = ("default",)) -> Any:
    return deployment(*names, namespaces=namespaces)["template"]["spec"]["containers"][0]["args"]


MANAGER = ("Deployment", "kserve", "kserve-controller-manager")


def test_cert_manager_makes_the_certificate_that_the_manager_reads_and_the_api_server_trusts() -> None:
    added, removed, patched = changed("cert-manager")
    assert added == {("Issuer", "kserve", "selfsigned-issuer"), ("Certificate", "kserve", "serving-cert")}
    assert removed == {
        (kind, "kserve" if kind.startswith("Role") else "", "kserve-controller-manager-certificates")
        for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    }
    assert patched == {MANAGER} | {key for key in BASE if key[0].endswith("WebhookConfiguration")}
    pod = deployment("cert-manager")["template"]["spec"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    found = by_identity(documents(["cert-manager"]))
    certificate = found["Certificate", "kserve", "serving-cert"]["spec"]
    assert f"--webhook-cert-dir={mounts['certificates']}" in container["args"]
    assert volumes["certificates"]["secret"]["secretName"] == certificate["secretName"]
    assert "kserve-webhook-server-service.kserve.svc" in certificate["dnsNames"]
    assert certificate["issuerRef"]["name"] == "selfsigned-issuer"


def test_with_cert_manager_the_manager_has_no_right_to_secrets_of_its_namespace_or_to_webhook_configurations() -> None:
    resources = {
        resource
        for obj in documents(["cert-manager"])
        if obj["kind"] in ("Role", "ClusterRole")
        for rule in obj["rules"]
        if set(rule["verbs"]) != {"get"}
        for resource in rule["resources"]
    }
    assert not resources & {"secrets", "mutatingwebhookconfigurations", "validatingwebhookconfigurations"}


def test_high_availability_has_two_replicas_of_which_one_may_be_evicted() -> None:
    added, removed, patched = changed("high-availability")
    assert (removed, patched) == (set(), {MANAGER})
    assert added == {("PodDisruptionBudget", "kserve", "kserve-controller-manager")}
    spec = deployment("high-availability")
    assert spec["replicas"] == 2
    assert "--leader-elect" in spec["template"]["spec"]["containers"][0]["args"]
    labels = spec["template"]["metadata"]["labels"].items()
    assert [each["topologyKey"] for each in spec["template"]["spec"]["topologySpreadConstraints"]] == [
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    ]
    for each in spec["template"]["spec"]["topologySpreadConstraints"]:
        assert each["labelSelector"]["matchLabels"].items() <= labels
    budget = by_identity(documents(["high-availability"]))[next(iter(added))]["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels
    assert budget["maxUnavailable"] == 1


def test_sharding_has_replicas_that_work_and_see_one_another() -> None:
    added, removed, patched = changed("sharding")
    assert (removed, patched) == (set(), {MANAGER})
    assert added == {(kind, "kserve", rbac.SHARDING) for kind in ("Role", "RoleBinding")}
    assert deployment("sharding")["replicas"] == 3
    assert "--sharded" in arguments("sharding")


def test_sharding_says_how_many_replicas_there_are_whatever_the_order_of_names() -> None:
    assert deployment("high-availability", "sharding")["replicas"] == 3
    assert deployment("sharding", "high-availability")["replicas"] == 3


def test_namespaced_has_roles_in_each_namespace_and_no_cluster_role_for_workloads() -> None:
    found = by_identity(documents(["namespaced"], ["team-a", "team-b"]))
    cluster_roles = [obj for (kind, _, _), obj in found.items() if kind == "ClusterRole"]
    of_any_name = [rule for role in cluster_roles for rule in role["rules"] if "resourceNames" not in rule]
    assert {each for rule in of_any_name for each in rule["resources"]} == {
        "clusterservingruntimes",
        "clusterstoragecontainers",
        "localmodelcaches",
        "localmodelnodegroups",
        "customresourcedefinitions",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    }
    for namespace in ("team-a", "team-b"):
        assert found["Role", namespace, rbac.WORKLOADS]["rules"] == rbac.workloads()
        assert found["RoleBinding", namespace, rbac.WORKLOADS]["subjects"][0]["namespace"] == "kserve"
    assert arguments("namespaced", namespaces=["team-a", "team-b"])[-2:] == ["--namespace=team-a", "--namespace=team-b"]


def test_network_policies_leave_the_webhooks_open_and_metrics_to_those_who_scrape() -> None:
    added, removed, patched = changed("network-policies")
    assert (removed, patched) == (set(), set())
    policy = by_identity(documents(["network-policies"]))[next(iter(added))]["spec"]
    pod = deployment()["template"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
    open_to = {rule["ports"][0]["port"]: rule.get("from") for rule in policy["ingress"]}
    assert set(open_to) <= ports
    assert open_to == {
        "webhook-server": None,
        "metrics": [{"namespaceSelector": {"matchLabels": {"metrics": "enabled"}}}],
    }


def test_the_service_monitor_selects_the_metrics_service_and_no_other() -> None:
    found = by_identity(documents(["service-monitor"]))
    monitor = found["ServiceMonitor", "kserve", "kserve-controller-manager"]["spec"]
    wanted = monitor["selector"]["matchLabels"].items()
    services = [obj for (kind, _, _), obj in found.items() if kind == "Service"]
    (service,) = [obj for obj in services if wanted <= obj["metadata"]["labels"].items()]
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert service["metadata"]["name"] == "kserve-controller-manager-metrics"


def test_base_knows_nothing_of_components() -> None:
    documents(NAMES)
    assert by_identity(documents()) == BASE


@pytest.mark.parametrize(
    "names", [*((name,) for name in NAMES), ("high-availability", "sharding"), NAMES], ids=lambda names: "+".join(names)
)
def test_kustomize_makes_of_components_what_the_code_makes_of_them(names: tuple[str, ...], tmp_path: Path) -> None:
    if KUBECTL is None:
        pytest.skip("kubectl is not installed, so kustomize cannot be tried")
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [os.path.relpath(MANIFESTS, tmp_path)],
        "components": [os.path.relpath(MANIFESTS / "components" / name, tmp_path) for name in names],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    built = subprocess.run([KUBECTL, "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    objects = list(yaml.load_all(built.stdout, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    assert by_identity(objects) == by_identity(documents(names))
