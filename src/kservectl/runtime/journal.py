"""What the log says of a reconciliation: whose it is, and each write that it made.

Every line written within `reconciling`, by whatever module, carries `kind`, `namespace`, `name` and `reconcile_id`, the last of
which no other reconciliation of any process has. A write is told by the paths of the fields that it was made for, never by
their values: those may be secret.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import count
from typing import Any
from zlib import crc32

from structlog.contextvars import bound_contextvars
from structlog.typing import FilteringBoundLogger

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import ObjectKey

MAX_FIELDS = 20
"""How many paths a line names; of the others it says how many there are."""


def reconcile_ids(identity: str) -> Iterator[str]:
    """Identifiers that are unique as long as no two processes have the same `identity`."""
    process = f"{crc32(identity.encode()):08x}"
    return (f"{process}-{number}" for number in count(1))


def reconciling(kind: Kind, key: ObjectKey, reconcile_id: str) -> AbstractContextManager[None]:
    """The block in which `key` is reconciled."""
    return bound_contextvars(kind=kind.kind, namespace=key.namespace, name=key.name, reconcile_id=reconcile_id)


def tell(log: FilteringBoundLogger, operation: str, kind: Kind, key: ObjectKey, fields: Iterable[str] = ()) -> None:
    """One line about a write that the server accepted; `fields` are paths, given where the object was there before."""
    named = list(fields)
    more = len(named) - MAX_FIELDS
    shown = [*named[:MAX_FIELDS], f"and {more} more"] if more > 0 else named
    log.info("wrote", operation=operation, object=f"{kind.kind} {key}", **({"fields": shown} if shown else {}))


def patched_fields(patch: Mapping[str, Any], *, prefix: str = "") -> Sequence[str]:
    """The paths that a merge patch of an object changes, the resourceVersion that makes it conditional left out."""
    found: list[str] = []
    for name, value in patch.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            found += patched_fields(value, prefix=f"{path}.")
        elif path != "metadata.resourceVersion":
            found.append(path)
    return found
