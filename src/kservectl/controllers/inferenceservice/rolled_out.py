"""Whether a Deployment, or a Knative Service, runs nothing but what it asks for now."""

from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def is_observed(deployment: Object) -> bool:
    """Whether the status tells of the spec as it is now."""
    return int((deployment.get("status") or {}).get("observedGeneration") or 0) >= metadata.generation(deployment)


def is_rolled_out(deployment: Object) -> bool:
    """Whether the newest pods are available and the only ones."""
    found = {entry.get("type"): entry for entry in (deployment.get("status") or {}).get("conditions") or ()}
    progressing, available = found.get("Progressing") or {}, found.get("Available") or {}
    return (
        is_observed(deployment)
        and available.get("status") == "True"
        and progressing.get("status") == "True"
        and progressing.get("reason") == "NewReplicaSetAvailable"
    )


def runs_newest_revision(service: Object) -> bool:
    """Whether a Knative Service is ready as it is now, with the revision that was created last."""
    status = service.get("status") or {}
    found = {entry.get("type"): entry.get("status") for entry in status.get("conditions") or ()}
    created, ready = (status.get(f"latest{which}RevisionName") for which in ("Created", "Ready"))
    return is_observed(service) and found.get("Ready") == "True" and bool(created) and created == ready
