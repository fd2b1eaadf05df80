"""Going back to an earlier version: asked for, or by policy."""

from datetime import timedelta

import pytest

from kservectl.objects.kind import CONTROLLER_REVISION, DEPLOYMENT
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from tests.controllers.inferenceservice.world import KINDS, World, model, pod, says, service

ROLLBACK = "kservectl.dev/rollback"
POLICY = "kservectl.dev/rollback-policy"
DEADLINE = "kservectl.dev/progress-deadline-seconds"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
CRASH = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"reason": "Error", "exitCode": 3, "message": "no such tensor"}},
}


def version(number: int) -> Object:
    return model(storageUri=f"gs://bucket/v{number}")


def annotate(world: World, **annotations: str | None) -> None:
    """Set annotations given as keywords of the constants above; None removes one."""
    names = {"rollback": ROLLBACK, "policy": POLICY, "deadline": DEADLINE}
    meta = world.service["metadata"]
    merged = {**(meta.get("annotations") or {}), **{names[key]: value for key, value in annotations.items()}}
    kept = {key: value for key, value in merged.items() if value is not None}
    world.service = {**world.service, "metadata": {**meta, "annotations": kept}}


def ready(*numbers: int, **annotations: str) -> World:
    """A service that was Ready with each of these versions, one after the other."""
    world = World(service(version(numbers[0])), kinds=(*KINDS, CONTROLLER_REVISION))
    annotate(world, **annotations)
    world.become_ready()
    for number in numbers[1:]:
        world.edit(version(number))
        world.settle()
    return world


def break_it(world: World) -> Outcome:
    """A new version whose rolling update is stuck: the old pods serve, the new one crashes."""
    world.edit(version(99))
    world.step()
    stuck(world)
    return world.step()


def stuck(world: World) -> None:
    world.deployment_says(
        says("Available", "True", "MinimumReplicasAvailable"), says("Progressing", "True", "ReplicaSetUpdated")
    )
    world.pods.append(pod("iris-predictor-new", created="2026-01-01T00:00:30Z", server=CRASH))


def recover(world: World) -> None:
    world.roll_out()
    world.settle()


def served(world: World) -> str:
    template = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]
    return str(template["metadata"]["annotations"][SOURCE]).removeprefix("gs://bucket/")


def revisions(world: World) -> dict[int, str]:
    found = [child for (kind, _), child in world.children.items() if kind == "ControllerRevision"]
    return {
        obj["revision"]: obj["data"]["spec"]["predictor"]["model"]["storageUri"].removeprefix("gs://bucket/")
        for obj in sorted(found, key=lambda obj: obj["revision"])
    }


def rolled_back(world: World) -> tuple[str, str]:
    found = [entry for entry in world.status["conditions"] if entry["type"] == "RolledBack"]
    return (found[0]["status"], found[0]["reason"]) if found else ("", "")


# --- versions ---


def test_a_version_is_recorded_when_it_became_ready_and_not_before() -> None:
    world = World(service(version(1)), kinds=(*KINDS, CONTROLLER_REVISION))
    world.step()
    world.roll_out()
    world.step()
    assert revisions(world) == {}

    world.accept_routes()
    world.settle()
    assert revisions(world) == {1: "v1"}


def test_each_version_that_became_ready_is_recorded_once() -> None:
    assert revisions(ready(1, 2, 3)) == {1: "v1", 2: "v2", 3: "v3"}


def test_a_version_whose_rollout_is_stuck_is_not_recorded_although_the_old_pods_keep_the_service_ready() -> None:
    world = ready(1)
    break_it(world)

    assert world.condition("Ready")["status"] == "True"
    assert revisions(world) == {1: "v1"}


def test_versions_survive_a_stop() -> None:
    world = ready(1, 2)
    world.annotate(stop="true")
    world.settle()

    assert {kind for kind, _ in world.children} == {"ControllerRevision"}
    assert revisions(world) == {1: "v1", 2: "v2"}


def test_without_the_annotations_nothing_is_told() -> None:
    world = ready(1, 2)

    assert rolled_back(world) == ("", "")
    assert "annotations" not in world.status


# --- asked for ---


@pytest.mark.parametrize("value", ["last", "true"])
def test_the_annotation_returns_a_broken_service_to_its_last_version_that_was_ready(value: str) -> None:
    world = ready(1, 2)
    break_it(world)
    annotate(world, rollback=value)
    world.settle()
    recover(world)

    assert served(world) == "v2"
    assert rolled_back(world) == ("True", "Requested")
    assert world.service["spec"]["predictor"] == version(99)
    assert world.status["observedGeneration"] == world.service["metadata"]["generation"]


def test_a_version_that_is_ready_and_yet_not_good_goes_back_to_the_one_before() -> None:
    world = ready(1, 2)
    annotate(world, rollback="last")
    world.settle()

    assert served(world) == "v1"
    assert revisions(world) == {1: "v1", 2: "v2"}


def test_the_annotation_may_name_a_revision() -> None:
    world = ready(1, 2, 3)
    annotate(world, rollback="1")
    world.settle()
    assert served(world) == "v1"

    annotate(world, rollback="2")
    world.settle()
    assert served(world) == "v2"


def test_a_revision_that_does_not_exist_is_named_and_changes_nothing() -> None:
    world = ready(1, 2)
    annotate(world, rollback="7")
    world.settle()

    assert served(world) == "v2"
    assert rolled_back(world) == ("False", "RevisionNotFound")
    assert "1, 2" in world.said("RolledBack")[2]


def test_a_new_generation_ends_the_rollback_and_spends_the_annotation() -> None:
    world = ready(1, 2)
    annotate(world, rollback="last")
    world.settle()
    world.edit(version(3))
    world.settle()

    assert served(world) == "v3"
    assert rolled_back(world) == ("", "")
    assert revisions(world) == {1: "v1", 2: "v2", 3: "v3"}

    annotate(world, rollback=None)
    world.settle()
    annotate(world, rollback="last")
    world.settle()
    assert served(world) == "v2"


def test_removing_the_annotation_ends_the_rollback() -> None:
    world = ready(1, 2)
    annotate(world, rollback="last")
    world.settle()
    annotate(world, rollback=None)
    world.settle()

    assert served(world) == "v2"
    assert rolled_back(world) == ("", "")
    assert "annotations" not in world.status


def test_a_rollback_outlasts_a_stop() -> None:
    world = ready(1, 2)
    annotate(world, rollback="last")
    world.settle()
    world.annotate(stop="true")
    world.settle()
    world.annotate(stop="false")
    world.become_ready()

    assert served(world) == "v1"


def test_a_rollback_says_how_to_end_it() -> None:
    world = ready(1, 2)
    annotate(world, rollback="last")
    outcome = world.settle()

    told = next(each for each in outcome.explanations if each.about == "RolledBack")
    assert "Revision 1 is served instead of generation 2" in told.message
    assert ROLLBACK in told.next_step


def test_a_rollback_goes_through_although_updates_are_held_back() -> None:
    world = ready(1, 2)
    world.annotate(frozen="true")
    world.settle()
    annotate(world, rollback="last")
    world.settle()

    assert served(world) == "v1"


def test_no_annotation_about_rollouts_reaches_a_pod() -> None:
    world = ready(1, policy="automatic", deadline="30", rollback="false")

    for (_, name), child in world.children.items():
        assert "kservectl.dev/" not in str(child), name


# --- by policy ---


def test_a_new_version_is_given_time_until_its_deadline() -> None:
    world = ready(1, policy="automatic", deadline="30")
    outcome = break_it(world)

    assert served(world) == "v99"
    assert rolled_back(world) == ("Unknown", "RollingOut")
    assert outcome.requeue_after is not None
    assert 0 < outcome.requeue_after <= 30


def test_a_version_that_is_late_is_taken_back_with_the_pod_and_its_reason() -> None:
    world = ready(1, 2, policy="automatic", deadline="30")
    break_it(world)
    world.now += timedelta(seconds=30)
    # The pod and its reason are gone as soon as the Deployment is changed, so they are written down before.
    assert world.step().status_first
    recover(world)

    assert served(world) == "v2"
    assert rolled_back(world) == ("True", "ProgressDeadlineExceeded")
    message = world.said("RolledBack")[2]
    assert "revision 2 is served instead of generation 3" in message
    assert "iris-predictor-new" in message and "no such tensor" in message
    assert world.events.count("RolledBack") == 1
    assert world.condition("Ready")["status"] == "True"


def test_a_version_that_kubernetes_gave_up_is_taken_back_at_once() -> None:
    world = ready(1, policy="automatic")
    break_it(world)
    world.deployment_says(
        says("Available", "True", "MinimumReplicasAvailable"),
        says("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet has timed out progressing."),
    )
    world.step()

    assert served(world) == "v1"


def test_a_version_that_cannot_even_be_built_is_taken_back() -> None:
    world = ready(1, policy="automatic", deadline="30")
    world.edit(model("nothing-serves-this"))
    outcome = world.step()
    assert outcome.requeue_after == 30

    world.now += timedelta(seconds=30)
    world.settle()
    assert served(world) == "v1"
    assert "no runtime found" in world.said("RolledBack")[2]
    assert world.condition("Ready")["status"] == "True"


def test_a_version_that_becomes_ready_in_time_is_recorded_and_stays() -> None:
    world = ready(1, policy="automatic", deadline="30")
    break_it(world)
    recover(world)
    world.now += timedelta(seconds=60)
    world.settle()

    assert served(world) == "v99"
    assert rolled_back(world) == ("", "")
    assert revisions(world) == {1: "v1", 2: "v99"}


def test_the_wait_is_measured_from_its_beginning_however_often_is_decided() -> None:
    world = ready(1, policy="automatic", deadline="30")
    break_it(world)
    for _ in range(28):
        world.step()
        assert served(world) == "v99"
    for _ in range(4):
        world.step()
    assert served(world) == "v1"


def test_a_version_that_was_taken_back_stays_so_until_the_spec_changes() -> None:
    world = ready(1, policy="automatic", deadline="30")
    break_it(world)
    world.now += timedelta(seconds=30)
    world.step()
    recover(world)
    world.now += timedelta(days=1)
    world.settle()
    assert served(world) == "v1"

    world.edit(version(3))
    world.settle()
    assert served(world) == "v3"
    assert rolled_back(world) == ("", "")
    assert "annotations" not in world.status


def test_without_the_policy_a_late_version_is_left_to_people() -> None:
    world = ready(1, deadline="30")
    break_it(world)
    world.now += timedelta(hours=1)
    outcome = world.settle()

    assert served(world) == "v99"
    assert any("iris-predictor-new" in each.message for each in outcome.explanations)


def test_a_service_that_never_was_ready_has_nothing_to_go_back_to() -> None:
    world = World(service(version(1)), kinds=(*KINDS, CONTROLLER_REVISION))
    annotate(world, policy="automatic", deadline="30")
    world.step()
    world.now += timedelta(hours=1)
    world.settle()

    assert served(world) == "v1"
    assert rolled_back(world) == ("", "")


def test_the_deadline_does_not_run_while_the_service_is_stopped() -> None:
    world = ready(1, policy="automatic", deadline="30")
    break_it(world)
    world.annotate(stop="true")
    world.now += timedelta(hours=1)
    world.settle()
    world.annotate(stop="false")
    world.step()

    assert served(world) == "v99"


def test_an_annotation_that_cannot_be_understood_has_no_effect_and_is_named() -> None:
    world = ready(1)
    annotate(world, policy="sometimes")
    outcome = world.settle()

    assert any(POLICY in each.about and "sometimes" in each.message for each in outcome.explanations)


def test_a_broken_canary_is_no_reason_to_go_back() -> None:
    world = ready(1, policy="automatic", deadline="30")
    meta = {**world.service["metadata"], "generation": 2}
    canary = {"predictor": {"name": "v2", **version(2)}, "trafficPercent": 20}
    world.service = {**world.service, "metadata": meta, "spec": {**world.service["spec"], "canary": [canary]}}
    world.settle()
    world.now += timedelta(hours=1)
    world.settle()

    assert "iris-v2-predictor" in world.names(DEPLOYMENT)
    assert rolled_back(world) == ("", "")


def test_taking_the_policy_away_and_setting_it_again_tries_the_spec_once_more() -> None:
    world = ready(1, policy="automatic", deadline="30")
    break_it(world)
    world.now += timedelta(seconds=30)
    world.step()
    recover(world)
    annotate(world, policy=None)
    world.step()
    stuck(world)
    world.step()
    assert served(world) == "v99"

    annotate(world, policy="automatic")
    world.step()
    assert served(world) == "v99"
    assert rolled_back(world) == ("Unknown", "RollingOut")


def test_a_request_stands_above_the_policy_and_gives_way_to_it_again() -> None:
    world = ready(1, 2, policy="automatic", deadline="30")
    break_it(world)
    world.now += timedelta(seconds=30)
    world.step()
    recover(world)
    annotate(world, rollback="1")
    world.settle()
    assert (served(world), rolled_back(world)) == ("v1", ("True", "Requested"))

    annotate(world, rollback=None)
    world.settle()
    assert (served(world), rolled_back(world)) == ("v2", ("True", "ProgressDeadlineExceeded"))


def test_a_revision_that_vanished_is_not_served_and_named() -> None:
    world = ready(1, 2)
    annotate(world, rollback="1")
    world.settle()
    world.children = {
        identity: child
        for identity, child in world.children.items()
        if child["kind"] != "ControllerRevision" or child["revision"] != 1
    }
    world.settle()

    assert served(world) == "v2"
    assert rolled_back(world) == ("False", "RevisionNotFound")


def test_the_cause_is_a_pod_of_the_stable_version_and_never_one_of_a_canary() -> None:
    world = ready(1, policy="automatic", deadline="30")
    meta = {**world.service["metadata"], "generation": 2}
    canary = {"predictor": {"name": "v2", **version(2)}, "trafficPercent": 20}
    spec = {"predictor": version(99), "canary": [canary]}
    world.service = {**world.service, "metadata": meta, "spec": spec}
    world.step()
    world.pods.append(pod("iris-v2-predictor-bad", component="iris-v2-predictor", server=CRASH))
    stuck(world)
    world.step()
    world.now += timedelta(seconds=30)
    world.step()

    assert "iris-predictor-new" in world.said("RolledBack")[2]
    assert "iris-v2-predictor-bad" not in world.said("RolledBack")[2]
