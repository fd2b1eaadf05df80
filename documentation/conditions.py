"""Conditions, reasons and events, from the table that `kservectl why` reads."""

from documentation.tables import code, page, prose, table
from kservectl.api.condition_types import CONDITIONS
from kservectl.api.reasons import EVENTS, GROUPS, Reason


def pages() -> dict[str, str]:
    """Path below `docs/` → page."""
    introduction = (
        "Every condition that kservectl writes, and every reason with what to do about it. `kservectl why "
        "KIND/NAME` says the same words "
        "where nothing is known that fits the object better; mostly it names the very object, field or command. "
        "A reason that is missing here comes from a third party and is copied as it is."
    )
    conditions = [
        f"## Conditions of {_kinds(kind)}\n\n"
        + table(("Condition", "True when"), ((code(name), prose(said)) for name, said in found.items()))
        for kind, found in CONDITIONS.items()
    ]
    reasons = [
        f"### {title}\n\n"
        + table(("Reason", "Meaning", "What to do"), (_row(name, reason) for name, reason in group.items()))
        for title, group in GROUPS.items()
    ]
    events = "## Events\n\n" + table(("Reason", "When"), ((code(name), prose(said)) for name, said in EVENTS.items()))
    events += "\nWarnings about caches and about models on nodes carry the reasons of [model caches](#model-caches)."
    return {
        "reference/conditions.md": page(
            "Conditions and reasons", introduction, *conditions, "## Reasons", *reasons, events
        )
    }


def _kinds(kind: str) -> str:
    return "LocalModelCache and LocalModelNamespaceCache" if kind == "LocalModelCache" else kind


def _row(name: str, reason: Reason) -> tuple[str, str, str]:
    whose = "" if reason.source == "kservectl" else f" *({reason.source})*"
    return f"{code(name)}{whose}", prose(reason.meaning), prose(reason.next_step)
