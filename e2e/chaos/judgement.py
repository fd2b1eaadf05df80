"""What is wrong with the cluster at the end of a run, in sentences; nothing, if all is as it was asked for."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from e2e.api import condition, is_ready
from e2e.chaos.changes import NAMESPACE, is_stopped
from e2e.chaos.stand import Stand
from e2e.chaos.user import GARDEN, OTHER_NAMESPACE, User
from e2e.manager import ManagerProcess
from e2e.rendering import deviations_from, missing, rendered
from kservectl.api.config import CONFIG_MAP_NAME, DEFAULT_NAMESPACE
from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    SERVING_RUNTIME,
    TRAINED_MODEL,
)
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    POD,
    REPLICA_SET,
    SERVICE_ACCOUNT,
)
from kservectl.objects.kind import NAMESPACE as NAMESPACE_KIND
from kservectl.objects.metadata import Object

_LIST = f"modelconfig-{GARDEN}-0"
_SURROUNDINGS = (SERVING_RUNTIME, CLUSTER_SERVING_RUNTIME, SERVICE_ACCOUNT)


async def deviations(stand: Stand, user: User, folder: Path) -> list[str]:
    """How the cluster differs from what the user was granted, and from what that leads to."""
    cluster = stand.cluster
    manifests = [_plain(obj) for kind in _SURROUNDINGS for obj in cluster.list(kind) if _counts(obj)]
    graphs = [
        {"apiVersion": INFERENCE_GRAPH.api_version, "kind": INFERENCE_GRAPH.kind, **obj} for obj in user.graphs.values()
    ]
    config = cluster.get(CONFIG_MAP, CONFIG_MAP_NAME, DEFAULT_NAMESPACE)
    assert config is not None
    wanted = await rendered(
        [*manifests, *user.wishes.values(), *graphs], folder, {**_plain(config), "data": config["data"]}
    )
    return [
        *_of_wishes(stand, user),
        *await deviations_from(stand.api, NAMESPACE, wanted),
        *_of_models(stand, user),
        *_unscaled(stand),
        *_left_over(stand),
    ]


def of_logs(managers: Sequence[ManagerProcess]) -> list[str]:
    """Tracebacks, and decisions that raised, in what the managers wrote."""
    return [
        f"{manager} wrote {str(line)[:1500]}"
        for manager in managers
        for line in manager.lines()
        if ("text" in line and not line["text"].startswith("Error: ")) or "exception" in line
    ]


def _of_wishes(stand: Stand, user: User) -> Iterator[str]:
    """Every service is there as it was asked for, tells of what it is now, and is Ready unless it is stopped."""
    found = {metadata.name(obj): obj for obj in stand.cluster.list(INFERENCE_SERVICE, NAMESPACE)}
    yield from _names("service", user.wishes, found)
    for name in user.wishes.keys() & found.keys():
        wish, obj = user.wishes[name], found[name]
        for each in missing(wish["spec"], obj["spec"], "spec"):
            yield f"service {name}: {each}"
        if is_stopped(wish):
            if condition(obj, "Ready").get("status") != "False":
                yield f"service {name} is stopped and says {condition(obj, 'Ready')}"
        elif not is_ready(obj):
            yield f"service {name} is not Ready: {(obj.get('status') or {}).get('conditions')}"
        types = [each["type"] for each in (obj.get("status") or {}).get("conditions") or ()]
        if len(set(types)) != len(types):
            yield f"service {name} has a condition twice"
    for graph in stand.cluster.list(INFERENCE_GRAPH, NAMESPACE):
        if not is_ready(graph):
            yield f"graph {metadata.name(graph)} is not Ready: {(graph.get('status') or {}).get('conditions')}"
    yield from _names("graph", user.graphs, map(metadata.name, stand.cluster.list(INFERENCE_GRAPH, NAMESPACE)))


def _of_models(stand: Stand, user: User) -> Iterator[str]:
    yield from _names("model", user.models, map(metadata.name, stand.cluster.list(TRAINED_MODEL, NAMESPACE)))
    served = stand.cluster.get(CONFIG_MAP, _LIST, NAMESPACE)
    if served is None:
        yield f"ConfigMap {_LIST} is lost"
        return
    entries = {each["modelName"]: each["modelSpec"]["storageUri"] for each in json.loads(served["data"]["models.json"])}
    wanted = {name: model["uri"] for name, model in user.models.items()}
    if entries != wanted and not is_stopped(user.wishes[GARDEN]):
        yield f"the list of models is {entries}, not {wanted}"


def _unscaled(stand: Stand) -> Iterator[str]:
    """The cluster's own controllers lost their watches, too, and may be late."""
    for autoscaler in stand.cluster.list(HORIZONTAL_POD_AUTOSCALER, NAMESPACE):
        least, most = autoscaler["spec"].get("minReplicas", 1), autoscaler["spec"]["maxReplicas"]
        target = stand.cluster.get(DEPLOYMENT, autoscaler["spec"]["scaleTargetRef"]["name"], NAMESPACE)
        replicas = target["spec"].get("replicas", 1) if target is not None else 0
        if replicas and not least <= replicas <= most:
            yield f"{metadata.describe(autoscaler)} has yet to scale {replicas} replicas to {least} to {most}"


def _left_over(stand: Stand) -> Iterator[str]:
    """What belongs to nobody who is there, and what is still going away."""
    if stand.cluster.get(NAMESPACE_KIND, OTHER_NAMESPACE) is not None:
        yield f"namespace {OTHER_NAMESPACE} is still going away"
    for kind in (POD, REPLICA_SET, CONTROLLER_REVISION, CONFIG_MAP):
        for obj in stand.cluster.list(kind):
            owners = {str(each["uid"]) for each in metadata.metadata(obj).get("ownerReferences") or ()}
            if owners and not owners & stand.uids():
                yield f"{metadata.describe(obj)} belongs to nobody who is there"
    for kind in (INFERENCE_SERVICE, TRAINED_MODEL, INFERENCE_GRAPH, POD):
        for obj in stand.cluster.list(kind):
            if metadata.is_deleting(obj):
                yield f"{metadata.describe(obj)} is still going away"


def _names(what: str, wanted: Iterable[str], found: Iterable[str]) -> Iterator[str]:
    wanted, found = set(wanted), set(found)
    for name in sorted(wanted - found):
        yield f"{what} {name} is lost"
    for name in sorted(found - wanted):
        yield f"{what} {name} is left over"


def _counts(obj: Object) -> bool:
    return metadata.namespace(obj) in ("", NAMESPACE)


def _plain(obj: Object) -> Object:
    """As it would be written in a file."""
    head = {
        key: value
        for key, value in metadata.metadata(obj).items()
        if key in ("name", "namespace", "annotations", "labels")
    }
    return {**{key: value for key, value in obj.items() if key not in ("metadata", "status")}, "metadata": head}
