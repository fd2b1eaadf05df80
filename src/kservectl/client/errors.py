"""What can go wrong between this process and the API server.

`ApiError` is an answer of the server, one subclass per reason a caller treats differently; `ConnectionFailed` is no
answer at all. Both say which request failed; neither ever carries a request body.
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """A request did not succeed."""


class InvalidConfiguration(ClientError):
    """The kubeconfig, or the pod's service account, does not say how to reach the server."""


class ConnectionFailed(ClientError):
    """The server could not be reached, or the connection broke before a whole answer came."""


class Unreachable(ConnectionFailed):
    """No connection came about, so the server saw nothing of the request."""


class Stalled(ConnectionFailed):
    """The connection stands but the server sent nothing for longer than the deadline."""


class Undecodable(ClientError):
    """The server (or something between) answered with what is not the JSON that was asked for."""


class UndecodableLine(Undecodable):
    """A line of a watch is no watch event.

    `line` counts from 1 and `offset` is where it starts in the stream, in bytes.
    """

    def __init__(self, message: str, *, line: int, offset: int) -> None:
        super().__init__(message)
        self.line = line
        self.offset = offset


class ApiError(ClientError):
    """The server answered with a Status other than success.

    `code` is the HTTP status, `reason` and `details` are metav1.Status's, `retry_after` is in seconds where the server
    asked for a wait.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after

    def has_cause(self, reason: str) -> bool:
        """Whether `details.causes` names this reason."""
        causes = self.details.get("causes")
        return isinstance(causes, list) and any(
            isinstance(cause, Mapping) and cause.get("reason") == reason for cause in causes
        )

    def __str__(self) -> str:
        return f"{self.message} ({self.code} {self.reason})" if self.reason else f"{self.message} ({self.code})"


class BadRequest(ApiError):
    """400: the server could not make sense of the request."""


class Unauthorized(ApiError):
    """401: the credentials are missing, wrong or expired."""


class Forbidden(ApiError):
    """403: RBAC or an admission policy refused."""


class NotFound(ApiError):
    """404: no such object, or no such kind."""


class Conflict(ApiError):
    """409: the object changed since it was observed (resourceVersion, uid, or another field manager's value)."""


class AlreadyExists(ApiError):
    """409 with reason AlreadyExists: a create found the name taken."""


class Expired(ApiError):
    """410: the resourceVersion or continue token is too old; list again."""


class Invalid(ApiError):
    """422: the object breaks a rule of its schema; `details["causes"]` names the fields.

    Or 500 for an applied object with a field that its schema does not have, which servers take for their own trouble.
    """


class TooManyRequests(ApiError):
    """429: come back after `retry_after` seconds."""


class ServerError(ApiError):
    """5xx: the server's own trouble; worth another try."""


_NOT_IN_SCHEMA = "failed to create typed patch object"

_BY_CODE: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
}


def error_from_status(
    code: int, status: Mapping[str, Any], *, request: str, retry_after: float | None = None
) -> ApiError:
    """The exception for a metav1.Status (or what was left of one) that answered `request` (`VERB path`)."""
    reason = str(status.get("reason") or "")
    message = str(status.get("message") or f"{request} was answered with HTTP status {code}")
    details = status.get("details")
    if not isinstance(details, Mapping):
        details = {}
    if retry_after is None and isinstance(details.get("retryAfterSeconds"), int):
        retry_after = float(details["retryAfterSeconds"])
    cls = ServerError if code >= 500 else _BY_CODE.get(code, ApiError)
    if code == 500 and _NOT_IN_SCHEMA in message:
        cls = Invalid
    if code == 409 and reason == "AlreadyExists":
        cls = AlreadyExists
    return cls(code, reason, message, details=details, retry_after=retry_after)
