"""Which ServingRuntime or ClusterServingRuntime serves a model.

A named runtime is looked up in the namespace first, then in the cluster, and must fit. Without a name the first fitting one
wins in this order: the namespace's before the cluster's, higher priority, lower protocol rank, newer, name. Format versions
are compared as they are spelled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kservectl.api.inferenceservice import ModelSpec
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.controllers.inferenceservice.failure import CannotDecide, invalid_model
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_RANKS = {"v1": 1, "v2": 2, "grpc-v1": 3, "grpc-v2": 4}
_LAST_RANK = 5
_DEFAULT_PROTOCOL = "v1"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A chosen runtime: the object, and whether it is cluster-wide."""

    object: Object
    cluster_wide: bool

    @property
    def name(self) -> str:
        return metadata.name(self.object)

    @property
    def spec(self) -> Object:
        return self.object.get("spec") or {}

    @property
    def protocols(self) -> Sequence[str]:
        return self.spec.get("protocolVersions") or ()

    @property
    def best_protocol(self) -> str:
        """The lowest-ranked protocol it speaks; empty when it lists none."""
        return min(self.protocols, key=lambda protocol: _RANKS.get(protocol, _LAST_RANK), default="")


def select(model: ModelSpec, namespace: str, view: View, *, multi_node: bool = False) -> Runtime:
    """The runtime for `model` in `namespace`; raises CannotDecide with the words of KServe's `modelStatus`."""
    return (
        _named(model.runtime, model, namespace, view)
        if model.runtime
        else _automatic(model, namespace, view, multi_node)
    )


def supports_format(runtime: Runtime, model: ModelSpec, *, only_automatic: bool) -> bool:
    """Whether a listed format is the model's: the name alone when the model has no version, else name and version."""
    wanted = model.model_format
    for entry in runtime.spec.get("supportedModelFormats") or ():
        if (only_automatic and entry.get("autoSelect") is not True) or entry.get("name") != wanted.name:
            continue
        if wanted.version is None or entry.get("version") == wanted.version:
            return True
    return False


def _named(name: str, model: ModelSpec, namespace: str, view: View) -> Runtime:
    found = view.get(SERVING_RUNTIME, name, namespace)
    cluster = None if found is not None else view.get(CLUSTER_SERVING_RUNTIME, name)
    obj = found if found is not None else cluster
    if obj is None:
        raise invalid_model(
            "RuntimeNotRecognized",
            "Waiting for runtime to become available",
            f"No ServingRuntimes or ClusterServingRuntimes with the name: {name}",
            next_step=f"Create the runtime {name}, or name another one in spec.predictor.model.runtime "
            "(kubectl get servingruntimes,clusterservingruntimes).",
        )
    runtime = Runtime(obj, cluster_wide=found is None)
    if runtime.spec.get("disabled") is True:
        raise invalid_model(
            "RuntimeDisabled",
            "Specified runtime is disabled",
            f"specified runtime {name} is disabled",
            next_step=f"Set spec.disabled of the runtime {name} to false, or choose another runtime.",
        )
    protocol = model.protocol_version
    if protocol and not _speaks(runtime, protocol):
        raise _unfit(name, "protocol version", f"it speaks {', '.join(runtime.protocols)}, not {protocol}")
    if not supports_format(runtime, model, only_automatic=False):
        raise _unfit(name, "framework/version", f"it does not list the model format {_describe_format(model)}")
    return runtime


def _unfit(name: str, what: str, why: str) -> CannotDecide:
    return invalid_model(
        "NoSupportingRuntime",
        f"Specified runtime does not support specified {what}",
        f"specified runtime {name} does not support specified {what}",
        next_step=f"Choose another runtime than {name} (or none, to have one selected): {why}.",
    )


def _automatic(model: ModelSpec, namespace: str, view: View, multi_node: bool) -> Runtime:
    protocol = model.protocol_version or _DEFAULT_PROTOCOL

    def fits(runtime: Runtime) -> bool:
        return (
            not runtime.spec.get("disabled")
            and not runtime.spec.get("multiModel")
            and ("workerSpec" in runtime.spec) == multi_node
            and supports_format(runtime, model, only_automatic=True)
            and _speaks(runtime, protocol)
        )

    for candidates in (
        [Runtime(obj, cluster_wide=False) for obj in view.list(SERVING_RUNTIME, namespace)],
        [Runtime(obj, cluster_wide=True) for obj in view.list(CLUSTER_SERVING_RUNTIME)],
    ):
        fitting = _preferred(filter(fits, candidates), model)
        if fitting:
            return fitting[0]
    described = _describe_format(model)
    raise invalid_model(
        "NoSupportingRuntime",
        "No runtime found to support specified framework/version",
        f"no runtime found to support predictor with model type: {{{described}}}",
        next_step=f"Create a runtime that lists the model format {described} with autoSelect and speaks {protocol}, "
        "or name a runtime in spec.predictor.model.runtime.",
    )


def _preferred(runtimes: Iterable[Runtime], model: ModelSpec) -> list[Runtime]:
    """Best first; each sort is stable and the last one weighs most."""
    ordered = sorted(runtimes, key=lambda runtime: runtime.name)
    ordered.sort(
        key=lambda runtime: str(metadata.metadata(runtime.object).get("creationTimestamp") or ""), reverse=True
    )
    ordered.sort(key=lambda runtime: _RANKS.get(runtime.best_protocol, _LAST_RANK))
    ordered.sort(key=lambda runtime: -_priority(runtime, model.model_format.name))
    return ordered


def _priority(runtime: Runtime, format_name: str) -> int:
    """The priority of the first entry of that name, whatever its version; 0, below every legal one, without any."""
    for entry in runtime.spec.get("supportedModelFormats") or ():
        if entry.get("name") == format_name:
            return int(entry.get("priority") or 0)
    return 0


def _speaks(runtime: Runtime, protocol: str) -> bool:
    return not runtime.protocols or protocol in runtime.protocols


def _describe_format(model: ModelSpec) -> str:
    wanted = model.model_format
    return f"{wanted.name} {wanted.version}" if wanted.version else wanted.name
