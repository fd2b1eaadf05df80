"""From what the type system refuses to the Status that the API server answers with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import orjson

from kservectl.client.errors import ApiError
from kservectl.devcluster.contract import (
    ApplyConflict,
    Cause,
    InvalidObject,
    Malformed,
    PatchRefused,
    UnknownFields,
    Unreadable,
    Untyped,
)
from kservectl.devcluster.refusals import apply_conflict, bad_request, invalid, quoted, refusal
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


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
    except Untyped as refused:
        raise refusal(500, "", str(refused)) from refused
    except Malformed as refused:
        raise bad_request(str(refused)) from refused
    except PatchRefused as refused:
        message = "the server rejected our request due to an error in our request"
        raise refusal(422, "Invalid", message, details={}) from refused
    except InvalidObject as refused:
        raise invalid(replace(kind, kind=refused.kind or kind.kind), name, refused.causes) from refused
    except ApplyConflict as refused:
        raise apply_conflict(str(refused), refused.causes) from refused


@contextmanager
def refusing_patched(patched: Object) -> Iterator[None]:
    """As `refusing`, for a patched object that cannot be decoded: the server then blames the patch."""
    try:
        yield
    except UnknownFields as refused:
        raise _invalid_patch(patched, f"strict decoding error: {', '.join(refused.errors)}") from refused
    except Unreadable as refused:
        raise _invalid_patch(patched, refused.why) from refused


def _invalid_patch(patched: Object, why: str) -> ApiError:
    cause = Cause("FieldValueInvalid", f"Invalid value: {quoted(orjson.dumps(patched).decode())}: {why}", "patch")
    return invalid(Kind("", "", "", ""), "", [cause])
