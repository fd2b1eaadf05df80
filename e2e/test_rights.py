"""Least privilege, measured: what the manager did in the whole run, beside what its roles allow."""

from collections.abc import Mapping

import pytest

from e2e.installation import MANAGER_ACCOUNT, SYSTEM_NAMESPACE
from e2e.rights import Grant, grants, idle, refusals, uses
from e2e.target import Target
from kservectl.manifests import rbac

pytestmark = [pytest.mark.real, pytest.mark.whole_suite]

_USER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{MANAGER_ACCOUNT}"
_ROLES = [obj for obj in (*rbac.objects(), *rbac.sharding()) if obj["kind"] in ("Role", "ClusterRole")]
_RARE_VERBS: Mapping[str, str] = {
    "get": "a name turned out to be taken by what no cache shows",
    "list": "the API server cannot stream a list (before Kubernetes 1.34)",
}
"""Verbs that are needed only when this is so."""
_UNSEEN: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "inferencegraphs/finalizers",
            "inferenceservices/finalizers",
            "localmodelcaches/finalizers",
            "localmodelnamespacecaches/finalizers",
            "nodes/finalizers",
            "trainedmodels/finalizers",
        ),
        "checked in admission, which no audit log shows: without it nothing that has such an owner is created",
    ),
    "opentelemetrycollectors": "no cluster of the suite serves them",
}
"""Resources of which the suite may leave rights unused on a real cluster, and why."""


def test_no_request_of_the_manager_was_refused(cluster: Target) -> None:
    assert cluster.running is not None
    assert refusals(cluster.running.audited(), _USER) == []


def test_manager_used_every_right_that_it_has(cluster: Target) -> None:
    assert cluster.running is not None
    left = idle(grants(_ROLES), uses(cluster.running.audited(), _USER))
    assert [str(grant) for grant in left if not _is_rare(grant)] == [], "granted, and needed by nothing in the suite"


def _is_rare(grant: Grant) -> bool:
    return grant.verb in _RARE_VERBS or not _UNSEEN.keys().isdisjoint(
        {grant.resource, f"{grant.resource}.{grant.group}"}
    )
