"""What a service's status remembers about rollbacks, as `status.annotations`: no other place survives a restart.

A rollback belongs to one generation of the spec. With a new generation it is over, and the annotation that asked for it is
spent until it is set to something else or set anew.
"""

from dataclasses import dataclass

from kservectl.objects.metadata import Object

REQUEST = "kservectl.dev/rollback-request"
REQUESTED_AT = "kservectl.dev/rollback-requested-at-generation"
FAILED = "kservectl.dev/failed-generation"
SERVED = "kservectl.dev/served-revision"

_KEYS = (REQUEST, REQUESTED_AT, FAILED, SERVED)


@dataclass(frozen=True, slots=True)
class Memory:
    """`request` is what was asked for by annotation, and `requested_at` the generation that it was asked for.

    `failed` is the generation that did not become Ready in time; `served` names the revision that is served instead of the
    spec. Empty and 0 stand for nothing.
    """

    request: str = ""
    requested_at: int = 0
    failed: int = 0
    served: str = ""

    @classmethod
    def of(cls, status: Object) -> "Memory":
        found = status.get("annotations") or {}
        return cls(
            str(found.get(REQUEST) or ""),
            _number(found.get(REQUESTED_AT)),
            _number(found.get(FAILED)),
            str(found.get(SERVED) or ""),
        )

    def written_to(self, status: Object) -> Object:
        """`status` with this memory in the place of the one that it carries."""
        others = {name: value for name, value in (status.get("annotations") or {}).items() if name not in _KEYS}
        values = (
            self.request,
            str(self.requested_at or ""),
            str(self.failed or ""),
            self.served,
        )
        annotations = {**others, **{name: value for name, value in zip(_KEYS, values, strict=True) if value}}
        rest = {name: value for name, value in status.items() if name != "annotations"}
        return {**rest, "annotations": annotations} if annotations else rest


def _number(text: object) -> int:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else 0
