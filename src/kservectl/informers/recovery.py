"""What a reflector does about an error: a pure decision.

The rules are client-go's: a version that is too old means a new list; being told to wait means waiting, with everything
kept; trouble of the server or the network means backing off, with everything kept.
"""

from dataclasses import dataclass

from kservectl.client.errors import (
    ApiError,
    BadRequest,
    ClientError,
    ConnectionFailed,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Stalled,
    TooManyRequests,
    Unauthorized,
    Undecodable,
)
from kservectl.objects.kind import Kind


@dataclass(frozen=True, slots=True)
class Recovery:
    """The next step.

    reason
        One word, for the `reason` label of the restart counter.
    problem
        A sentence for people.
    relist
        Whether the version to watch from is worthless, so that a list is needed.
    newest
        Whether that list must come from the server's own storage (resourceVersion ""), not from its cache.
    wait
        Seconds the server asked for; None to back off.
    at_once
        Whether to go on without a wait if the watch made any progress since the last failure.
    served
        False when the server does not know the kind.
    refused
        Whether the server refuses this process, so that what is in the store may be long out of date.
    """

    reason: str
    problem: str
    relist: bool = False
    newest: bool = False
    wait: float | None = None
    at_once: bool = False
    served: bool = True
    refused: bool = False


def recovery_from(error: ClientError, kind: Kind) -> Recovery:
    """The step after a list or watch of `kind` failed with `error`."""
    problem = f"{kind.resource} cannot be listed or watched: {error}"
    if isinstance(error, Expired):
        return Recovery("expired", problem, relist=True, newest=True, at_once=True)
    if isinstance(error, Undecodable):
        return Recovery("undecodable", problem, relist=True, at_once=True)
    if isinstance(error, TooManyRequests):
        return Recovery("throttled", problem, wait=error.retry_after)
    if isinstance(error, NotFound):
        problem = f"the API server does not serve {kind.resource} in version {kind.version}; is its CRD installed?"
        return Recovery("not_served", problem, relist=True, newest=True, served=False)
    if isinstance(error, Unauthorized):
        return Recovery("unauthorized", problem, refused=True)
    if isinstance(error, Forbidden):
        return Recovery("forbidden", problem, refused=True)
    if isinstance(error, Stalled):
        return Recovery("stalled", problem, at_once=True)
    if isinstance(error, ConnectionFailed):
        return Recovery("connection", problem)
    if isinstance(error, BadRequest | Invalid):
        # The server cannot make sense of the version, or of the selectors; a list will tell which.
        return Recovery("rejected", problem, relist=True, newest=True)
    if isinstance(error, ApiError):
        # A restored or restarted server may be behind the version that was asked for.
        behind = "ResourceVersionTooLarge" in str(error.details.get("causes"))
        return Recovery("server_error", problem, wait=error.retry_after, relist=behind, newest=behind)
    return Recovery("error", problem)
