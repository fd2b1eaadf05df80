"""Services on a whole cluster while their exposure changes: what they own is exactly what `render` prints, each time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cache
from typing import Any

import pytest

from kservectl.api.crds import crds
from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    CLUSTER_STORAGE_CONTAINER,
    GATEWAY,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    SCALED_OBJECT,
)
from kservectl.client.errors import Invalid
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.controller import build
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.contract import TypeSystem
from kservectl.devcluster.types import builtin_types
from kservectl.development.environment import Environment, EnvironmentOptions, running
from kservectl.explaining import explain
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    NETWORK_POLICY,
)
from kservectl.objects.metadata import Object
from kservectl.rendering import Renderer
from kservectl.runtime.drift import differences
from kservectl.runtime.writes import FIELD_MANAGER

CONFIG = ("inferenceservice-config", "kserve")
CUSTOM: Object = {"containers": [{"name": "kserve-container", "image": "example/mine:1"}]}
NAME = "iris"
PATIENCE, PAUSE = 20.0, 0.05


def service(
    annotations: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None, **spec: Any
) -> Object:
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": "gs://bucket/iris"}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.kind,
        "metadata": {
            "name": NAME,
            "namespace": "default",
            "annotations": {**(annotations or {})},
            "labels": {**(labels or {})},
        },
        "spec": {"predictor": {"model": model}, **spec},
    }


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    async with running(EnvironmentOptions()) as made:
        yield made


def live(environment: Environment) -> Object:
    found = environment.cluster.get(INFERENCE_SERVICE, NAME, "default")
    assert found is not None
    return found


def condition(environment: Environment, type_: str) -> Object:
    conditions = (live(environment).get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == type_), {})


def owned(environment: Environment) -> dict[tuple[str, str], Object]:
    """All that the service owns but the record of its versions: `render` knows no past."""
    uid = metadata.uid(live(environment))
    registry = environment.cluster.registry
    kinds = {
        each.kind
        for each in build(Settings()).owns
        if each.kind != CONTROLLER_REVISION and registry.named(each.kind.group, each.kind.version, each.kind.kind)
    }
    return {
        (kind.kind, metadata.name(obj)): obj
        for kind in kinds
        for obj in environment.cluster.list(kind, "default")
        if metadata.is_controlled_by(obj, uid)
    }


@cache
def types() -> TypeSystem:
    known = builtin_types()
    for definition in crds():
        known.add_definition(definition)
    return known


def rendered(environment: Environment, manifest: Object) -> dict[tuple[str, str], Object]:
    cluster = environment.cluster
    surroundings = [
        *cluster.list(CLUSTER_SERVING_RUNTIME),
        *cluster.list(CLUSTER_STORAGE_CONTAINER),
        *cluster.list(CONFIG_MAP, "kserve"),
    ]
    objects = Renderer(surroundings, types(), Settings(), SystemClock().now()).render(manifest).objects
    return {(obj["kind"], metadata.name(obj)): obj for obj in objects if obj["kind"] != CONTROLLER_REVISION.kind}


def deviations(environment: Environment, wanted: dict[tuple[str, str], Object]) -> list[str]:
    """Everything in which the cluster is not as `render` printed; empty when it is exactly so."""
    found = owned(environment)
    names = [f"{kind} {name} is missing" for kind, name in wanted.keys() - found.keys()]
    names += [f"{kind} {name} is left over" for kind, name in found.keys() - wanted.keys()]
    for identity in wanted.keys() & found.keys():
        references = {"ownerReferences": [metadata.controller_reference(live(environment))]}
        printed = {**wanted[identity], "metadata": {**wanted[identity]["metadata"], **references}}
        names += [f"{identity}: {each}" for each in differences(found[identity], printed, FIELD_MANAGER)]
    return names


async def until(holds: Callable[[], bool], otherwise: Callable[[], object]) -> None:
    """Return once `holds`; say what is there instead when that takes too long."""
    for _ in range(int(PATIENCE / PAUSE)):
        if holds():
            return
        await asyncio.sleep(PAUSE)
    raise AssertionError(otherwise())


async def eventually(environment: Environment, manifest: Object) -> None:
    """The service is Ready as it is now, and what it owns is what `render` prints."""
    wanted = rendered(environment, manifest)

    def settled() -> bool:
        seen = (live(environment).get("status") or {}).get("observedGeneration")
        ready = (
            seen == metadata.generation(live(environment)) and condition(environment, "Ready").get("status") == "True"
        )
        return ready and not deviations(environment, wanted)

    await until(settled, lambda: (deviations(environment, wanted), live(environment).get("status")))


async def apply(environment: Environment, manifest: Object) -> None:
    await environment.apply([manifest])
    await eventually(environment, manifest)


async def configure(environment: Environment, key: str, **members: Any) -> None:
    """Change members of one key of the ConfigMap, as an administrator would."""
    present = environment.cluster.get(CONFIG_MAP, *CONFIG)
    assert present is not None
    value = {**json.loads(present["data"].get(key, "{}")), **members}
    await environment.client.patch(CONFIG_MAP, *CONFIG, {"data": {key: json.dumps(value)}})


def kinds_of(environment: Environment) -> set[str]:
    return {kind for kind, _ in owned(environment)}


async def test_after_each_change_the_owned_set_is_what_render_prints(environment: Environment) -> None:
    both = service(transformer=CUSTOM, explainer=CUSTOM)
    await apply(environment, both)
    assert ("HTTPRoute", "iris-transformer") in owned(environment)

    await configure(environment, "ingress", enableGatewayApi=False)
    await eventually(environment, both)
    assert "Ingress" in kinds_of(environment)
    assert "HTTPRoute" not in kinds_of(environment)
    await configure(environment, "ingress", enableGatewayApi=True)
    await eventually(environment, both)
    assert "HTTPRoute" in kinds_of(environment)
    assert "Ingress" not in kinds_of(environment)

    alone = service(explainer=CUSTOM)
    await apply(environment, alone)
    assert not [name for _, name in owned(environment) if name == "iris-transformer"]

    local = service(explainer=CUSTOM, labels={"networking.kserve.io/visibility": "cluster-local"})
    await apply(environment, local)
    assert not kinds_of(environment) & {"HTTPRoute", "Ingress"}
    await until(
        lambda: live(environment)["status"]["address"]["url"] == "http://iris-predictor.default.svc.cluster.local",
        lambda: live(environment)["status"],
    )

    stopped = service(explainer=CUSTOM, annotations={"serving.kserve.io/stop": "true"})
    await environment.apply([stopped])
    await until(
        lambda: condition(environment, "Stopped").get("status") == "True" and not owned(environment),
        lambda: owned(environment).keys(),
    )
    assert rendered(environment, stopped) == {}
    await apply(environment, alone)
    assert {"Deployment", "Service", "HTTPRoute"} <= kinds_of(environment)


async def test_changed_domain_templates_and_timeouts_reach_the_routes_without_a_restart(
    environment: Environment,
) -> None:
    plain = service()
    await apply(environment, plain)
    await configure(
        environment,
        "ingress",
        ingressDomain="models.io",
        domainTemplate="{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}",
        additionalIngressDomains=["models.org"],
        pathTemplate="/{{ .Namespace }}/{{ .Name }}",
        disableHTTPRouteTimeout=True,
        urlScheme="https",
    )
    await eventually(environment, plain)
    routes = {name: obj["spec"] for (kind, name), obj in owned(environment).items() if kind == "HTTPRoute"}
    assert set(routes) == {"iris", "iris-predictor", "iris-path"}
    assert routes["iris"]["hostnames"] == ["iris.default.models.io", "iris.default.models.org"]
    assert all("timeouts" not in rule for route in routes.values() for rule in route["rules"])
    await until(
        lambda: live(environment)["status"]["url"] == "https://iris.default.models.io",
        lambda: live(environment)["status"],
    )

    await configure(environment, "ingress", additionalIngressDomains=[], pathTemplate="", disableHTTPRouteTimeout=False)
    await eventually(environment, plain)
    routes = {name: obj["spec"] for (kind, name), obj in owned(environment).items() if kind == "HTTPRoute"}
    assert set(routes) == {"iris", "iris-predictor"}
    assert routes["iris"]["hostnames"] == ["iris.default.models.io"]
    assert all(rule["timeouts"] == {"request": "60s"} for route in routes.values() for rule in route["rules"])

    await configure(environment, "ingress", disableIngressCreation=True)
    await eventually(environment, plain)
    assert "HTTPRoute" not in kinds_of(environment)


async def test_network_policies_come_and_go_with_their_key(environment: Environment) -> None:
    plain = service()
    await apply(environment, plain)
    assert environment.cluster.list(NETWORK_POLICY, "default") == []
    await configure(environment, "networkPolicy", enabled=True)
    await eventually(environment, plain)
    (policy,) = environment.cluster.list(NETWORK_POLICY, "default")
    assert metadata.is_controlled_by(policy, metadata.uid(live(environment)))
    await configure(environment, "networkPolicy", enabled=False)
    await eventually(environment, plain)
    assert environment.cluster.list(NETWORK_POLICY, "default") == []


async def test_kind_that_is_installed_later_is_used_without_a_restart(environment: Environment) -> None:
    plain = service()
    definition = f"{HTTP_ROUTE.plural}.{HTTP_ROUTE.group}"
    found = environment.cluster.get(CUSTOM_RESOURCE_DEFINITION, definition)
    assert found is not None
    await environment.client.delete(CUSTOM_RESOURCE_DEFINITION, definition)
    await environment.apply([plain])
    await until(
        lambda: (
            (
                condition(environment, "IngressReady").get("reason"),
                condition(environment, "PredictorReady").get("status"),
            )
            == ("HTTPRouteNotServed", "True")
        ),
        lambda: live(environment).get("status"),
    )

    again = {name: found[name] for name in ("apiVersion", "kind", "spec")}
    await environment.client.apply(CUSTOM_RESOURCE_DEFINITION, {**again, "metadata": {"name": definition}})
    await eventually(environment, plain)
    assert ("HTTPRoute", "iris") in owned(environment)


async def test_services_choice_is_followed_and_taken_back(environment: Environment) -> None:
    plain, chosen = service(), service({"networking.kserve.io/gateway-api": "false"})
    await apply(environment, plain)
    await apply(environment, chosen)
    assert kinds_of(environment) & {"HTTPRoute", "Ingress"} == {"Ingress"}
    await apply(environment, plain)
    assert kinds_of(environment) & {"HTTPRoute", "Ingress"} == {"HTTPRoute"}

    with pytest.raises(Invalid, match="neither"):
        await environment.apply([service({"networking.kserve.io/gateway-api": "no"})])


async def test_service_waits_for_its_gateway_by_name_and_goes_on_once_it_is_there(environment: Environment) -> None:
    own = service({"networking.kserve.io/gateway": "default/edge"})
    await environment.apply([own])
    await until(
        lambda: "Gateway default/edge does not exist" in condition(environment, "IngressReady").get("message", ""),
        lambda: live(environment).get("status"),
    )
    listener = {"name": "http", "protocol": "HTTP", "port": 80}
    spec = {"gatewayClassName": "dev", "listeners": [listener]}
    meta = {"name": "edge", "namespace": "default"}
    await environment.apply([{"apiVersion": GATEWAY.api_version, "kind": "Gateway", "metadata": meta, "spec": spec}])
    await eventually(environment, own)


async def test_why_looks_at_gateways_of_other_namespaces(environment: Environment) -> None:
    listener: Object = {"name": "http", "protocol": "HTTP", "port": 80, "hostname": "*.example.com"}
    listener["allowedRoutes"] = {"namespaces": {"from": "All"}}
    spec = {"gatewayClassName": "dev", "listeners": [listener]}
    meta = {"name": "narrow", "namespace": "kserve"}
    await environment.apply([{"apiVersion": GATEWAY.api_version, "kind": "Gateway", "metadata": meta, "spec": spec}])
    choices = {"gateway": "kserve/narrow", "additional-hosts": "iris.other.io"}
    await apply(environment, service({f"networking.kserve.io/{name}": value for name, value in choices.items()}))

    now = SystemClock().now()
    answer = await explain(environment.client, INFERENCE_SERVICE, NAME, "default", settings=Settings(), now=now)
    (note,) = [each for each in answer.explanations if each.about == "HTTPRoute/iris"]
    assert note.message == "No listener of Gateway kserve/narrow serves iris.other.io."


async def test_switching_scalers_keeps_the_size_that_runs(environment: Environment) -> None:
    predictor = {**service()["spec"]["predictor"], "minReplicas": 3}

    def by(class_: str) -> Object:
        return service({"serving.kserve.io/autoscalerClass": class_}, predictor=predictor)

    def size() -> Any:
        deployment = environment.cluster.get(DEPLOYMENT, "iris-predictor", "default")
        return (deployment or {"spec": {}})["spec"].get("replicas")

    def scalers() -> set[str]:
        return kinds_of(environment) & {"HorizontalPodAutoscaler", "ScaledObject"}

    await apply(environment, by("none"))
    assert size() == 3
    classes: tuple[tuple[str, set[str]], ...] = (
        ("external", set()),
        ("keda", {"ScaledObject"}),
        ("hpa", {"HorizontalPodAutoscaler"}),
        ("keda", {"ScaledObject"}),
    )
    for class_, kinds in classes:
        await environment.apply([by(class_)])
        # `render` starts from nothing and so knows no size that runs: the scalers alone are compared.
        await until(lambda kinds=kinds: scalers() == kinds, scalers)  # type: ignore[misc]  # mypy infers no default
        assert size() == 3
    assert environment.cluster.list(HORIZONTAL_POD_AUTOSCALER, "default") == []
    assert len(environment.cluster.list(SCALED_OBJECT, "default")) == 1


async def test_autoscaler_of_a_user_is_never_overwritten(environment: Environment) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "iris-predictor"}
    mine = {
        "apiVersion": HORIZONTAL_POD_AUTOSCALER.api_version,
        "kind": HORIZONTAL_POD_AUTOSCALER.kind,
        "metadata": {"name": "iris-predictor", "namespace": "default"},
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9},
    }
    await environment.apply([mine, service()])
    await until(
        lambda: "it was left untouched" in condition(environment, "PredictorReady").get("message", ""),
        lambda: live(environment).get("status"),
    )
    found = environment.cluster.get(HORIZONTAL_POD_AUTOSCALER, "iris-predictor", "default")
    assert found is not None
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (2, 9)

    await apply(environment, service({"serving.kserve.io/autoscalerClass": "external"}))
    assert environment.cluster.get(HORIZONTAL_POD_AUTOSCALER, "iris-predictor", "default") is not None


@pytest.mark.parametrize(("owner", "taken"), [([], True), ([{"controller": True}], False)])
async def test_route_of_the_same_name_is_taken_over_only_when_nobody_controls_it(
    environment: Environment, owner: list[Object], taken: bool
) -> None:
    foreign = {"apiVersion": "example.com/v1", "kind": "Thing", "name": "other", "uid": "not-ours"}
    theirs = {
        "apiVersion": HTTP_ROUTE.api_version,
        "kind": HTTP_ROUTE.kind,
        "metadata": {
            "name": NAME,
            "namespace": "default",
            "ownerReferences": [{**foreign, **each} for each in owner],
        },
        "spec": {"hostnames": ["theirs.io"]},
    }
    await environment.client.create(HTTP_ROUTE, theirs)
    await environment.apply([service()])
    if taken:
        await eventually(environment, service())
        return
    await until(
        lambda: "controlled by Thing other" in condition(environment, "IngressReady").get("message", ""),
        lambda: live(environment).get("status"),
    )
    found = environment.cluster.get(HTTP_ROUTE, NAME, "default")
    assert found is not None
    assert found["spec"]["hostnames"] == ["theirs.io"]
