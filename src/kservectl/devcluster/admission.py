"""What the write path tells admission about a request, and what it gets back.

The write path calls `mutate` on what the client sent, and `validate` on what is about to be stored. A refusal is raised
as an ApiError.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.request import ADMIN, User
from kservectl.objects.metadata import Object

Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass(frozen=True, slots=True)
class Attributes:
    """One admission question. `object` is None for DELETE, `old` for CREATE; `options` is the decoded XxxOptions."""

    operation: Operation
    served: ServedKind
    namespace: str
    name: str
    object: Object | None
    old: Object | None
    subresource: str = ""
    dry_run: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    user: User = ADMIN


@dataclass(frozen=True, slots=True)
class Mutated:
    """The object after mutation (the very same dict when nothing changed) and warnings for the caller."""

    object: Object | None
    warnings: tuple[str, ...] = ()


class Admission(Protocol):
    """Everything that may change or refuse a write."""

    async def mutate(self, attributes: Attributes) -> Mutated: ...

    async def validate(self, attributes: Attributes) -> tuple[str, ...]:
        """Warnings; raises ApiError to refuse."""
        ...
