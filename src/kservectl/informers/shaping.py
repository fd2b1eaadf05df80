"""What of a decoded object goes into the store.

`managedFields` can be half of an object and hardly anybody reads them, so they are dropped at decode. Who compares with the
record of its own server-side applies keeps only that entry, in a form that many objects share. Before its first
apply, what a predecessor wrote has to be inherited, which takes the whole record.
"""

from collections.abc import Callable, Collection
from typing import Any

import structlog

from kservectl.informers import apply_record
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

Transform = Callable[[Object], Object]
"""Makes an object smaller. It may change its argument, and must leave apiVersion, kind, name, namespace, uid and version."""


class Shape:
    """Shapes freshly decoded objects, in place.

    keep_managed_by
        Keep those `managedFields` entries that this manager made by Apply on the object itself, as `apply_record` keeps them;
        empty keeps none.
    predecessors
        Managers whose work it inherits: an object that one of them wrote, and `keep_managed_by` did not yet, keeps all entries.
    transform
        Applied last. When it raises, that is logged and the object stays as it is.
    """

    def __init__(
        self,
        *,
        keep_managed_by: str = "",
        predecessors: Collection[str] = (),
        transform: Transform | None = None,
    ) -> None:
        self._keep_managed_by = keep_managed_by
        self._predecessors = predecessors
        self._transform = transform
        self._log = structlog.get_logger()

    def __call__(self, obj: Object) -> Object:
        meta = obj.get("metadata")
        if isinstance(meta, dict):
            entries = meta.pop("managedFields", None)
            if entries and self._keep_managed_by:
                ours = [entry for entry in entries if self._is_ours(entry)]
                if ours:
                    meta["managedFields"] = [apply_record.kept(entry, meta) for entry in ours]
                elif any(entry.get("manager") in self._predecessors for entry in entries):
                    meta["managedFields"] = [apply_record.whole(entry) for entry in entries]
        if self._transform is None:
            return obj
        try:
            return self._transform(obj)
        except Exception:
            self._log.exception("transform failed, the object is kept as it is", object=metadata.describe(obj))
            return obj

    def _is_ours(self, entry: Any) -> bool:
        return (
            entry.get("manager") == self._keep_managed_by
            and entry.get("operation") == "Apply"
            and not entry.get("subresource")
        )
