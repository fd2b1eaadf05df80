"""PersistentVolumes and claims that name each other, bound as the volume controller of a cluster would.

A claim without `volumeName` stays Pending: nothing here provisions volumes.
"""

from kservectl.objects import metadata
from kservectl.objects.kind import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import View


def reconcile_volume(volume: Object, view: View) -> Outcome:
    """Available, Bound to the claim that names it, or Released once that claim is gone."""
    if metadata.is_deleting(volume):
        return Outcome(complete=False)
    reference = (volume.get("spec") or {}).get("claimRef") or {}
    claim = view.get(PERSISTENT_VOLUME_CLAIM, str(reference.get("name") or ""), str(reference.get("namespace") or ""))
    if not reference.get("uid"):
        phase = "Available"
    elif claim is None or metadata.uid(claim) != reference["uid"]:
        phase = "Released"
    else:
        phase = "Bound"
    return Outcome(complete=False, status={**(volume.get("status") or {}), "phase": phase})


def reconcile_claim(claim: Object, view: View) -> Outcome:
    """Bound once the volume that it names is there and nobody else's."""
    spec = claim.get("spec") or {}
    volume = view.get(PERSISTENT_VOLUME, str(spec.get("volumeName") or ""))
    if metadata.is_deleting(claim) or volume is None or not _is_free(volume, claim):
        return Outcome(complete=False)
    of_volume = volume.get("spec") or {}
    status = {
        "phase": "Bound",
        "accessModes": of_volume.get("accessModes") or [],
        "capacity": of_volume.get("capacity") or {},
    }
    return Outcome(desired=(_bound(volume, claim),), shared=frozenset({0}), complete=False, status=status)


def _bound(volume: Object, claim: Object) -> Object:
    reference = {
        "apiVersion": PERSISTENT_VOLUME_CLAIM.api_version,
        "kind": PERSISTENT_VOLUME_CLAIM.kind,
        "name": metadata.name(claim),
        "namespace": metadata.namespace(claim),
        "uid": metadata.uid(claim),
    }
    return {
        "apiVersion": PERSISTENT_VOLUME.api_version,
        "kind": PERSISTENT_VOLUME.kind,
        "metadata": {"name": metadata.name(volume)},
        "spec": {"claimRef": reference},
    }


def _is_free(volume: Object, claim: Object) -> bool:
    reference = (volume.get("spec") or {}).get("claimRef") or {}
    return bool(reference.get("uid", metadata.uid(claim)) == metadata.uid(claim))
