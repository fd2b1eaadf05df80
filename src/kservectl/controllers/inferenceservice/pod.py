"""The pod of a component that a serving runtime serves: the runtime's recipe with the service's own words over it.

Containers and pod specs are merged as Kubernetes merges them (strategic merge), with these corrections: `args` add up,
an environment variable has one source, a probe one handler, a volume one source, always the service's.
"""

from typing import Any

from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import ModelSpec, WorkerSpec
from kservectl.api.pod import ContainerFields
from kservectl.controllers.inferenceservice import image, placeholders
from kservectl.controllers.inferenceservice.component import (
    MAIN_CONTAINER,
    TRANSFORMER_CONTAINER,
    WORKER_CONTAINER,
    Component,
)
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide, invalid_model
from kservectl.controllers.inferenceservice.runtime_selection import Runtime
from kservectl.controllers.inferenceservice.server_type import server_type_of
from kservectl.objects.metadata import Object
from kservectl.objects.strategic import UnmergeablePatch, strategic_merge

_FROM_RUNTIME = (
    "nodeSelector",
    "affinity",
    "tolerations",
    "volumes",
    "imagePullSecrets",
    "schedulerName",
    "resourceClaims",
    "hostIPC",
)
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")


def build(component: Component, model: ModelSpec, runtime: Runtime, meta: Object) -> Object:
    """The PodSpec of `component`, whose `model` has its runtime's defaults; raises CannotDecide.

    `meta` is the service's metadata as placeholders may use it.
    """
    recipe: list[Object] = list(runtime.spec.get("containers") or ())
    if not recipe:
        raise _invalid("no container configuration found in selected serving runtime", runtime)
    main = _needed(recipe, MAIN_CONTAINER, runtime)
    try:
        server = _serving(main, model.container(), model, runtime, meta)
        transformer = _transformer(_named(recipe, TRANSFORMER_CONTAINER), component, meta)
        pod = _merge_pod(runtime.spec, component.pod)
    except UnmergeablePatch as error:
        raise _unmergeable(error, runtime) from error
    placed = (MAIN_CONTAINER, TRANSFORMER_CONTAINER)
    pod["containers"] = [
        server,
        *([transformer] if transformer is not None else []),
        *(container for container in recipe if container.get("name") not in placed),
        *(container for container in component.containers if container.get("name") not in placed),
    ]
    return pod


def build_worker(workers: WorkerSpec, model: ModelSpec, runtime: Runtime, meta: Object) -> Object:
    """The PodSpec of a multi-node predictor's workers, made of the `workerSpec` of `runtime` and of the service.

    It has one container, WORKER_CONTAINER. Raises CannotDecide.
    """
    spec: Object = runtime.spec.get("workerSpec") or {}
    recipe: list[Object] = list(spec.get("containers") or ())
    if not recipe:
        raise _invalid("No workerSpec container configuration found in selected serving runtime", runtime)
    main = _needed(recipe, WORKER_CONTAINER, runtime)
    own = {**_worker_container(workers), "name": WORKER_CONTAINER}
    try:
        pod = _merge_pod(spec, workers.pod_spec())
        return {**pod, "containers": [_serving(main, own, model, runtime, meta)]}
    except UnmergeablePatch as error:
        raise _unmergeable(error, runtime) from error


def merge_container(recipe: Object, own: Object) -> Object:
    """The service's container over the runtime's; raises UnmergeablePatch."""
    merged = strategic_merge(recipe, own, "Container")
    args = [*(recipe.get("args") or ()), *(own.get("args") or ())]
    if args:
        merged["args"] = args
    if not merged.get("name"):
        merged["name"] = recipe.get("name")
    if merged.get("env"):
        merged["env"] = [_one_source(entry, own.get("env") or ()) for entry in merged["env"]]
    for probe in _PROBES:
        if probe in merged:
            merged[probe] = _one_of(merged[probe], own.get(probe) or {}, _PROBE_HANDLERS)
    return merged


def set_env(container: Object, name: str, value: str) -> Object:
    """`container` with the variable: an entry of that name takes the value in its place, else one is appended."""
    entries: list[Object] = list(container.get("env") or ())
    wanted: Object = {"name": name, "value": value}
    if any(entry.get("name") == name for entry in entries):
        return {**container, "env": [wanted if entry.get("name") == name else entry for entry in entries]}
    return {**container, "env": [*entries, wanted]}


def _serving(recipe: Object, own: Object, model: ModelSpec, runtime: Runtime, meta: Object) -> Object:
    """A container of the model server: merged, with its placeholders filled and its image chosen."""
    container: Object = placeholders.fill(merge_container(recipe, own), meta)
    resolved = image.resolve(
        str(container.get("image") or ""),
        version=model.runtime_version,
        server_type=server_type_of(runtime.object),
        gpu=image.wants_gpu(container),
    )
    if resolved:
        container["image"] = resolved
    return container


def _transformer(recipe: Object | None, component: Component, meta: Object) -> Object | None:
    own = _named(component.containers, TRANSFORMER_CONTAINER)
    if recipe is None and own is None:
        return None
    merged = merge_container(recipe, own) if recipe is not None and own is not None else recipe or own
    filled: Object = placeholders.fill(merged, meta)
    return filled


def _merge_pod(recipe: Object, own: Object) -> Object:
    base = {name: recipe[name] for name in _FROM_RUNTIME if recipe.get(name)}
    overlay = {name: value for name, value in own.items() if name != "containers"}
    merged = strategic_merge(base, overlay, "PodSpec")
    for name in ("volumes", "resourceClaims"):
        if merged.get(name):
            own_items = {item.get("name"): item for item in overlay.get(name) or ()}
            merged[name] = [_with_one_source(item, own_items.get(item.get("name"))) for item in merged[name]]
    return merged


def _with_one_source(merged: Object, own: Object | None) -> Object:
    """A volume or claim beside its name holds one source; two of them are the runtime's and the service's."""
    return own if own is not None and len(merged) > 2 else merged


def _one_source(entry: Object, own: Any) -> Object:
    """An entry with both `value` and `valueFrom` keeps the one that the service supplied."""
    if "value" not in entry or "valueFrom" not in entry:
        return entry
    mine: Object = next((candidate for candidate in own if candidate.get("name") == entry.get("name")), {})
    dropped = "value" if "valueFrom" in mine else "valueFrom"
    return {name: value for name, value in entry.items() if name != dropped}


def _one_of(merged: Object, own: Object, alternatives: tuple[str, ...]) -> Object:
    """A struct of which one alternative may be set keeps the service's, where it sets one."""
    if not any(name in own for name in alternatives):
        return merged
    return {name: value for name, value in merged.items() if name not in alternatives or name in own}


def _named(containers: list[Object], name: str) -> Object | None:
    return next((container for container in containers if container.get("name") == name), None)


def _worker_container(workers: WorkerSpec) -> Object:
    """The service's own words on the container of its workers; raises CannotDecide for what is no container."""
    try:
        return ContainerFields.parse(workers.containers[0]).container() if workers.containers else {}
    except Malformed as error:
        field = "spec.predictor.workerSpec.containers[0]"
        raise CannotDecide(
            f"{field} cannot be read: {error}", reason=INVALID_SPEC, next_step=f"Correct {field}."
        ) from error


def _needed(recipe: list[Object], name: str, runtime: Runtime) -> Object:
    found = _named(recipe, name)
    if found is None:
        raise _invalid(f"failed to find {name} in ServingRuntime containers", runtime)
    return found


def _unmergeable(error: UnmergeablePatch, runtime: Runtime) -> CannotDecide:
    return _invalid(f"cannot merge the predictor with runtime {runtime.name}: {error}", runtime)


def _invalid(message: str, runtime: Runtime) -> CannotDecide:
    kind = "ClusterServingRuntime" if runtime.cluster_wide else "ServingRuntime"
    return invalid_model(
        "InvalidPredictorSpec", message, message, next_step=f"Correct the containers of the {kind} {runtime.name}."
    )
