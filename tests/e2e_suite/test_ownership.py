"""Two owners of one key are found in the audit log, and a change of owners is not taken for that."""

from typing import Any

from e2e.ownership import second_owners, written
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import ObjectKey

IRIS, DIGITS = ObjectKey("n", "iris"), ObjectKey("n", "digits")
KEYS = {
    (INFERENCE_SERVICE, IRIS): IRIS,
    (DEPLOYMENT, ObjectKey("n", "iris-predictor")): IRIS,
    (SERVICE, ObjectKey("n", "digits-predictor")): DIGITS,
}
OF_IRIS = ("apps", "deployments", "iris-predictor")
STATUS_OF_IRIS = ("serving.kserve.io", "inferenceservices", "iris")
OF_DIGITS = ("", "services", "digits-predictor")


def event(
    writer: str,
    about: tuple[str, str, str],
    second: float,
    *,
    seconds: float = 0.01,
    verb: str = "patch",
    namespace: str = "n",
) -> dict[str, Any]:
    group, resource, name = about
    return {
        "verb": verb,
        "user": {"username": "manager", "extra": {"authentication.kubernetes.io/pod-name": [writer]} if writer else {}},
        "objectRef": {"apiGroup": group, "resource": resource, "namespace": namespace, "name": name},
        "requestURI": f"/{resource}/{name}?fieldManager=kservectl",
        "requestReceivedTimestamp": f"2026-11-27T00:00:{second:09.6f}Z",
        "stageTimestamp": f"2026-11-27T00:00:{second + seconds:09.6f}Z",
    }


def test_key_that_changes_hands_has_one_owner_at_a_time() -> None:
    found = written([event("a", OF_IRIS, 1), event("b", OF_IRIS, 20), event("c", STATUS_OF_IRIS, 40)], KEYS)
    assert second_owners(found) == []
    assert found.owners() == {IRIS: "c"}


def test_write_of_the_old_owner_after_one_of_the_new_is_told_of() -> None:
    log = [event("a", OF_IRIS, 1), event("b", OF_IRIS, 20), event("a", STATUS_OF_IRIS, 21)]
    (problem,) = second_owners(written(log, KEYS))
    assert problem == (
        "n/iris: a wrote until 2026-11-27T00:00:21.010000Z (patch /inferenceservices/iris), and b from "
        "2026-11-27T00:00:20.000000Z on (patch /deployments/iris-predictor)"
    )


def test_write_still_being_answered_when_the_new_owner_begins_is_told_of() -> None:
    log = [event("a", OF_IRIS, 1, seconds=5), event("b", OF_IRIS, 3)]
    assert len(second_owners(written(log, KEYS))) == 1


def test_owner_between_two_others_does_not_hide_that_they_overlap() -> None:
    log = [event("a", OF_IRIS, 1), event("b", OF_IRIS, 2), event("c", OF_IRIS, 3), event("a", OF_IRIS, 4)]
    assert [problem.split(", and ")[1][0] for problem in second_owners(written(log, KEYS))] == ["b", "c"]


def test_keys_are_looked_at_one_by_one() -> None:
    log = [event("a", OF_IRIS, 1), event("b", OF_DIGITS, 2), event("a", OF_IRIS, 3), event("b", OF_DIGITS, 4)]
    found = written(log, KEYS)
    assert second_owners(found) == []
    assert found.owners() == {IRIS: "a", DIGITS: "b"}


def test_refused_writes_count_and_reads_and_events_do_not() -> None:
    refused = event("b", OF_IRIS, 2) | {"responseStatus": {"code": 409}}
    log = [
        event("a", OF_IRIS, 1),
        refused,
        event("a", OF_IRIS, 3),
        event("a", OF_DIGITS, 1, verb="list"),
        event("b", ("", "events", "iris.1"), 9, verb="create"),
    ]
    found = written(log, KEYS)
    assert len(second_owners(found)) == 1
    assert found.owners() == {IRIS: "a"}


def test_writes_of_no_key_are_told_apart_and_those_of_no_pod_left_out() -> None:
    unknown = ("apps", "deployments", "unknown")
    log = [event("a", unknown, 1), event("a", unknown, 1, namespace="kserve"), event("", OF_IRIS, 1)]
    found = written(log, KEYS)
    assert [write.what for write in found.keyless] == ["patch /deployments/unknown"]
    assert not found.of_keys
