"""What each canary is to run: a predictor of a fixed size, and a copy of each component around it that calls it.

With a transformer the split is made in front of it: every canary has a transformer (and an explainer) of its own that knows
the canary's predictor only. So a request stays with one version from the gateway to the model, shares are exact, and
nothing in the path has to know about canaries. Where the original adds the canary's predictor to the transformer's rules,
its share of the requests goes past the transformer.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kservectl.api.config import Config
from kservectl.api.errors import Malformed
from kservectl.api.inferenceservice import CanarySpec
from kservectl.api.kinds import SCALED_OBJECT
from kservectl.controllers.inferenceservice import explainer, predictor, transformer
from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.canary.overlay import effective_predictor
from kservectl.controllers.inferenceservice.canary.replicas import canary_replicas, companion_replicas, reduced_minimum
from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.component_status import readiness
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.surrounding import Surrounding
from kservectl.controllers.inferenceservice.workload import Deployed, Workload
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

ObjectsOf = Callable[[Workload], tuple[Object, Sequence[Object]]]
"""The Service in front of a workload, and everything else that it becomes."""

_SCALING = {
    "max_replicas": None,
    "scale_target": None,
    "scale_metric": None,
    "scale_metric_type": None,
    "auto_scaling": None,
}


def build(
    service: Object,
    entries: Sequence[CanarySpec],
    components: Sequence[Component],
    stable: Workload,
    view: View,
    config: Config,
    objects_of: ObjectsOf,
) -> tuple[list[Canary], list[Object]]:
    """All canaries in the order of the spec, and the objects of those that can be built.

    `components` are the stable ones, the predictor first; `stable` is what that predictor runs. A canary that cannot be
    built is nobody else's trouble: it carries its failure.
    """
    canaries: list[Canary] = []
    children: list[Object] = []
    for entry in entries:
        name = entry.predictor.name or ""
        replicas = canary_replicas(entry, components[0].spec.min_replicas)
        try:
            parts, objects = _parts(service, entry, replicas, components, stable, view, config, objects_of)
        except CannotDecide as failure:
            canaries.append(Canary(name, entry.traffic_percent, replicas, failure=failure))
            continue
        ready = all(_has_available_pod(part.workload, view) for part in parts)
        canaries.append(Canary(name, entry.traffic_percent, replicas, parts, ready))
        children += objects
    return canaries, children


def beside(stable: Workload, canaries: Sequence[Canary]) -> Workload:
    """`stable` with the minimum that is left to it beside the canaries that serve a share of its traffic."""
    spec = stable.component.spec
    taking_over = [canary.replicas for canary in canaries if canary.ready and canary.percent > 0]
    least = reduced_minimum(spec.min_replicas, taking_over)
    if least == spec.min_replicas:
        return stable
    component = replace(stable.component, spec=spec.model_copy(update={"min_replicas": least}))
    return replace(stable, component=component)


def _parts(
    service: Object,
    entry: CanarySpec,
    replicas: int,
    components: Sequence[Component],
    stable: Workload,
    view: View,
    config: Config,
    objects_of: ObjectsOf,
) -> tuple[list[Deployed], list[Object]]:
    first = predictor.build(service, _predictor(entry, components[0], replicas, stable), view, config)
    around = Surrounding(service, first.service_labels, first.metadata.name, entry.predictor.name or "")
    workloads = [first]
    for component in components[1:]:
        copies = companion_replicas(component.spec.min_replicas, entry.traffic_percent, replicas)
        fixed = component.spec.model_copy(update={**_SCALING, "min_replicas": copies})
        build_one = transformer.build if component.role == "transformer" else explainer.build
        workloads.append(build_one(replace(component, spec=fixed), around, view, config))
    parts: list[Deployed] = []
    objects: list[Object] = []
    for workload in workloads:
        front, others = objects_of(workload)
        live = view.get(DEPLOYMENT, workload.metadata.name, workload.metadata.namespace)
        parts.append(Deployed(workload, front, readiness(live)))
        objects += [front, *(_sized(others) if replicas == 0 else others)]
    return parts, objects


def _sized(objects: Sequence[Object]) -> list[Object]:
    """Objects of a canary without pods: KEDA cannot scale to nothing at most, so the Deployment itself has no replicas."""
    if all(obj.get("kind") != SCALED_OBJECT.kind for obj in objects):
        return list(objects)
    kept = [obj for obj in objects if obj.get("kind") != SCALED_OBJECT.kind]
    return [
        {**obj, "spec": {**obj["spec"], "replicas": 0}} if obj.get("kind") == DEPLOYMENT.kind else obj for obj in kept
    ]


def _predictor(entry: CanarySpec, stable_component: Component, replicas: int, stable: Workload) -> Component:
    if not entry.predictor.name:
        raise CannotDecide("a canary has no predictor.name", reason=INVALID_SPEC)
    if getattr(stable_component.spec, "worker_spec", None) is not None:
        raise CannotDecide(
            "a predictor on several nodes (workerSpec) can have no canary",
            reason=INVALID_SPEC,
            next_step="Remove spec.canary, or deploy the new version as an InferenceService of its own.",
        )
    runtime = stable.runtime.name if stable.runtime is not None else ""
    try:
        return effective_predictor(stable_component, entry.predictor, runtime=runtime, replicas=replicas)
    except Malformed as error:
        raise CannotDecide(f"the canary over the stable predictor makes no predictor: {error}") from error


def _has_available_pod(workload: Workload, view: View) -> bool:
    live = view.get(DEPLOYMENT, workload.metadata.name, workload.metadata.namespace)
    return int(((live or {}).get("status") or {}).get("availableReplicas") or 0) > 0
