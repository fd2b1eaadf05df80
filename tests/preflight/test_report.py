"""What the report says as a whole: the sum, and the exit code."""

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import ObjectKey
from kservectl.preflight.fields import FieldChange
from kservectl.preflight.report import Finding, Forecast, ObjectChange, Report

KEY = ObjectKey("models", "a")
NOTE = Finding("note", "Lease", "somebody holds it")
WARNING = Finding("warning", "a", "not so good")
BLOCKER = Finding("blocker", "a", "bad")
TEMPLATE = FieldChange("spec.template.spec.containers[a].image", "changed", "1", "2")
REPLICAS = FieldChange("spec.replicas", "changed", 1, 2)


def of(*findings: Finding, changes: tuple[ObjectChange, ...] = ()) -> Report:
    return Report(findings, (Forecast(INFERENCE_SERVICE, KEY, changes, kept=3),))


def test_notes_alone_are_nothing_to_note_for_a_pipeline() -> None:
    assert of(NOTE).exit_code == 0


def test_changes_and_warnings_are_differences() -> None:
    change = ObjectChange(DEPLOYMENT, KEY, "update", "why", (REPLICAS,))
    assert of(NOTE, changes=(change,)).exit_code == 1
    assert of(WARNING).exit_code == 1


def test_a_blocker_counts_most_wherever_it_is() -> None:
    inner = Report((WARNING,), (Forecast(INFERENCE_SERVICE, KEY, findings=(BLOCKER,)),))
    assert inner.exit_code == 2


def test_only_a_changed_template_rolls_out() -> None:
    assert ObjectChange(DEPLOYMENT, KEY, "update", "why", (TEMPLATE,)).rolls_out
    assert not ObjectChange(DEPLOYMENT, KEY, "update", "why", (REPLICAS,)).rolls_out
    assert not ObjectChange(DEPLOYMENT, KEY, "create", "why", (TEMPLATE,)).rolls_out


def test_the_summary_counts() -> None:
    changes = (
        ObjectChange(DEPLOYMENT, KEY, "update", "why", (TEMPLATE,)),
        ObjectChange(DEPLOYMENT, KEY, "create", "why"),
        ObjectChange(DEPLOYMENT, KEY, "delete", "why"),
    )
    summary = of(WARNING, BLOCKER, NOTE, changes=changes).document()["summary"]
    assert summary == {
        "objects": 1,
        "kept": 3,
        "creates": 1,
        "updates": 1,
        "deletes": 1,
        "rollouts": 1,
        "blockers": 1,
        "warnings": 1,
    }
