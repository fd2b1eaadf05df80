"""Clusters with model caches to decide in: nodes, groups, caches, and what nodes answer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kservectl.api.kinds import (
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE,
    LOCAL_MODEL_NODE_GROUP,
)
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.localmodel import placement
from kservectl.controllers.localmodel.reconcile import reconcile
from kservectl.controllers.localmodel.scope import CLUSTER, NAMESPACE
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings()
JOBS = "kserve-localmodel-jobs"
SOURCE = "s3://models/llama"
CACHE = "internal.serving.kserve.io/localmodel"
CACHE_NAMESPACE = "internal.serving.kserve.io/localmodel-namespace"
ALL_KINDS = (
    CONFIG_MAP,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE,
    LOCAL_MODEL_NODE_GROUP,
)


def of(kind: Kind, name: str, namespace: str = "", **rest: Any) -> Object:
    meta: Object = {"name": name, "uid": f"uid-{namespace}-{name}", "generation": 1, "resourceVersion": "5"}
    if namespace:
        meta["namespace"] = namespace
    meta |= rest.pop("meta", {})
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, **rest}


def node(name: str, pool: str = "gpu", *, ready: bool = True, **labels: str) -> Object:
    status = {"conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}]}
    return of(NODE, name, meta={"labels": {"pool": pool, **labels}}, status=status)


def group(name: str = "gpu", *, limit: str = "100Gi", pools: Iterable[str] | None = None, **spec: Any) -> Object:
    expression = {"key": "pool", "operator": "In", "values": list(pools if pools is not None else (name,))}
    return of(
        LOCAL_MODEL_NODE_GROUP,
        name,
        spec={
            "storageLimit": limit,
            "persistentVolumeSpec": {
                "accessModes": ["ReadWriteOnce"],
                "capacity": {"storage": limit},
                "local": {"path": "/models"},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}},
            },
            "persistentVolumeClaimSpec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": limit}},
            },
            **spec,
        },
    )


def cache(
    name: str = "llama",
    *groups: str,
    namespace: str = "",
    source: str = SOURCE,
    size: str = "10Gi",
    created: str = "2026-01-01T00:00:00Z",
    status: Object | None = None,
    meta: Object | None = None,
    **spec: Any,
) -> Object:
    kind = LOCAL_MODEL_NAMESPACE_CACHE if namespace else LOCAL_MODEL_CACHE
    whole = {"sourceModelUri": source, "modelSize": size, "nodeGroups": list(groups or ("gpu",)), **spec}
    known = {"creationTimestamp": created, **(meta or {})}
    return of(kind, name, namespace, meta=known, spec=whole, status=status or {})


def deleted(obj: Object) -> Object:
    finalizers = ["localmodel.kserve.io/finalizer", "localmodelnamespacecache.kserve.io/finalizer"]
    meta = {**obj["metadata"], "deletionTimestamp": "2026-03-01T11:59:00Z", "finalizers": finalizers}
    return {**obj, "metadata": meta}


def service(
    name: str, namespace: str = "team", *, cache: str = "llama", of_namespace: str = "", group: str = ""
) -> Object:
    labels = {CACHE: cache, **({CACHE_NAMESPACE: of_namespace} if of_namespace else {})}
    annotations = {"serving.kserve.io/nodegroup": group} if group else {}
    return of(INFERENCE_SERVICE, name, namespace, meta={"labels": labels, "annotations": annotations})


def llm_service(name: str, namespace: str = "team", *, cache: str = "llama") -> Object:
    return of(LLM_INFERENCE_SERVICE, name, namespace, meta={"labels": {CACHE: cache}})


def order(name: str, *entries: Object, waiting: Iterable[Object] = (), **status: Any) -> Object:
    """A LocalModelNode; `states` is short for `modelStatus`."""
    if "states" in status:
        status["modelStatus"] = status.pop("states")
        status.setdefault("observedGeneration", 1)
    spec: Object = {"localModels": list(entries)}
    if waiting:
        spec["waitingModels"] = list(waiting)
    return of(LOCAL_MODEL_NODE, name, spec=spec, status=status)


def entry(name: str = "llama", namespace: str = "", group: str = "gpu", source: str = SOURCE) -> Object:
    found = {"modelName": name, "namespace": namespace, "sourceModelUri": source, "nodeGroup": group}
    return {**{key: value for key, value in found.items() if value}, "modelSize": "10Gi"}


def configuration(local_model: str | None = None) -> Object:
    text = local_model if local_model is not None else f'{{"enabled": true, "jobNamespace": "{JOBS}"}}'
    meta = {"resourceVersion": text}  # a configuration is read once for each version
    return of(CONFIG_MAP, "inferenceservice-config", "kserve", meta=meta, data={"localModel": text})


def view(*objects: Object, now: datetime = NOW, without: Iterable[Kind] = (), config: str | None = None) -> StaticView:
    kinds = [kind for kind in ALL_KINDS if kind not in without]
    return StaticView([configuration(config), *objects], kinds=kinds, now=now)


def decide(subject: Object, *objects: Object, **options: Any) -> Outcome:
    """The outcome of the cache `subject` among `objects`."""
    scope = NAMESPACE if metadata.namespace(subject) else CLUSTER
    return reconcile(subject, view(subject, *objects, **options), scope=scope, settings=SETTINGS)


def placed(on: Object, *objects: Object, **options: Any) -> Object | None:
    """The spec of the LocalModelNode of the node `on`; None where it gets none."""
    outcome = placement.reconcile(on, view(on, *objects, **options), settings=SETTINGS)
    assert not outcome.complete
    return dict(outcome.desired[0]["spec"]) if outcome.desired else None


def status_of(outcome: Outcome) -> Object:
    assert outcome.status is not None
    return outcome.status


def condition(outcome: Outcome, type_: str) -> tuple[str, str, str]:
    found = next(each for each in status_of(outcome)["conditions"] if each["type"] == type_)
    return found["status"], found.get("reason", ""), found.get("message", "")


def names(outcome: Outcome) -> list[str]:
    """`PV name` and `PVC namespace/name` of what is desired, sorted."""
    short = {"PersistentVolume": "PV", "PersistentVolumeClaim": "PVC"}
    return sorted(f"{short[obj['kind']]} {metadata.key(obj)}" for obj in outcome.desired)
