"""Models that are named as a registry knows them."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.trainedmodel import controller
from kservectl.modelregistry.lookup import REGISTERED_MODEL
from kservectl.objects.metadata import Object
from tests.controllers.trainedmodel.models import World, config_map, fact, garden, model

CHAMPION = "models:/roses@champion"
SECOND = {"name": "roses", "version": "2", "storageUri": "gs://b/roses/2", "runId": "run-2"}
UNREACHABLE = {"reason": "RegistryUnreachable", "message": "the registry at mlflow cannot be asked: gone"}


def world(*facts: Object) -> World:
    found = World(garden(), config_map(), model(storage_uri=CHAMPION), *facts)
    found.settle()
    return found


def learn(world: World, **status: Any) -> None:
    world.objects["RegisteredModel", CHAMPION] = fact(CHAMPION, **status)
    world.settle()


def condition(world: World, type_: str = "ModelResolved") -> dict[str, Any]:
    (found,) = [each for each in world.status()["conditions"] if each["type"] == type_]
    return {name: value for name, value in found.items() if name not in ("type", "lastTransitionTime")}


def served_from(world: World) -> str:
    (entry,) = world.listed
    return str(entry["modelSpec"]["storageUri"])


def test_a_registered_model_is_served_from_where_the_registry_says() -> None:
    here = world(fact(CHAMPION, **SECOND))
    assert served_from(here) == "gs://b/roses/2"
    assert here.status()["registeredModel"] == {"reference": CHAMPION, **SECOND}
    assert condition(here) == {"status": "True"}
    assert condition(here, "Ready") == {"status": "True"}
    assert here.status()["url"] == "http://garden-ml.example.com/v1/models/rose:predict"


def test_a_model_waits_until_its_reference_was_looked_up() -> None:
    here = world()
    assert here.listed == []
    assert condition(here) == {
        "status": "Unknown",
        "reason": "Resolving",
        "message": f"the registry is asked for {CHAMPION}",
    }
    assert condition(here, "Ready")["status"] == "Unknown"
    assert "url" not in here.status()
    learn(here, **SECOND)
    assert here.conditions()["Ready"] == "True"


def test_a_reference_that_leads_nowhere_is_told_with_what_to_do() -> None:
    here = world(fact(CHAMPION, problem={"reason": "ModelVersionNotFound", "message": "no alias champion"}))
    wrong = {"status": "False", "reason": "ModelVersionNotFound", "message": "no alias champion"}
    assert condition(here) == wrong
    assert condition(here, "Ready") == wrong
    assert here.listed == []
    (explained,) = [each for each in here.decide().explanations if each.about == "ModelResolved"]
    assert (explained.ok, explained.message) == (False, "no alias champion.")
    assert explained.next_step.startswith("Register the model version, or correct the reference")


def test_an_alias_that_moves_has_the_other_version_loaded() -> None:
    here = world(fact(CHAMPION, **SECOND))
    learn(here, name="roses", version="3", storageUri="s3://b/roses/3")
    assert served_from(here) == "s3://b/roses/3"
    assert here.status()["registeredModel"] == {
        "reference": CHAMPION,
        "name": "roses",
        "version": "3",
        "storageUri": "s3://b/roses/3",
    }


@pytest.mark.parametrize("then", [None, {"problem": UNREACHABLE}, {**SECOND, "problem": UNREACHABLE}])
def test_a_served_model_goes_on_while_the_registry_cannot_be_asked(then: dict[str, Any] | None) -> None:
    here = world(fact(CHAMPION, **SECOND))
    if then is None:
        del here.objects["RegisteredModel", CHAMPION]  # the manager was started anew
        here.settle()
    else:
        learn(here, **then)
        assert condition(here) == {"status": "True", **UNREACHABLE}
    assert here.conditions()["Ready"] == "True"
    assert served_from(here) == "gs://b/roses/2"


def test_files_where_the_agent_cannot_get_them_are_refused() -> None:
    here = world(fact(CHAMPION, name="roses", version="2", storageUri="mlflow-artifacts:/1/models/m-1"))
    assert condition(here) == {
        "status": "False",
        "reason": "UnsupportedLocation",
        "message": "version 2 of model roses lies at a place (mlflow-artifacts:) that cannot be downloaded from",
    }
    assert here.listed == []


def test_another_reference_does_not_inherit_what_was_found_before() -> None:
    here = world(fact(CHAMPION, **SECOND))
    here.objects["TrainedModel", "rose"]["spec"]["model"]["storageUri"] = "models:/roses/7"
    here.settle()
    assert condition(here)["status"] == "Unknown"
    assert served_from(here) == "gs://b/roses/2", "what is loaded stays until there is something else to load"


def test_a_place_of_its_own_takes_the_place_of_a_reference() -> None:
    here = world(fact(CHAMPION, **SECOND))
    here.objects["TrainedModel", "rose"]["spec"]["model"]["storageUri"] = "gs://own/rose"
    here.settle()
    assert "registeredModel" not in here.status()
    assert "ModelResolved" not in here.conditions()
    assert here.conditions()["Ready"] == "True"
    assert served_from(here) == "gs://own/rose"


def test_a_model_with_a_place_asks_no_registry() -> None:
    (looked_up,) = controller.build(Settings()).looks_up
    assert looked_up.kind == REGISTERED_MODEL
    assert list(looked_up.names(model())) == []
    assert list(looked_up.names(model(storage_uri=CHAMPION))) == [CHAMPION]
