"""Which process wrote for which key, and when, by the API server's audit log; whether a key ever had two owners.

Pure functions: events are those of `audit.k8s.io/v1`. Processes are told apart by the pod that their token is bound to.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import ObjectKey

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_POD_NAME = "authentication.kubernetes.io/pod-name"
_EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Write:
    """One attempt to write, refused or not. `received` and `done` are the server's own times, as RFC 3339 texts of one length."""

    writer: str
    what: str
    received: str
    done: str


@dataclass(frozen=True, slots=True)
class Written:
    """Every write, by the key that it was made for. `keyless` went into a namespace of keys, to an object of none of them."""

    of_keys: Mapping[ObjectKey, Sequence[Write]]
    keyless: Sequence[Write]

    def owners(self) -> Mapping[ObjectKey, str]:
        """Who wrote last for each key."""
        return {key: max(found, key=_received).writer for key, found in self.of_keys.items()}


def written(events: Iterable[Mapping[str, Any]], keys: Mapping[tuple[Kind, ObjectKey], ObjectKey]) -> Written:
    """Sort the writes of pods; `keys` names the key that each object belongs to.

    Events are left out: they are sent some time after the decision that they tell of, by whoever made it.
    """
    objects = {(kind.group, kind.plural, obj): key for (kind, obj), key in keys.items()}
    namespaces = {key.namespace for key in keys.values()}
    of_keys: dict[ObjectKey, list[Write]] = defaultdict(list)
    keyless: list[Write] = []
    for event in events:
        about = event.get("objectRef") or {}
        names = (event["user"].get("extra") or {}).get(_POD_NAME)
        if not names or event["verb"] not in _WRITES or about.get("resource") == _EVENTS:
            continue
        obj = ObjectKey(about.get("namespace", ""), about.get("name", ""))
        made = Write(
            names[0],
            f"{event['verb']} {event['requestURI'].partition('?')[0]}",
            event["requestReceivedTimestamp"],
            event["stageTimestamp"],
        )
        if key := objects.get((about.get("apiGroup", ""), about.get("resource", ""), obj)):
            of_keys[key].append(made)
        elif obj.namespace in namespaces:
            keyless.append(made)
    return Written(of_keys, keyless)


def second_owners(found: Written) -> list[str]:
    """Every time that a key had two owners, in words.

    Of each key, each writer has one span, from when the server received its first write until it had answered its last. Two spans
    that touch are two owners at once: an earlier owner wrote when a later one had begun.
    """
    problems = []
    for key, writes in found.of_keys.items():
        spans: dict[str, list[Write]] = {}
        for write in sorted(writes, key=_received):
            spans.setdefault(write.writer, []).append(write)
        owners = list(spans.values())
        for position, earlier in enumerate(owners):
            last = max(earlier, key=lambda write: write.done)
            problems += [
                f"{key}: {last.writer} wrote until {last.done} ({last.what}), and {later[0].writer} from {later[0].received} "
                f"on ({later[0].what})"
                for later in owners[position + 1 :]
                if last.done >= later[0].received
            ]
    return problems


def _received(write: Write) -> str:
    return write.received
