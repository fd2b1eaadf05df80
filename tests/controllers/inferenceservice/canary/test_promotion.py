"""What a promotion, or anything else that moves traffic, leaves behind goes last."""

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.objects.kind import DEPLOYMENT, INGRESS, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.canary.services import (
    TRANSFORMER,
    canaried,
    canary,
    ready,
    respec,
    shares,
)
from tests.controllers.inferenceservice.world import GATEWAY_INGRESS, World, configuration, runtime, says

OLD, NEW = "iris-predictor", "iris-v2-predictor"


def promote(world: World) -> None:
    respec(world, predictor=canary()["predictor"], canary=None)


def seen(world: World, generation: int) -> None:
    """The gateway tells of this generation of every route."""
    for name in world.names(HTTP_ROUTE):
        route = world.child(HTTP_ROUTE, name)
        reference = route["spec"]["parentRefs"][0]
        accepted = {**says("Accepted", "True"), "observedGeneration": generation}
        route["status"] = {"parents": [{"parentRef": reference, "conditions": [accepted]}]}


def test_the_old_version_stays_until_no_route_leads_to_it() -> None:
    world = ready(canary())
    promote(world)

    world.step()
    assert shares(world) == [(NEW, None)]
    assert world.names(DEPLOYMENT) == [OLD, NEW]
    world.step()
    assert world.names(DEPLOYMENT) == world.names(SERVICE) == [NEW]


def test_the_old_version_stays_until_the_gateway_has_seen_the_routes_as_they_are_now() -> None:
    world = ready(canary())
    promote(world)
    world.step()
    for name in world.names(HTTP_ROUTE):
        world.child(HTTP_ROUTE, name)["metadata"]["generation"] = 2
    seen(world, 1)

    # The World makes routes anew in each step, so their generation is given to what is decided on only.
    assert not world.decide().complete
    seen(world, 2)
    assert world.decide().complete


def test_the_old_version_stays_while_a_transformer_that_calls_it_still_runs() -> None:
    world = ready(canary(), transformer=TRANSFORMER)
    promote(world)
    world.step()
    world.deployment_says(
        says("Available", "True", "MinimumReplicasAvailable"),
        says("Progressing", "True", "ReplicaSetUpdated"),
        name="iris-transformer",
    )
    world.step()
    world.step()
    assert OLD in world.names(DEPLOYMENT)

    world.roll_out("iris-transformer")
    world.settle()
    assert world.names(DEPLOYMENT) == ["iris-transformer", NEW]


def test_a_transformer_that_is_dropped_goes_after_the_route_to_it() -> None:
    world = ready(transformer=TRANSFORMER)
    respec(world, transformer=None)

    world.step()
    assert "iris-transformer" in world.names(SERVICE)
    world.step()
    assert world.names(SERVICE) == [OLD]


def test_an_ingress_is_changed_before_what_it_led_to_goes() -> None:
    ingress: Object = {**GATEWAY_INGRESS, "enableGatewayApi": False}
    world = World(canaried(canary()), runtime(), config=configuration(ingress=ingress)).become_ready()
    promote(world)

    world.step()
    assert OLD in world.names(SERVICE)
    rule = world.child(INGRESS, "iris")["spec"]["rules"][0]
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == NEW
    world.step()
    assert world.names(SERVICE) == [NEW]


def test_nothing_is_kept_for_routes_that_are_not_wanted_any_more() -> None:
    world = ready(transformer=TRANSFORMER)
    world.reconfigure(configuration(ingress={**GATEWAY_INGRESS, "disableIngressCreation": True}))
    respec(world, transformer=None)

    world.step()
    assert world.names(HTTP_ROUTE) == []
    assert world.names(SERVICE) == [OLD]
