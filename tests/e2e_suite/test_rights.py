"""Which rights were used is read from the audit log, to the last verb."""

from typing import Any

import pytest

from e2e.rights import Grant, grants, idle, refusals, uses, without

USER = "system:serviceaccount:kserve:manager"
ROLE: dict[str, Any] = {
    "metadata": {"name": "manager"},
    "rules": [
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "create"]},
        {"apiGroups": ["apps"], "resources": ["deployments/status"], "verbs": ["patch"]},
    ],
}
OWN: dict[str, Any] = {
    "metadata": {"name": "manager", "namespace": "kserve"},
    "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"], "resourceNames": ["certificate"]}],
}
LIST = Grant("", "secrets", "list", "kserve", "certificate")


def event(verb: str, code: int = 200, decision: str = "allow", user: str = USER, **about: str) -> dict[str, Any]:
    return {
        "verb": verb,
        "user": {"username": user},
        "objectRef": about,
        "responseStatus": {"code": code},
        "annotations": {"authorization.k8s.io/decision": decision},
    }


def test_a_role_is_taken_apart_to_its_verbs() -> None:
    assert grants([ROLE, OWN]) == [
        Grant("", "services", "get"),
        Grant("", "services", "create"),
        Grant("apps", "deployments/status", "patch"),
        LIST,
    ]


def test_request_names_its_subresource_namespace_and_name() -> None:
    seen = event("patch", resource="deployments", subresource="status", apiGroup="apps", namespace="a", name="d")
    assert uses([seen], USER) == {Grant("apps", "deployments/status", "patch", "a", "d")}


def test_apply_that_creates_uses_the_right_to_create_too() -> None:
    seen = event("patch", 201, resource="services", namespace="a", name="s")
    assert uses([seen], USER) == {Grant("", "services", "patch", "a", "s"), Grant("", "services", "create", "a")}


def test_requests_of_others_and_paths_that_are_no_resource_do_not_count() -> None:
    other = event("get", user="somebody", resource="services", namespace="a", name="s")
    version = {**event("get"), "objectRef": None}
    assert uses([other, version], USER) == set()


def test_refusal_is_what_the_authorizer_forbade_and_no_other_403() -> None:
    about = {"resource": "services", "namespace": "a", "name": "s"}
    seen = [event("get", 403, **about), event("delete", 403, "forbid", **about)]
    assert refusals(seen, USER) == ["delete services s in a"]
    assert uses(seen, USER) == {Grant("", "services", "get", "a", "s")}


@pytest.mark.parametrize(
    ("use", "left"),
    [
        (Grant("", "secrets", "list", "kserve", "certificate"), []),
        (Grant("", "secrets", "list", "other", "certificate"), [LIST]),
        (Grant("", "secrets", "list", "kserve", "another"), [LIST]),
        (Grant("", "secrets", "watch", "kserve", "certificate"), [LIST]),
    ],
)
def test_grant_is_idle_unless_a_request_needs_exactly_it(use: Grant, left: list[Grant]) -> None:
    assert idle([LIST], [use]) == left


def test_grant_that_another_one_makes_superfluous_is_idle() -> None:
    narrow, wide = LIST, Grant("", "secrets", "list")
    assert idle([narrow, wide], [LIST]) == [wide, narrow]


def test_one_verb_is_taken_from_one_resource_and_nothing_else() -> None:
    rule = {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get", "watch"]}
    role = {"kind": "Role", "metadata": {"name": "manager"}, "rules": [rule, *OWN["rules"]]}
    left = {**role, "rules": without(role, "services", "get")}
    assert set(grants([role])) - set(grants([left])) == {Grant("", "services", "get")}
    assert set(grants([left])) <= set(grants([role]))


def test_a_right_that_is_not_granted_cannot_be_taken() -> None:
    with pytest.raises(ValueError, match="Role manager does not grant delete secrets"):
        without({"kind": "Role", **OWN}, "secrets", "delete")
