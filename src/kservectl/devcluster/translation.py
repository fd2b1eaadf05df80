"""From what the type system refuses to the Status that the API server answers with."""

from collections.abc import Iterator
from contextlib import contextmanager

from kservectl.devcluster.contract import (
    ApplyConflict,
    InvalidObject,
    Malformed,
    PatchRefused,
    UnknownFields,
)
from kservectl.devcluster.refusals import apply_conflict, bad_request, invalid, refusal
from kservectl.objects.kind import Kind


@contextmanager
def refusing(kind: Kind, name: str) -> Iterator[None]:
    """Turn a refusal by the types inside the block into the ApiError for an object of `kind` called `name`."""
    try:
        yield
    except UnknownFields as refused:
        listed = ", ".join(refused.errors)
        raise bad_request(
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: strict decoding error: {listed}'
        ) from refused
    except Malformed as refused:
        raise bad_request(str(refused)) from refused
    except PatchRefused as refused:
        cause = {"reason": "UnexpectedServerResponse", "message": str(refused)}
        message = "the server rejected our request due to an error in our request"
        raise refusal(422, "Invalid", message, details={"causes": [cause]}) from refused
    except InvalidObject as refused:
        raise invalid(kind, name, refused.causes) from refused
    except ApplyConflict as refused:
        raise apply_conflict(str(refused), refused.causes) from refused
