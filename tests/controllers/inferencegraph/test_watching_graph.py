"""Whose changes make a graph be decided again."""

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.controllers.inferencegraph import watching
from kservectl.controllers.inferencegraph.controller import build
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.informers import Change
from kservectl.objects.metadata import ObjectKey
from tests.controllers.inferencegraph.graphs import World, configuration, graph, service

NAMES_IRIS = graph({"serviceName": "iris"})
VIEW = World(NAMES_IRIS).view()
FLOW = [ObjectKey("ml", "flow")]


def test_a_service_that_moves_concerns_the_graphs_that_name_it() -> None:
    assert watching.of_service(Change(service(), service(ready=False)), VIEW) == FLOW
    assert watching.of_service(Change(service(address=""), service()), VIEW) == FLOW
    assert watching.of_service(Change(service(), service(predictor={"triton": {}})), VIEW) == FLOW
    assert watching.of_service(Change(None, service()), VIEW) == FLOW
    assert watching.of_service(Change(service(), None), VIEW) == FLOW
    assert watching.of_service(Change(None, service("other")), VIEW) == []


def test_what_a_graph_does_not_look_at_concerns_nobody() -> None:
    moved = service()
    moved["status"]["modelStatus"] = {"transitionStatus": "UpToDate"}
    assert watching.of_service(Change(service(), moved), VIEW) == ()
    assert watching.of_service(Change(None, service(), initial=True), VIEW) == ()


def test_a_runtimes_protocols_concern_graphs_that_name_services() -> None:
    def runtime(*protocols: str) -> dict[str, object]:
        return {"metadata": {"name": "r"}, "spec": {"protocolVersions": list(protocols)}}

    assert watching.of_runtime(Change(runtime("v1"), runtime("v2")), VIEW) == FLOW
    assert watching.of_runtime(Change(runtime("v1"), runtime("v1")), VIEW) == ()
    assert watching.of_runtime(Change(runtime("v1"), runtime("v2")), World(graph()).view()) == []


def test_the_configuration_concerns_all_graphs() -> None:
    assert watching.of_configuration(Change(configuration(), configuration(router=None)), VIEW) == FLOW
    assert watching.of_configuration(Change(configuration(), configuration()), VIEW) == ()


def test_the_controller_shares_the_services_cache() -> None:
    controller = build(Settings())
    (watched,) = [each for each in controller.watches if each.kind == INFERENCE_SERVICE]
    assert (watched.optional, watched.label_selector, watched.transform) == (False, "", None)
