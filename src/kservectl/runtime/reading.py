"""What a decision must see and no cache holds (Secrets never are): read from the API server just before deciding.

Who decides says what is needed, as a plain function of a View; it is asked again once that was read, because one object
may name others. What does not exist reads as None, as in any View. What cannot be read, or has no end, raises
Unreadable: a decision without it would be a guess.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kservectl.client.client import Client
from kservectl.client.errors import ClientError, NotFound
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_ROUNDS = 3
"""An object may name one that names others: an InferenceService a ServiceAccount, and that its Secrets."""

_NO_NAMES = ("", ".", "..")


@dataclass(frozen=True, slots=True)
class Reference:
    """One object to be read."""

    kind: Kind
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Unreadable(Exception):
    """An object could not be read, for another reason than that it does not exist."""


class LiveReader:
    """Reads objects for one decision at a time; remembers none."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def complete(self, needs: Callable[[View], Collection[Reference]], view: View) -> View:
        """`view` with all that `needs` asks for laid over it; raises Unreadable. Sets no deadline of its own."""
        below = view
        held: dict[Reference, Object | None] = {}
        for _ in range(_ROUNDS):
            missing = [reference for reference in dict.fromkeys(needs(view)) if reference not in held]
            if not missing:
                return view
            held |= await self._read(missing)
            view = LiveView(below, held)
        endless = next((reference for reference in needs(view) if reference not in held), None)
        if endless is not None:
            raise Unreadable(f"{endless} cannot be read: too many objects name one another")
        return view

    async def _read(self, references: Sequence[Reference]) -> Mapping[Reference, Object | None]:
        answers = await asyncio.gather(*map(self._read_one, references), return_exceptions=True)
        found: dict[Reference, Object | None] = {}
        for reference, answer in zip(references, answers, strict=True):
            if isinstance(answer, ClientError):
                raise Unreadable(f"{reference} cannot be read: {answer}; try again") from answer
            if isinstance(answer, BaseException):
                raise answer
            found[reference] = answer
        return found

    async def _read_one(self, reference: Reference) -> Object | None:
        if reference.name in _NO_NAMES:
            return None  # nothing is called so, and in a URL it would mean something else
        try:
            return await self._client.get(reference.kind, reference.name, reference.namespace)
        except NotFound:
            return None


class LiveView:
    """A View with some objects laid over it: what was read a moment ago, or was found not to exist."""

    def __init__(self, below: View, held: Mapping[Reference, Object | None]) -> None:
        self._below = below
        self._held = dict(held)

    @property
    def now(self) -> datetime:
        return self._below.now

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        reference = Reference(kind, name, namespace if kind.namespaced else "")
        return self._held[reference] if reference in self._held else self._below.get(kind, name, namespace)

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        return self._below.list(kind, namespace, labels)

    def owned(self, kind: Kind, owner_uid: str) -> Sequence[Object]:
        return self._below.owned(kind, owner_uid)

    def served(self, kind: Kind) -> bool:
        return self._below.served(kind)
