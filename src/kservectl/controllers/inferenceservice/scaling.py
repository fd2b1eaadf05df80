"""What scales a component, and how one scaler follows another while what runs keeps its size.

Four traps are avoided here. A scaler without a Deployment complains as long as the server refuses the Deployment, and may
scale a stranger's of that name, so the Deployment comes first. KEDA refuses a ScaledObject while an HPA scales the same
Deployment, so the HPA goes first. A number of replicas that is applied no longer would be reset to one by the API server
(server-side apply removes the field, and its default comes back), so a number that we set stays until somebody else has set
another. And an HPA leaves a Deployment alone that KEDA scaled to zero, so that it is woken when its ScaledObject goes.
"""

from kservectl.api.config import Config
from kservectl.api.kinds import INFERENCE_SERVICE, SCALED_OBJECT
from kservectl.controllers.inferenceservice import autoscaler, scaledobject, third_party
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.drift import applied_fields
from kservectl.runtime.view import View
from kservectl.runtime.writes import FIELD_MANAGER

_OUR_GROUP = INFERENCE_SERVICE.group


def replicas(workload: Workload, view: View) -> int | None:
    """The number of replicas to write; None leaves it to whoever scales the component. Raises CannotDecide."""
    scaled_by = autoscaler.class_of(workload.metadata.annotations)
    fixed = autoscaler.fixed_replicas(workload.component, scaled_by)
    if fixed is not None:
        return fixed
    live = _live(DEPLOYMENT, workload, view)
    if live is None:
        return None
    size = (live.get("spec") or {}).get("replicas")
    if scaled_by == "hpa" and size == 0 and _live(SCALED_OBJECT, workload, view) is not None:
        return autoscaler.least_replicas(workload.component)
    return size if _is_ours(live) else None


def scalers(workload: Workload, view: View, config: Config) -> list[Object]:
    """The one object that scales the component's Deployment now, or none; raises CannotDecide and ConfigError."""
    scaled_by = autoscaler.class_of(workload.metadata.annotations)
    if scaled_by == "hpa" and _has_target(workload, HORIZONTAL_POD_AUTOSCALER, view):
        return [autoscaler.build_hpa(workload)]
    if scaled_by == "keda":
        third_party.require(SCALED_OBJECT, "failed to get existing KEDA autoscaler", "Install KEDA", view)
        scaler = scaledobject.build(workload, config)
        if _has_target(workload, SCALED_OBJECT, view) and not _keda_must_wait(workload, view):
            return [scaler]
    return []


def _has_target(workload: Workload, scaler: Kind, view: View) -> bool:
    """Whether there is something to scale, or a scaler of this kind already: it outlives a Deployment that is made anew."""
    return any(_live(kind, workload, view) is not None for kind in (DEPLOYMENT, scaler))


def _keda_must_wait(workload: Workload, view: View) -> bool:
    """Whether an HPA of ours is still there, which KEDA would take offence at."""
    hpa = _live(HORIZONTAL_POD_AUTOSCALER, workload, view)
    if hpa is None or _live(SCALED_OBJECT, workload, view) is not None:
        return False
    controller = metadata.controller_of(hpa) or {}
    return str(controller.get("apiVersion") or "").partition("/")[0] == _OUR_GROUP


def _live(kind: Kind, workload: Workload, view: View) -> Object | None:
    return view.get(kind, workload.metadata.name, workload.metadata.namespace)


def _is_ours(deployment: Object) -> bool:
    """Whether the number of replicas is the one that we applied last."""
    fields = applied_fields(deployment, FIELD_MANAGER) or {}
    return "f:replicas" in (fields.get("f:spec") or {})
