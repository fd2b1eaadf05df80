"""Which runtime is chosen for a model format must be decided: equal chances are refused.

Only formats with `autoSelect: true` and a priority take part in the choice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kservectl.admission.inferenceservice.implementations import block, blocks, number, text
from kservectl.admission.review import FieldError
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class _Format:
    """A model format that takes part in the choice; `version` None means any."""

    path: str
    name: str
    version: str | None
    priority: int

    def equals(self, other: "_Format") -> bool:
        return self.name.lower() == other.name.lower() and self.version == other.version


def own_conflicts(runtime: Object, kind: str) -> Iterator[FieldError]:
    """Two priorities for one format, of whatever version, within `runtime`; `kind` as messages write it."""
    first: dict[str, _Format] = {}
    for found in _formats(runtime):
        earlier = first.setdefault(found.name.lower(), found)
        if earlier.priority != found.priority:
            yield FieldError(
                found.path,
                f"different priorities assigned for the model format {found.name} under the {kind}"
                f" {metadata.name(runtime)}: {earlier.priority} and {found.priority}; give all entries the same",
            )


def conflicts(runtime: Object, stored: Sequence[Object], kind: str, where: str) -> Iterator[FieldError]:
    """Formats of `runtime` for which a `stored` one has the same chance; `where` ends the message."""
    for other in stored:
        if not _compete(runtime, other):
            continue
        theirs = list(_formats(other))
        for mine in _formats(runtime):
            if any(mine.equals(found) and mine.priority == found.priority for found in theirs):
                yield FieldError(
                    mine.path,
                    f"same priority assigned for the model format {mine.name} in the {kind}s {metadata.name(other)}"
                    f" and {metadata.name(runtime)}{where}: {mine.priority}; choose another one",
                    "FieldValueDuplicate",
                )


def _formats(runtime: Object) -> Iterator[_Format]:
    for index, entry in enumerate(blocks(runtime.get("spec"), "supportedModelFormats")):
        priority = number(entry, "priority")
        if entry.get("autoSelect") is True and priority is not None:
            version = text(entry, "version") if entry.get("version") is not None else None
            path = f"spec.supportedModelFormats[{index}].priority"
            yield _Format(path, text(entry, "name"), version, priority)


def _compete(new: Object, stored: Object) -> bool:
    """Whether a service could be given either of the two."""
    mine, theirs = block(new, "spec") or {}, block(stored, "spec") or {}
    if metadata.name(new) == metadata.name(stored) or theirs.get("disabled") is True:
        return False
    if bool(mine.get("multiModel")) != bool(theirs.get("multiModel")):
        return False
    return bool(set(_protocols(mine)) & set(_protocols(theirs)))


def _protocols(spec: Object) -> list[str]:
    found = spec.get("protocolVersions")
    return [protocol for protocol in found if isinstance(protocol, str)] if isinstance(found, list) else []
