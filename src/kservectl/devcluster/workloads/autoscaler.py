"""HorizontalPodAutoscalers: no load is simulated, so they only keep their target within its bounds."""

from kservectl.devcluster.workloads.conditions import condition
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View


def reconcile(autoscaler: Object, view: View) -> Outcome:
    """Apply `spec.replicas` of the target, and nothing else of it, when it is out of bounds; report what is."""
    if metadata.is_deleting(autoscaler):
        return Outcome(complete=False)
    spec = autoscaler["spec"]
    namespace, target = metadata.namespace(autoscaler), spec.get("scaleTargetRef") or {}
    deployment = (
        view.get(DEPLOYMENT, str(target.get("name")), namespace) if target.get("kind") == "Deployment" else None
    )
    if deployment is None:
        message = f"the {target.get('kind')} {target.get('name')} was not found"
        unable = condition(autoscaler, "AbleToScale", False, view.now, reason="FailedGetScale", message=message)
        return Outcome(complete=False, status={"desiredReplicas": 0, "conditions": [unable]})
    present = int(deployment["spec"].get("replicas", 1))
    lowest, highest = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
    wanted = present if present == 0 else min(max(present, lowest), highest)
    current = int((deployment.get("status") or {}).get("replicas") or 0)
    able = condition(
        autoscaler,
        "AbleToScale",
        True,
        view.now,
        reason="ReadyForNewScale",
        message="recommended size matches current size",
    )
    status: Object = {"currentReplicas": current, "desiredReplicas": wanted, "conditions": [able]}
    if wanted == present:
        return Outcome(complete=False, status=status)
    scale = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": metadata.name(deployment), "namespace": namespace},
        "spec": {"replicas": wanted},
    }
    return Outcome(desired=(scale,), shared=frozenset({0}), complete=False, status=status)
