"""The answers of the server that are not success, worded as kube-apiserver words them.

Each function makes the exception that the project's own client would raise for that answer, so that code in the same
process (simulated workloads) and code behind HTTP meet the same errors. `status_of` turns one into a metav1.Status.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kservectl.client.errors import ApiError, error_from_status
from kservectl.devcluster.contract import Cause, ServedKind
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


_EMPTY: Mapping[str, Any] = {}
"""Details without anything in them, which some answers carry all the same."""


def refusal(
    code: int,
    reason: str,
    message: str,
    *,
    details: Mapping[str, Any] | None = None,
    retry_after: int | None = None,
) -> ApiError:
    """Any Status; `retry_after` is in seconds."""
    body = dict(details or {})
    if retry_after is not None:
        body["retryAfterSeconds"] = retry_after
    error = error_from_status(code, {"reason": reason, "message": message, "details": body}, request="")
    if details is not None and not body:
        error.details = _EMPTY
    return error


def status_of(error: ApiError) -> Object:
    """The metav1.Status that says `error`."""
    status: Object = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "code": error.code,
    }
    if error.reason:
        status["reason"] = error.reason
    if error.details or error.details is _EMPTY:
        status["details"] = dict(error.details)
    return status


def _naming(kind: Kind, name: str) -> dict[str, Any]:
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return {key: value for key, value in details.items() if value}


def not_found(kind: Kind, name: str) -> ApiError:
    return refusal(404, "NotFound", f'{kind.resource} "{name}" not found', details=_naming(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    return refusal(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', details=_naming(kind, name))


def conflict(kind: Kind, name: str, why: str = MODIFIED) -> ApiError:
    message = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return refusal(409, "Conflict", message, details=_naming(kind, name))


def failed_precondition(kind: Kind, name: str, why: str) -> ApiError:
    """A delete whose precondition does not hold; the server names the kind here, not the resource."""
    message = f'Operation cannot be fulfilled on {kind} "{name}": {why}'
    details = {"name": name, "group": kind.group, "kind": kind.kind}
    return refusal(409, "Conflict", message, details={key: value for key, value in details.items() if value})


def apply_conflict(message: str, causes: Iterable[Cause]) -> ApiError:
    return refusal(409, "Conflict", message, details={"causes": [_cause(cause) for cause in causes]})


def bad_request(message: str) -> ApiError:
    return refusal(400, "BadRequest", message)


def forbidden(kind: Kind, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    details = _naming(kind, name)
    if causes:
        details["causes"] = [_cause(cause) for cause in causes]
    about = f'{kind.resource} "{name}"' if name else kind.resource
    return refusal(403, "Forbidden", f"{about} is forbidden: {why}", details=details)


def invalid(kind: Kind, name: str, causes: Sequence[Cause], *, by_resource: bool = False) -> ApiError:
    """422. `by_resource` names the resource instead of the kind, as checks of the store itself do."""
    texts = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    said = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    return invalid_text(kind, name, said, [_cause(cause) for cause in causes], by_resource=by_resource)


def invalid_text(
    kind: Kind, name: str, said: str, causes: Sequence[Object] = (), *, by_resource: bool = False
) -> ApiError:
    """422 with a text of its own, for patches that do not apply and webhooks that change what they may not."""
    about = kind.resource if by_resource else str(kind)
    details = {"name": name, "group": kind.group, "kind": kind.plural if by_resource else kind.kind, "causes": causes}
    message = f'{about} "{name}" is invalid: {said}' if said else f'{about} "{name}" is invalid'
    return refusal(422, "Invalid", message, details={key: value for key, value in details.items() if value})


def invalid_option(options: str, causes: Sequence[Cause]) -> ApiError:
    """422 about the request's own parameters; `options` is the kind that holds them, such as `PatchOptions`."""
    return invalid(Kind("meta.k8s.io", "v1", options, ""), "", causes)


def must_have_version(kind: Kind, name: str) -> ApiError:
    cause = Cause("FieldValueInvalid", "Invalid value: 0: must be specified for an update", "metadata.resourceVersion")
    return invalid(kind, name, [cause], by_resource=True)


def expired(message: str) -> ApiError:
    return refusal(410, "Expired", message)


def too_large_version(wanted: int, current: int) -> ApiError:
    """504: the client knows a later revision than the server (it spoke to another incarnation of it)."""
    message = "Too large resource version"
    causes = [{"reason": "ResourceVersionTooLarge", "message": message}]
    return refusal(
        504,
        "Timeout",
        f"Timeout: {message}: {wanted}, current: {current}",
        details={"causes": causes},
        retry_after=1,
    )


def no_such_subresource(served: ServedKind, name: str) -> ApiError:
    """404 for a subresource that the kind has not."""
    if served.custom:
        return not_found(served.kind, name)
    return refusal(404, "NotFound", "the server could not find the requested resource", details={})


def method_not_allowed(message: str = "the server does not allow this method on the requested resource") -> ApiError:
    return refusal(405, "MethodNotAllowed", message)


def not_acceptable(accepted: Sequence[str]) -> ApiError:
    listed = ", ".join(accepted)
    return refusal(406, "NotAcceptable", f"only the following media types are accepted: {listed}")


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    listed = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return refusal(415, "UnsupportedMediaType", message)


def internal_error(why: str) -> ApiError:
    details = {"causes": [{"message": why}]}
    return refusal(500, "InternalError", f"Internal error occurred: {why}", details=details)


def quoted(value: object) -> str:
    """A value as field errors show it: strings in quotes, the rest as JSON."""
    return json.dumps(value, ensure_ascii=False)


def _cause(cause: Cause) -> Object:
    return {"reason": cause.reason, "message": cause.message, "field": cause.field}
