"""The table of reasons knows every word that the controllers say, and none that nobody says."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from documentation.conditions import pages
from kservectl.api.condition_types import CONDITIONS
from kservectl.api.crds import DEFINITIONS
from kservectl.api.reasons import EVENTS, REASONS

SOURCE = Path(__file__).parents[2] / "src" / "kservectl"
DECIDING = ("controllers", "modelregistry", "modelfolder")

OTHER_WORDS = frozenset(
    """
    ALL AverageValue BlockedByFailedLoad ClusterFirst ConfigurationsReady DoesNotExist ExternalName FALSE FailedToLoad
    FallbackToLogsOnError HTTP HTTPS IfNotPresent InProgress IngressDomain LeastRecentlyUsed ModelDownloadError
    ModelDownloadPending ModelDownloading NodeDownloadError NodeDownloadPending NodeDownloaded NodeDownloading NodeNotReady
    NotIn PROTOCOL PathPrefix PodMetric PodScheduled PodSpec READY RegisteredModel RegularExpression ReplaceFullPath
    ReplacePrefixMatch ReplicaFailure RequestHeaderModifier ResolvedRefs RevisionName RollingUpdate TCP TRUE URLRewrite UpToDate
    """.split()  # noqa: SIM905 - as a list it is sixty lines long
)
"""Values of fields of KServe and of Kubernetes: in capitals like reasons, and none of them. Names of classes are known."""


def words() -> dict[str, str]:
    """CamelCase words that stand alone in a text of the deciding packages, each with a module that has it."""
    found: dict[str, str] = {}
    for package in DECIDING:
        for path in sorted((SOURCE / package).rglob("*.py")):
            for text in literals(ast.parse(path.read_text())):
                if re.fullmatch(r"([A-Z][a-z0-9]*|HTTP|MMS|GPU|CRD|CA){2,}", text):
                    found.setdefault(text, str(path.relative_to(SOURCE)))
    return found


def literals(tree: ast.Module) -> Iterator[str]:
    """All texts of a module but annotations of types, which quote what is defined later."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def known() -> set[str]:
    return {*REASONS, *EVENTS, *(name for conditions in CONDITIONS.values() for name in conditions)}


def test_every_word_that_a_controller_says_is_explained() -> None:
    defined = {
        node.name
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }
    unexplained = {word: where for word, where in words().items() if word not in known() | OTHER_WORDS | defined}

    assert unexplained == {}, "put them into kservectl.api.reasons, or into OTHER_WORDS if they are no reasons"


def test_every_reason_of_ours_is_said_somewhere() -> None:
    said = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "reasons.py")
    ours = [name for name, reason in REASONS.items() if reason.source == "kservectl" and " " not in name]

    assert [name for name in ours if f'"{name}"' not in said] == []


def test_every_condition_and_event_is_said_somewhere() -> None:
    said = "\n".join(path.read_text() for path in SOURCE.rglob("*.py") if path.name != "reasons.py")
    names = {*EVENTS, *(name for conditions in CONDITIONS.values() for name in conditions)}

    assert [name for name in sorted(names) if f'"{name}"' not in said] == []


def test_conditions_belong_to_kinds_that_are_served() -> None:
    assert set(CONDITIONS) <= {each.kind.kind for each in DEFINITIONS}


def test_what_is_wrong_has_something_to_do_about_it() -> None:
    fine = {"AllCanariesReady", "MinimumReplicasAvailable", "NewReplicaSetAvailable", "DiskReady"}

    assert {name for name, reason in REASONS.items() if not reason.next_step} == fine


def test_sentences_end() -> None:
    texts = [text for reason in REASONS.values() for text in (reason.meaning, reason.next_step) if text]

    assert [text for text in texts if not text.endswith((".", ")."))] == []


def test_the_page_has_every_reason_with_its_step() -> None:
    text = pages()["reference/conditions.md"]

    for name, reason in REASONS.items():
        assert f"`{name}`" in text
        assert reason.next_step.replace("<", "&lt;") in text
