"""Canaries in Knative mode: shares, and the record of what was rolled out."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice.knative import traffic
from kservectl.controllers.inferenceservice.knative.traffic import Rollout
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.knative.serverless import ServerlessWorld
from tests.controllers.inferenceservice.world import model, service

V1, V2, V3 = (f"iris-predictor-{number:05d}" for number in (1, 2, 3))
NEWEST = {"latestRevision": True, "percent": 100}


def shared(percent: int, beside: str) -> list[Object]:
    return [
        {"latestRevision": True, "percent": percent},
        {"latestRevision": False, "revisionName": beside, "percent": 100 - percent, "tag": "prev"},
    ]


def predictor(version: int, **fields: Any) -> Object:
    return {**model(storageUri=f"gs://bucket/v{version}"), **fields}


def running(*, version: int = 1) -> ServerlessWorld:
    world = ServerlessWorld(service(predictor(version)))
    world.run()
    assert world.condition("Ready")["status"] == "True"
    return world


def routes(world: ServerlessWorld) -> list[Object]:
    found: list[Object] = world.serverless()["spec"]["traffic"]
    return found


def rolled_out(world: ServerlessWorld) -> tuple[str, str]:
    found = world.component()
    return found.get("latestRolledoutRevision", ""), found.get("previousRolledoutRevision", "")


def test_first_version_gets_everything_and_is_rolled_out() -> None:
    world = running()

    assert routes(world) == [NEWEST]
    assert rolled_out(world) == (V1, "")
    assert world.component()["traffic"] == [{**NEWEST, "revisionName": V1}]


def test_canary_gets_its_share_beside_the_version_that_was_rolled_out() -> None:
    world = running()
    world.edit(predictor(2, canaryTrafficPercent=15))
    world.run()

    assert routes(world) == shared(15, V1)
    assert rolled_out(world) == (V1, "")
    assert world.component()["latestReadyRevision"] == V2
    assert world.condition("Ready")["status"] == "True"


def test_share_alone_makes_no_revision() -> None:
    world = running()
    world.edit(predictor(2, canaryTrafficPercent=15))
    world.run()
    world.edit(predictor(2, canaryTrafficPercent=50))
    world.run()

    assert routes(world) == shared(50, V1)
    assert world.component()["latestCreatedRevision"] == V2


@pytest.mark.parametrize("fields", [{}, {"canaryTrafficPercent": 100}])
def test_promotion_gives_everything_to_the_canary_and_remembers_the_one_before(fields: Object) -> None:
    world = running()
    world.edit(predictor(2, canaryTrafficPercent=15))
    world.run()
    world.edit(predictor(2, **fields))
    world.run()

    assert routes(world) == [NEWEST]
    assert rolled_out(world) == (V2, V1)


def test_rollback_gives_the_rest_to_the_version_before() -> None:
    world = running()
    world.edit(predictor(2))
    world.run()
    assert rolled_out(world) == (V2, V1)

    world.edit(predictor(2, canaryTrafficPercent=10))
    world.run()

    assert routes(world) == shared(10, V1)
    assert rolled_out(world)[0] == V1


def test_share_of_zero_takes_the_canary_out() -> None:
    world = running()
    world.edit(predictor(2, canaryTrafficPercent=15))
    world.run()
    world.edit(predictor(2, canaryTrafficPercent=0))
    world.run()

    assert routes(world) == shared(0, V1)
    assert world.condition("Ready")["status"] == "True"


def test_second_canary_goes_beside_the_version_that_was_rolled_out() -> None:
    world = running()
    for version in (2, 3):
        world.edit(predictor(version, canaryTrafficPercent=20))
        world.run()

    assert routes(world) == shared(20, V1)
    assert world.component()["latestCreatedRevision"] == V3


def test_canary_that_does_not_become_ready_is_not_rolled_out() -> None:
    world = running()
    world.knative.works = False
    world.edit(predictor(2))
    world.run()

    assert rolled_out(world) == (V1, "")
    assert (world.component()["latestCreatedRevision"], world.component()["latestReadyRevision"]) == (V2, V1)
    assert world.condition("Ready")["status"] == "Unknown"


def test_tag_for_the_newest_revision_is_there_when_it_is_asked_for() -> None:
    world = ServerlessWorld(service(annotations={traffic.TAG_ROUTING: "true"}))
    world.run()

    assert routes(world) == [{**NEWEST, "tag": "latest"}]
    assert world.template()["metadata"]["annotations"][traffic.TAG_ROUTING] == "true"


def test_both_revisions_of_a_canary_have_tags_when_they_are_asked_for() -> None:
    newest, before = traffic.entries(20, V1, tagged=True)

    assert (newest["tag"], before["tag"]) == ("latest", "prev")


@pytest.mark.parametrize("word", ["True", "yes", ""])
def test_no_other_word_asks_for_a_tag(word: str) -> None:
    world = ServerlessWorld(service(annotations={traffic.TAG_ROUTING: word}))
    world.run()

    assert routes(world) == [NEWEST]


def test_components_have_shares_of_their_own() -> None:
    container = {"name": "kserve-container", "image": "transformer:1"}
    world = running()
    world.edit_spec(transformer={"containers": [container]})
    world.run()
    newer = {**container, "image": "transformer:2"}
    world.edit_spec(transformer={"containers": [newer], "canaryTrafficPercent": 30})
    world.run()

    assert routes(world) == [NEWEST]
    assert world.serverless("iris-transformer")["spec"]["traffic"] == shared(30, "iris-transformer-00001")


def test_resumed_service_starts_its_record_anew() -> None:
    world = running()
    world.edit(predictor(2))
    world.run()
    world.annotate(stop="true")
    world.run()
    assert world.names_of_children() == []

    world.annotate(stop="false")
    world.run()

    assert rolled_out(world) == (V1, "")
    assert world.condition("Ready")["status"] == "True"


def test_canary_of_a_resumed_service_gets_its_share_and_no_more() -> None:
    world = running()
    world.annotate(stop="true")
    world.run()
    world.edit(predictor(2, canaryTrafficPercent=20))
    world.annotate(stop="false")
    world.step()

    uri = "internal.serving.kserve.io/storage-initializer-sourceuri"
    assert world.template()["metadata"]["annotations"][uri] == "gs://bucket/v1"
    world.knative.play()
    world.run()
    assert world.template()["metadata"]["annotations"][uri] == "gs://bucket/v2"
    assert routes(world) == shared(20, V1)


def test_record_that_was_lost_is_found_in_the_routes() -> None:
    world = running()
    world.edit(predictor(2, canaryTrafficPercent=20))
    world.run()
    world.service = {**world.service, "status": {"deploymentMode": "Knative"}}
    world.run()

    assert routes(world) == shared(20, V1)
    assert rolled_out(world) == (V1, "")


def test_revisions_of_a_service_that_was_made_anew_are_not_taken_for_old_ones() -> None:
    recorded = {"latestRolledoutRevision": V3, "previousRolledoutRevision": V2}
    live = {"status": {"latestCreatedRevisionName": V1}}

    assert traffic.rollout(recorded, live) == Rollout()
    assert traffic.rollout(recorded, None) == Rollout()


def test_nothing_is_taken_back_while_the_newest_template_has_yet_to_become_a_revision() -> None:
    recorded = {"latestRolledoutRevision": V2, "previousRolledoutRevision": V1}
    status = {
        "latestCreatedRevisionName": V2,
        "latestReadyRevisionName": V2,
        "traffic": [
            {"latestRevision": True, "revisionName": V2, "percent": 20},
            {"latestRevision": False, "revisionName": V2, "percent": 80},
        ],
        "conditions": [{"type": "ConfigurationsReady", "status": "Unknown"}],
    }

    assert traffic.rollout(recorded, {"status": status}) == Rollout(V2, V1)
    settled = {**status, "conditions": [{"type": "ConfigurationsReady", "status": "True"}]}
    assert traffic.rollout(recorded, {"status": settled}) == Rollout(V1, V1)


def test_rollback_that_is_routed_is_one_although_the_record_is_older() -> None:
    recorded = {"latestRolledoutRevision": V2, "previousRolledoutRevision": V1}
    before = [
        {"latestRevision": True, "revisionName": V2, "percent": 20},
        {"latestRevision": False, "revisionName": V2, "percent": 80},
    ]
    status = {
        "latestCreatedRevisionName": V2,
        "latestReadyRevisionName": V2,
        "traffic": before,
        "observedGeneration": 1,
    }
    live = {"metadata": {"generation": 2}, "spec": {"traffic": shared(20, V1)}, "status": status}

    assert traffic.rollout(recorded, live) == Rollout(V1, V1)


def test_share_of_more_than_all_is_left_to_knative_to_refuse() -> None:
    assert traffic.entries(130, V1, tagged=False) == [{"latestRevision": True, "percent": 130}]
    assert traffic.entries(20, "", tagged=False) == [NEWEST]
