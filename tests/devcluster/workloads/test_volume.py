"""Volumes and claims that name each other are bound; others wait, or are released."""

from datetime import UTC, datetime

from kservectl.devcluster.workloads.volume import reconcile_claim, reconcile_volume
from kservectl.objects.kind import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView


def volume(**spec: object) -> Object:
    whole = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v"}, "spec": whole}


def claim(uid: str = "c", volume_name: str = "v") -> Object:
    meta = {"name": "c", "namespace": "n", "uid": uid}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": meta,
        "spec": {"volumeName": volume_name} if volume_name else {},
    }


def view(*objects: Object) -> StaticView:
    kinds = (PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)
    return StaticView(objects, kinds=kinds, now=datetime(2026, 1, 1, tzinfo=UTC))


def reference(uid: str = "c") -> Object:
    return {"name": "c", "namespace": "n", "uid": uid}


def phase(of: Object, *objects: Object) -> object:
    return (reconcile_volume(of, view(*objects)).status or {}).get("phase")


def test_a_claim_is_bound_to_the_volume_that_it_names_and_says_so_in_it() -> None:
    outcome = reconcile_claim(claim(), view(volume()))
    assert outcome.status == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
    (bound,) = outcome.desired
    assert (bound["metadata"], bound["spec"]["claimRef"]["uid"]) == ({"name": "v"}, "c")
    assert outcome.shared == {0}


def test_a_claim_waits_for_its_volume_and_for_one_that_is_free() -> None:
    assert reconcile_claim(claim(), view()).status is None
    assert reconcile_claim(claim(volume_name=""), view(volume())).status is None
    assert reconcile_claim(claim(), view(volume(claimRef=reference("earlier")))).status is None


def test_a_volume_is_available_then_bound_then_released() -> None:
    assert phase(volume()) == "Available"
    assert phase(volume(claimRef=reference()), claim()) == "Bound"
    assert phase(volume(claimRef=reference())) == "Released"
    assert phase(volume(claimRef=reference()), claim("another")) == "Released"
