"""The AdmissionReview of the Kubernetes API, both ways: a request as a frozen value, and its answer as JSON.

Reads `admission.k8s.io/v1` and `v1beta1` and answers in the version that asked. Anything else raises MalformedReview with
a sentence for the caller; a review that was decoded always gets an answer with its own `uid`.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import orjson

from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

GROUP = "admission.k8s.io"
VERSIONS = ("v1", "v1beta1")

WARNING_LENGTH = 256
"""The API server drops warnings that are longer than this many characters, so they are cut here."""

MAX_VALUES = 50_000
"""JSON values in an object under review. The largest pods have a few thousand; a handler cannot be interrupted, and some of
its rules compare each with each."""

MAX_PROBLEMS = 50
"""Field errors, and warnings, that an answer tells; an object can have as many as it has fields."""

_LONGEST_MESSAGE = 2048
_SMALLEST_VALUE = 2  # bytes: a digit and a comma

CauseType = Literal[
    "FieldValueInvalid", "FieldValueRequired", "FieldValueDuplicate", "FieldValueForbidden", "FieldValueNotSupported"
]


class MalformedReview(Exception):
    """The body is not an AdmissionReview that can be decided. With a `uid` it can still be refused in one."""

    def __init__(self, message: str, uid: str = "") -> None:
        super().__init__(message)
        self.uid = uid


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """What the API server asks about.

    `object` is None on DELETE and `old_object` on CREATE. `kind` is the Kind in CamelCase, `group` and `version` go with
    it; `subresource` is empty for the object itself. `namespace` is the request's: an object may not carry it yet.
    """

    uid: str
    operation: str
    group: str = ""
    version: str = ""
    kind: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    object: Object | None = None
    old_object: Object | None = None
    dry_run: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    user: str = ""
    review_version: str = "v1"

    @classmethod
    def about(cls, kind: Kind, obj: Object, *, stored: Object | None = None, uid: str, dry_run: bool = False) -> Self:
        """The request that creates `obj`, or writes it over `stored`, for handlers that no API server asks."""
        return cls(
            uid=uid,
            operation="CREATE" if stored is None else "UPDATE",
            group=kind.group,
            version=kind.version,
            kind=kind.kind,
            resource=kind.plural,
            namespace=metadata.namespace(obj),
            name=metadata.name(obj),
            object=obj,
            old_object=stored,
            dry_run=dry_run,
        )


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with an object: the path of the field (`spec.predictor.model.name`), and a sentence that says what
    is wrong, what was given and what would be accepted."""

    field: str
    message: str
    reason: CauseType = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of a validating handler; without errors the request is allowed. Warnings are shown to the user."""

    errors: tuple[FieldError, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal that no single field explains: a policy (403), or a failure on our side (500)."""

    message: str
    code: int = 403
    reason: str = "Forbidden"
    warnings: tuple[str, ...] = ()


def decode(body: bytes) -> AdmissionRequest:
    """The request in an AdmissionReview; raises MalformedReview."""
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise MalformedReview(f"the body is not JSON: {problem}") from problem
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise MalformedReview("the body is not an AdmissionReview")
    request = review.get("request")
    if not isinstance(request, dict):
        raise MalformedReview("the AdmissionReview has no request")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise MalformedReview("the request has no uid")
    group, _, version = str(review.get("apiVersion")).partition("/")
    if group != GROUP or version not in VERSIONS:
        accepted = ", ".join(f"{GROUP}/{name}" for name in VERSIONS)
        raise MalformedReview(f"apiVersion {review.get('apiVersion')!r} is not served; send one of {accepted}", uid)
    try:
        if len(body) > MAX_VALUES * _SMALLEST_VALUE:
            _check_size(request)
        return _request(request, version)
    except MalformedReview as problem:
        raise MalformedReview(str(problem), uid) from problem


def malformed(problem: MalformedReview) -> bytes:
    """The JSON of a refusal of what could not be decoded, but for its uid."""
    status = _status(400, "BadRequest", str(problem))
    return _answer("v1", {"uid": problem.uid, "allowed": False, "status": status}, ())


def allow(request: AdmissionRequest, *, patch: Sequence[Object] = (), warnings: Sequence[str] = ()) -> bytes:
    """The JSON of an answer that lets the request pass, with an RFC 6902 patch if there is one."""
    response: Object = {"uid": request.uid, "allowed": True}
    if patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(orjson.dumps(patch)).decode("ascii")
    return _answer(request.review_version, response, warnings)


def deny(request: AdmissionRequest, denied: Denied) -> bytes:
    """The JSON of an answer that refuses the request as a whole."""
    status = _status(denied.code, denied.reason, _cut(denied.message))
    return _answer(request.review_version, {"uid": request.uid, "allowed": False, "status": status}, denied.warnings)


def invalid(request: AdmissionRequest, verdict: Verdict) -> bytes:
    """The JSON of an answer that refuses an object for its fields: 422, one cause a field error, the first ones of many."""
    told, more = verdict.errors[:MAX_PROBLEMS], len(verdict.errors) - MAX_PROBLEMS
    message = "; ".join(_cut(str(error)) for error in told) + (f"; and {more} more" if more > 0 else "")
    status = _status(422, "Invalid", message)
    status["details"] = {
        "name": request.name,
        "group": request.group,
        "kind": request.kind,
        "causes": [
            {"reason": error.reason, "message": _cut(error.message), "field": _cut(error.field)} for error in told
        ],
    }
    return _answer(request.review_version, {"uid": request.uid, "allowed": False, "status": status}, verdict.warnings)


def _request(request: Mapping[str, Any], version: str) -> AdmissionRequest:
    kind = _mapping(request, "kind")
    return AdmissionRequest(
        uid=request["uid"],
        operation=_text(request, "operation"),
        group=_text(kind, "group"),
        version=_text(kind, "version"),
        kind=_text(kind, "kind"),
        resource=_text(_mapping(request, "resource"), "resource"),
        subresource=_text(request, "subResource"),
        namespace=_text(request, "namespace"),
        name=_text(request, "name"),
        object=_object(request, "object"),
        old_object=_object(request, "oldObject"),
        dry_run=request.get("dryRun") is True,
        options=_mapping(request, "options"),
        user=_text(_mapping(request, "userInfo"), "username"),
        review_version=version,
    )


def _check_size(request: Mapping[str, Any]) -> None:
    """Refuses an object of too many values; no recursion, since its nesting is its sender's choice."""
    for field_name in ("object", "oldObject"):
        left, values = [request.get(field_name)], 0
        while left:
            found = left.pop()
            values += 1
            if isinstance(found, dict):
                left.extend(found.values())
            elif isinstance(found, list):
                left.extend(found)
            if values + len(left) > MAX_VALUES:
                raise MalformedReview(f"request.{field_name} has more than {MAX_VALUES} values")


def _object(request: Mapping[str, Any], field_name: str) -> Object | None:
    value = request.get(field_name)
    if value is None:
        return None
    if not isinstance(value, dict):
        raise MalformedReview(f"request.{field_name} is not an object")
    wrong = _wrong_metadata(value.get("metadata"))
    if wrong is not None:
        raise MalformedReview(f"request.{field_name}.metadata{wrong} has not the type that it has in every object")
    return value


def _wrong_metadata(meta: Any) -> str | None:
    """The path below `metadata` of something that no object of any kind has there; None when there is nothing such."""
    if not isinstance(meta, dict | None):
        return ""
    found = meta or {}
    for name in ("name", "namespace", "uid", "resourceVersion"):
        if not isinstance(found.get(name), str | None):
            return f".{name}"
    for name in ("labels", "annotations"):
        values = found.get(name)
        if not isinstance(values, dict | None) or not all(isinstance(value, str) for value in (values or {}).values()):
            return f".{name}"
    for name in ("finalizers", "ownerReferences"):
        wanted = str if name == "finalizers" else dict
        values = found.get(name)
        if not isinstance(values, list | None) or not all(isinstance(value, wanted) for value in values or ()):
            return f".{name}"
    return None


def _mapping(parent: Mapping[str, Any], field_name: str) -> Mapping[str, Any]:
    value = parent.get(field_name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedReview(f"request.{field_name} is not an object")
    return value


def _text(parent: Mapping[str, Any], field_name: str) -> str:
    value = parent.get(field_name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedReview(f"request.{field_name} is not a string")
    return value


def _status(code: int, reason: str, message: str) -> Object:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else text[: _LONGEST_MESSAGE - 1] + "…"


def _answer(version: str, response: Object, warnings: Sequence[str]) -> bytes:
    if warnings:
        response["warnings"] = [_warning(text) for text in warnings[:MAX_PROBLEMS]]
    review = {
        "apiVersion": f"{GROUP}/{version}",
        "kind": "AdmissionReview",
        "response": response,
    }
    return orjson.dumps(review)


def _warning(text: str) -> str:
    """A warning as an HTTP header can carry it: printable ASCII in one line, cut to length."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in " ".join(text.split()))
    return plain if len(plain) <= WARNING_LENGTH else plain[: WARNING_LENGTH - 3] + "..."
