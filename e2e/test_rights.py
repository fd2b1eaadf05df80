"""Least privilege, measured: what the manager did in the whole run, beside what its roles allow.

The run is that of `pytest e2e --cluster real --audit-logs FOLDER`; these tests read its folder, and start no cluster.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from e2e.installation import MANAGER_USER
from e2e.rights import Grant, grants, idle, refusals, roles_of, uses
from kservectl.manifests import rbac

pytestmark = pytest.mark.whole_suite

_ROLES = roles_of((*rbac.objects(), *rbac.sharding()))
_RARE_VERBS: Mapping[str, str] = {
    "get": "a name turned out to be taken by what no cache shows",
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
}
"""Resources of which the suite may leave rights unused on a real cluster, and why."""


@pytest.fixture(scope="module")
def audited(request: pytest.FixtureRequest) -> Sequence[Mapping[str, Any]]:
    """What the whole run asked of its clusters."""
    folder = request.config.getoption("--audit-logs")
    logs = sorted(folder.glob("*.json")) if folder else []
    assert logs, f"{folder} holds no audit logs: run `pytest e2e --cluster real --audit-logs FOLDER` first"
    return [event for log in logs for event in json.loads(log.read_text())]


def test_no_request_of_the_manager_was_refused(audited: Sequence[Mapping[str, Any]]) -> None:
    assert refusals(audited, MANAGER_USER) == []


def test_manager_used_every_right_that_it_has(audited: Sequence[Mapping[str, Any]]) -> None:
    left = idle(grants(_ROLES), uses(audited, MANAGER_USER))
    assert [str(grant) for grant in left if not _is_rare(grant)] == [], "granted, and needed by nothing in the suite"


def _is_rare(grant: Grant) -> bool:
    return grant.verb in _RARE_VERBS or not _UNSEEN.keys().isdisjoint(
        {grant.resource, f"{grant.resource}.{grant.group}"}
    )
