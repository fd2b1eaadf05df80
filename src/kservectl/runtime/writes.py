"""What writing to the API server is made of: the client's part in it, who writes, and why a write may come to nothing."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, Protocol, TypeVar

import structlog
from prometheus_client import Counter

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.journal import tell

T = TypeVar("T")

FIELD_MANAGER = "kservectl"
CREATE_ONLY = "1"
"""The resourceVersion with which an apply creates, and refuses to touch what is there."""


class Writer(Protocol):
    """The part of a client that `apply` needs."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object: ...

    async def apply(self, kind: Kind, obj: Object, *, force: bool = True) -> Object: ...

    async def patch(self, kind: Kind, name: str, namespace: str, body: Any, *, subresource: str = "") -> Object: ...

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str = "",
        *,
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
    ) -> None: ...


class ApplyRetry(Exception):
    """What was observed is no longer so; decide again once the cache shows it. Not an error."""


class NamespaceGoing(Exception):
    """The owner's namespace is being deleted, and the owner with it: nothing is left to be made. Not an error."""


class WriteLog:
    """Tells of each write that the server accepted: in the log, and in the counter `operations` by kind and operation."""

    def __init__(self, operations: Counter | None = None) -> None:
        self._operations = operations
        self._log = structlog.get_logger()

    def wrote(self, operation: str, kind: Kind, key: ObjectKey, fields: Iterable[str] = ()) -> None:
        """`fields` are the paths that it was made for, where the object was there before."""
        tell(self._log, operation, kind, key, fields)
        if self._operations is not None:
            self._operations.labels(kind.kind, operation).inc()


async def all_done(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all to their end, then raise what matters most: trouble with the server before a mere retry."""
    results = await asyncio.gather(*work, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in sorted(errors, key=lambda error: isinstance(error, ApplyRetry)):
        raise error
    return [result for result in results if not isinstance(result, BaseException)]
