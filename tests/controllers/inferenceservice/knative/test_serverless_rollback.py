"""Going back to an earlier version in Knative mode: asked for, or by policy."""

from datetime import timedelta

from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.knative.serverless import ServerlessWorld
from tests.controllers.inferenceservice.world import model, service

ROLLBACK = "kservectl.dev/rollback"
POLICY = "kservectl.dev/rollback-policy"
DEADLINE = "kservectl.dev/progress-deadline-seconds"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"


def version(number: int) -> Object:
    return model(storageUri=f"gs://bucket/v{number}")


def ready(*numbers: int, **annotations: str) -> ServerlessWorld:
    """A service that was Ready with each of these versions, one after the other."""
    world = ServerlessWorld(service(version(numbers[0]), annotations=annotations))
    world.run()
    for number in numbers[1:]:
        world.edit(version(number))
        world.run()
    assert world.condition("Ready")["status"] == "True"
    return world


def ask(world: ServerlessWorld, revision: str | None) -> None:
    meta = world.service["metadata"]
    others = {key: value for key, value in (meta.get("annotations") or {}).items() if key != ROLLBACK}
    asked = {} if revision is None else {ROLLBACK: revision}
    world.service = {**world.service, "metadata": {**meta, "annotations": {**others, **asked}}}


def served(world: ServerlessWorld) -> str:
    return str(world.template()["metadata"]["annotations"][SOURCE]).removeprefix("gs://bucket/")


def test_rollback_that_is_asked_for_brings_up_the_version_before_with_all_the_traffic() -> None:
    world = ready(1, 2)
    ask(world, "last")
    world.run()

    assert served(world) == "v1"
    assert world.serverless()["spec"]["traffic"] == [{"latestRevision": True, "percent": 100}]
    assert world.said("RolledBack")[:2] == ("True", "Requested")
    assert world.condition("Ready")["status"] == "True"
    assert world.component()["latestRolledoutRevision"] == "iris-predictor-00003"
    assert world.service["spec"]["predictor"] == version(2)


def test_rollback_may_name_a_version_and_ends_with_the_annotation() -> None:
    world = ready(1, 2, 3)
    ask(world, "1")
    world.run()
    assert served(world) == "v1"

    ask(world, None)
    world.run()
    assert served(world) == "v3"
    assert "RolledBack" not in {each["type"] for each in world.status["conditions"]}


def test_version_that_knative_does_not_get_ready_in_time_is_taken_back_by_policy() -> None:
    world = ready(1, **{POLICY: "automatic", DEADLINE: "30"})
    world.knative.works = False
    world.edit(version(2))
    world.step()
    world.knative.play()
    world.step()
    assert served(world) == "v2"
    assert world.said("RolledBack")[:2] == ("Unknown", "RollingOut")

    world.now += timedelta(seconds=30)
    world.step()
    world.knative.works = True
    world.run()
    assert served(world) == "v1"
    assert world.said("RolledBack")[:2] == ("True", "ProgressDeadlineExceeded")
    assert world.condition("Ready")["status"] == "True"


def test_without_the_policy_a_version_that_is_late_is_waited_for() -> None:
    world = ready(1, **{DEADLINE: "30"})
    world.knative.works = False
    world.edit(version(2))
    world.step()
    world.knative.play()
    world.now += timedelta(days=1)
    world.step()

    assert served(world) == "v2"
    assert "RolledBack" not in {each["type"] for each in world.status["conditions"]}


def test_no_annotation_about_rollouts_makes_a_revision() -> None:
    world = ready(1, **{POLICY: "automatic", DEADLINE: "30"})

    assert "kservectl.dev/" not in str(world.serverless())
