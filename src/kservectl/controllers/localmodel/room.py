"""Which of the models that belong on a node have room there: a plain order, filled from the front.

The order is the whole policy. With `Never`, what the node keeps already stays, and newer caches come after older ones. With
`LeastRecentlyUsed`, models that services use come first, then the others, the one that was used last at the front; what no
longer fits makes room. A copy that stays by policy stays even if its cache or the limit has another size now.
Models are counted by the size that their caches state; caches of one source share a folder and are counted once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kservectl.controllers.localmodel.cache import Cache, bytes_of
from kservectl.controllers.localmodel.group import Group
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

INSUFFICIENT_STORAGE = "InsufficientStorage"
EVICTED = "Evicted"

_NAMED = 3
_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A model without room, and the numbers."""

    cache: Cache
    group: Group
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Filling:
    """What one node keeps for one group, and what finds no room."""

    kept: tuple[Cache, ...]
    refused: tuple[Refusal, ...]


def fill(
    group: Group, wanted: Sequence[Cache], listed: frozenset[str], *, free: Fraction | None = None, evicts: bool = False
) -> Filling:
    """Give room on one node to the caches of `group`.

    `listed` are the keys of what the node is told to keep already; `free` is what its disk will have left once that is
    there, in bytes, where it is known; `evicts` is whether copies that no service uses make room for others.
    """
    kept: list[Cache] = []
    refused: list[Refusal] = []
    taken: dict[str, Fraction] = {}
    used = Fraction(0)
    for cache in _order(wanted, listed, evicts=evicts):
        more = max(cache.size - taken.get(cache.folder, Fraction(0)), Fraction(0))
        stays = cache.key in listed and (not evicts or cache.is_used)
        if not stays and more and group.limit is not None and used + more > group.limit:
            makes_room = evicts and not cache.is_used and cache.size <= group.limit
            reason = EVICTED if makes_room else INSUFFICIENT_STORAGE
            refused.append(Refusal(cache, group, reason, _over_limit(group, group.limit, cache, kept, used)))
            continue
        if free is not None and cache.key not in listed:
            if more > free:
                refused.append(Refusal(cache, group, INSUFFICIENT_STORAGE, _disk_is_full(cache, free)))
                continue
            free -= more
        kept.append(cache)
        taken[cache.folder] = taken.get(cache.folder, Fraction(0)) + more
        used += more
    return Filling(tuple(kept), tuple(refused))


def free_bytes(order: Object | None, listed: Iterable[Cache]) -> Fraction | None:
    """What the node's disk will have left once it holds all that it is told to keep; None where its agent has not said."""
    status = (order or {}).get("status") or {}
    available = (status.get("storage") or {}).get("availableBytes")
    if not isinstance(available, int):
        return None
    states, models = status.get("modelStatus") or {}, status.get("models") or {}
    to_come = {
        cache.folder: max(cache.size - int((models.get(cache.key) or {}).get("downloadedBytes") or 0), Fraction(0))
        for cache in listed
        if states.get(cache.key) != "ModelDownloaded"
    }
    return available - sum(to_come.values(), Fraction(0))


def taken_by(entries: Iterable[Mapping[str, Any]]) -> Fraction:
    """What the entries of a LocalModelNode take by their stated sizes, each folder once."""
    sizes: dict[str, Fraction] = {}
    for entry in entries:
        folder = storage_key(str(entry.get("sourceModelUri")))
        sizes[folder] = max(sizes.get(folder, Fraction(0)), bytes_of(entry.get("modelSize")))
    return sum(sizes.values(), Fraction(0))


def readable(amount: Fraction) -> str:
    """Bytes for people: `1.5Gi`, `300Mi`."""
    power = 0
    while abs(amount) >= 1024 and power < len(_UNITS) - 1:
        amount, power = amount / 1024, power + 1
    return f"{round(float(amount), 1):g}{_UNITS[power]}"


def to_quantity(amount: Fraction) -> str:
    """Bytes as the API server spells them, in binary units where they are whole ones."""
    whole = int(amount)
    return quantity.canonical(f"{whole // 1024}Ki" if whole % 1024 == 0 else str(whole))


def _order(wanted: Sequence[Cache], listed: frozenset[str], *, evicts: bool) -> list[Cache]:
    by_age = sorted(wanted, key=lambda cache: (cache.key not in listed, cache.created, cache.key))
    if not evicts:
        return by_age
    used = [cache for cache in by_age if cache.is_used]
    unused = sorted((cache for cache in wanted if not cache.is_used), key=lambda cache: cache.key)
    return used + sorted(unused, key=lambda cache: cache.last_used, reverse=True)


def _over_limit(group: Group, limit: Fraction, cache: Cache, kept: Sequence[Cache], used: Fraction) -> str:
    needs = f"{cache.key} needs {readable(cache.size)}"
    if not kept:
        return f"node group {group.name} allows {readable(limit)} of models on a node, {needs}"
    largest = sorted(kept, key=lambda other: (-other.size, other.key))
    names = ", ".join(f"{other.key} ({readable(other.size)})" for other in largest[:_NAMED])
    rest = f" and {len(kept) - _NAMED} more" if len(kept) > _NAMED else ""
    return (
        f"node group {group.name} allows {readable(limit)} of models on a node and {names}{rest} take {readable(used)}; "
        f"{needs}, {readable(max(limit - used, Fraction(0)))} are left"
    )


def _disk_is_full(cache: Cache, free: Fraction) -> str:
    left = readable(max(free, Fraction(0)))
    return f"the node's disk has {left} left for further models, {cache.key} needs {readable(cache.size)}"
