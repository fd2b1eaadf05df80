"""When a component gets its scaler, and how one scaler follows another while what runs keeps its size.

Four traps are avoided here. A scaler without a Deployment complains as long as the server refuses the Deployment, and may
scale a stranger's of that name, so the Deployment comes first. KEDA refuses a ScaledObject while an HPA scales the same
Deployment, so the HPA goes first. A number of replicas that is applied no longer would be reset to one by the API server
(server-side apply removes the field, and its default comes back), so a number that we set stays until somebody else has set
another. And an HPA leaves a Deployment alone that KEDA scaled to zero, so that it is woken when its ScaledObject goes.
"""

from kservectl.api.kinds import INFERENCE_SERVICE, SCALED_OBJECT
from kservectl.controllers.inferenceservice import autoscaler
from kservectl.controllers.inferenceservice.autoscaler import AutoscalerClass
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.apply import FIELD_MANAGER
from kservectl.runtime.drift import applied_fields
from kservectl.runtime.view import View


def replicas(workload: Workload, scaled_by: AutoscalerClass, view: View) -> int | None:
    """The number of replicas to write; None leaves it to whoever scales the component."""
    fixed = autoscaler.fixed_replicas(workload.component, scaled_by)
    if fixed is not None:
        return fixed
    name, namespace = workload.metadata.name, workload.metadata.namespace
    live = view.get(DEPLOYMENT, name, namespace)
    if live is None:
        return None
    size = (live.get("spec") or {}).get("replicas")
    if scaled_by == "hpa" and size == 0 and view.get(SCALED_OBJECT, name, namespace) is not None:
        return autoscaler.least_replicas(workload.component)
    return size if _is_ours(live) else None


def has_target(workload: Workload, scaler: Kind, view: View) -> bool:
    """Whether there is something to scale, or a scaler of this kind already: it outlives a Deployment that is made anew."""
    name, namespace = workload.metadata.name, workload.metadata.namespace
    return any(view.get(kind, name, namespace) is not None for kind in (DEPLOYMENT, scaler))


def keda_must_wait(workload: Workload, view: View) -> bool:
    """Whether an HPA of ours is still there, which KEDA would take offence at."""
    name, namespace = workload.metadata.name, workload.metadata.namespace
    hpa = view.get(HORIZONTAL_POD_AUTOSCALER, name, namespace)
    if hpa is None or view.get(SCALED_OBJECT, name, namespace) is not None:
        return False
    controller = metadata.controller_of(hpa) or {}
    return controller.get("kind") == INFERENCE_SERVICE.kind


def _is_ours(deployment: Object) -> bool:
    """Whether the number of replicas is the one that we applied last."""
    fields = applied_fields(deployment, FIELD_MANAGER) or {}
    return "f:replicas" in (fields.get("f:spec") or {})
