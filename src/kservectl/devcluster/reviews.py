"""Kinds that are answered and never stored: who am I, may I, is this token good. The devcluster permits everything."""

from collections.abc import Mapping
from typing import Any

from kservectl.devcluster.request import User
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_AUTHORIZATION = "authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"

TOKEN_REVIEW = Kind(_AUTHENTICATION, "v1", "TokenReview", "tokenreviews", namespaced=False)
SELF_SUBJECT_REVIEW = Kind(_AUTHENTICATION, "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False)
_RULES_REVIEW = Kind(_AUTHORIZATION, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False)

REVIEWS: Mapping[tuple[str, str, str], Kind] = {
    (kind.group, kind.version, kind.plural): kind
    for kind in (
        TOKEN_REVIEW,
        SELF_SUBJECT_REVIEW,
        _RULES_REVIEW,
        Kind(_AUTHORIZATION, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False),
        Kind(_AUTHORIZATION, "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False),
        Kind(_AUTHORIZATION, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews"),
    )
}


def answer_review(kind: Kind, body: Mapping[str, Any], user: User) -> Object:
    """The review with its status filled in."""
    answered: Object = {
        "kind": kind.kind,
        "apiVersion": kind.api_version,
        "metadata": dict(body.get("metadata") or {}),
        "spec": dict(body.get("spec") or {}),
    }
    if kind == TOKEN_REVIEW:
        audiences = answered["spec"].get("audiences") or []
        answered["status"] = {"authenticated": True, "user": user.to_json(), "audiences": audiences}
    elif kind == SELF_SUBJECT_REVIEW:
        del answered["spec"]
        answered["status"] = {"userInfo": user.to_json()}
    elif kind == _RULES_REVIEW:
        answered["status"] = {
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
    else:
        answered["status"] = {"allowed": True, "reason": "the devcluster permits everything"}
    return answered
