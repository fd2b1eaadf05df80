"""What a preflight found, as data: for people by the command, for pipelines by `document`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.preflight.fields import FieldChange

Severity = Literal["blocker", "warning", "note"]
Deed = Literal["create", "update", "delete"]

NOTHING_TO_NOTE, DIFFERENCES, BLOCKERS, NOT_INSPECTED = 0, 1, 2, 3
"""Exit codes. The first two are those of `kubectl diff`, which has everything above 1 for what went wrong."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`about` names an object or a part of the cluster; `next_step` is what a person could do.

    A blocker would keep kservectl from working, or a service from being kept; a warning changes something, or will one day; a
    note is worth knowing.
    """

    severity: Severity
    about: str
    message: str
    next_step: str = ""

    def document(self) -> Object:
        return {
            "severity": self.severity,
            "about": self.about,
            "message": self.message,
            "nextStep": self.next_step,
        }


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """One object that kservectl would write. `fields` are those that would differ from now; of a deletion there are none."""

    kind: Kind
    key: ObjectKey
    deed: Deed
    why: str
    fields: tuple[FieldChange, ...] = ()

    @property
    def rolls_out(self) -> bool:
        """Whether pods are replaced by it: a template of theirs changes."""
        return self.deed == "update" and any(each.path.startswith("spec.template") for each in self.fields)

    def document(self) -> Object:
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "namespace": self.key.namespace,
            "name": self.key.name,
            "deed": self.deed,
            "why": self.why,
            "rollsOut": self.rolls_out,
            "fields": [each.document() for each in self.fields],
        }


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would happen to one object of KServe's and to what was made for it.

    kept
        How many of its children stay as they are; kservectl only takes over the record of who set their fields.
    """

    kind: Kind
    key: ObjectKey
    changes: tuple[ObjectChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    kept: int = 0

    @property
    def about(self) -> str:
        return f"{self.kind.kind} {self.key}"

    def document(self) -> Object:
        return {
            "apiVersion": self.kind.api_version,
            "kind": self.kind.kind,
            "namespace": self.key.namespace,
            "name": self.key.name,
            "kept": self.kept,
            "changes": [each.document() for each in self.changes],
            "findings": [each.document() for each in self.findings],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """`findings` are about the cluster as a whole, `forecasts` about each object, in order of kind and name."""

    findings: tuple[Finding, ...] = ()
    forecasts: tuple[Forecast, ...] = ()

    @property
    def all_findings(self) -> Iterable[Finding]:
        yield from self.findings
        for forecast in self.forecasts:
            yield from forecast.findings

    @property
    def changes(self) -> list[ObjectChange]:
        return [change for forecast in self.forecasts for change in forecast.changes]

    @property
    def exit_code(self) -> int:
        """`NOTHING_TO_NOTE`, `DIFFERENCES` (warnings too), or `BLOCKERS`."""
        severities = {finding.severity for finding in self.all_findings}
        if "blocker" in severities:
            return BLOCKERS
        return DIFFERENCES if self.changes or "warning" in severities else NOTHING_TO_NOTE

    def document(self) -> Object:
        """For `-o json`: the summary first, then everything."""
        changes, findings = self.changes, list(self.all_findings)
        return {
            "summary": {
                "objects": len(self.forecasts),
                "kept": sum(forecast.kept for forecast in self.forecasts),
                **{f"{deed}s": sum(each.deed == deed for each in changes) for deed in ("create", "update", "delete")},
                "rollouts": sum(each.rolls_out for each in changes),
                **{f"{name}s": sum(each.severity == name for each in findings) for name in ("blocker", "warning")},
            },
            "findings": [each.document() for each in self.findings],
            "objects": [each.document() for each in self.forecasts],
        }
