"""Which InferenceGraphs a change of something else concerns."""

from collections.abc import Iterable

from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.config_keys import STANDARD
from kservectl.api.kinds import INFERENCE_GRAPH
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.view import View


def of_service(change: Change, view: View) -> Iterable[ObjectKey]:
    """The graphs of the namespace that name this InferenceService, when it moved in something that they look at."""
    if change.initial or _tells(change.old) == _tells(change.new):
        return ()
    name = metadata.name(change.object)
    graphs = view.list(INFERENCE_GRAPH, metadata.namespace(change.object))
    return [metadata.key(graph) for graph in graphs if name in _named_services(graph)]


def of_runtime(change: Change, view: View) -> Iterable[ObjectKey]:
    """All graphs that name services, when a runtime speaks other protocols."""
    if change.initial or _protocols(change.old) == _protocols(change.new):
        return ()
    namespace = metadata.namespace(change.object) or None
    return [metadata.key(graph) for graph in view.list(INFERENCE_GRAPH, namespace) if _named_services(graph)]


def of_configuration(change: Change, view: View) -> Iterable[ObjectKey]:
    """Every graph, when the configuration says something else."""
    if change.initial or metadata.name(change.object) != CONFIG_MAP_NAME:
        return ()
    if (change.old or {}).get("data") == (change.new or {}).get("data"):
        return ()
    return [metadata.key(graph) for graph in view.list(INFERENCE_GRAPH)]


def of_knative_configuration(change: Change, view: View) -> Iterable[ObjectKey]:
    """Every graph that is not known to run in Standard mode, when Knative Serving is configured otherwise."""
    if change.initial or (change.old or {}).get("data") == (change.new or {}).get("data"):
        return ()
    graphs = view.list(INFERENCE_GRAPH)
    return [metadata.key(graph) for graph in graphs if (graph.get("status") or {}).get("deploymentMode") != STANDARD]


def _named_services(graph: Object) -> set[str]:
    nodes = (graph.get("spec") or {}).get("nodes") or {}
    return {str(step.get("serviceName")) for node in nodes.values() for step in (node or {}).get("steps") or ()} - {
        "None"
    }


def _tells(service: Object | None) -> object:
    if service is None:
        return None
    status = service.get("status") or {}
    ready = [each.get("status") for each in status.get("conditions") or () if each.get("type") == "Ready"]
    return service.get("spec"), (status.get("address") or {}).get("url"), ready


def _protocols(runtime: Object | None) -> object:
    return None if runtime is None else (runtime.get("spec") or {}).get("protocolVersions")
