"""The copy of the certificates that downloads trust, in every namespace with services."""

import pytest

from kservectl.controllers.inferenceservice import watching
from kservectl.informers import Change
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import KINDS, START, World, configuration, runtime, service

COPY = "global-ca-bundle"


def certificates(name: str = "cas", namespace: str = "kserve", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data or {"cabundle.crt": "PEM"},
    }


def named(name: str = "cas") -> Object:
    return configuration(storageInitializer={"caBundleConfigMapName": name})


def test_configured_bundle_is_copied_under_its_one_key() -> None:
    source = certificates(**{"cabundle.crt": "PEM", "other": "not copied"})
    world = World(service(), runtime(), source, config=named())
    world.step()

    made = world.child(CONFIG_MAP, COPY)

    assert made["data"] == {"cabundle.crt": "PEM"}
    assert made["metadata"]["namespace"] == "ml"


def test_copy_belongs_to_no_service_and_outlives_them() -> None:
    world = World(service(), runtime(), certificates(), config=named())
    outcome = world.step()
    assert [outcome.desired[position]["metadata"]["name"] for position in outcome.shared] == [COPY]
    assert world.child(CONFIG_MAP, COPY)["metadata"]["ownerReferences"] == []

    world.annotate(stop="true")
    world.step()

    assert list(world.children) == [("ConfigMap", COPY)]


def test_predictor_beside_a_component_that_cannot_be_built_gets_its_copy() -> None:
    broken = service()
    broken["spec"]["transformer"] = {}
    world = World(broken, runtime(), certificates(), config=named())
    world.step()

    assert ("Deployment", "iris-predictor") in world.children
    assert world.child(CONFIG_MAP, COPY)["metadata"]["ownerReferences"] == []


def test_nothing_is_copied_without_a_configured_name() -> None:
    world = World(service(), runtime(), certificates(), config=configuration(storageInitializer={}))
    outcome = world.step()

    assert world.names(CONFIG_MAP) == []
    assert outcome.shared == frozenset()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "failed to get configmap cas from the cluster"),
        (
            certificates(wrong="PEM"),
            "specified cabundle file cabundle.crt not found in cabundle configmap cas",
        ),
        (
            certificates(**{"cabundle.crt": ""}),
            "specified cabundle file cabundle.crt not found in cabundle configmap cas",
        ),
        (certificates(namespace="ml"), "failed to get configmap cas from the cluster"),
    ],
    ids=["missing", "without the key", "empty", "in another namespace"],
)
def test_bundle_that_is_not_there_is_told_and_nothing_is_made(source: Object | None, message: str) -> None:
    world = World(service(), runtime(), *([source] if source else []), config=named())
    outcome = world.step()

    assert world.children == {}
    assert world.said("PredictorReady") == ("False", "CABundleMissing", message)
    assert "kserve/cas" in outcome.explanations[0].next_step


def test_service_that_runs_goes_on_when_its_bundle_vanishes() -> None:
    world = World(service(), runtime(), certificates(), config=named()).become_ready()
    before = dict(world.children)

    world.others = [obj for obj in world.others if obj["metadata"]["name"] != "cas"]
    world.step()

    assert world.children == before
    assert world.condition("Ready")["status"] == "True"


def change(old: Object | None, new: Object | None) -> Change:
    return Change(old, new, initial=False)


def test_changed_bundle_concerns_every_service() -> None:
    services = [service(), service(name="other", namespace="elsewhere")]
    view = StaticView([named(), *services], kinds=KINDS, now=START)
    changed = change(certificates(), certificates(**{"cabundle.crt": "NEW"}))

    assert set(watching.of_configuration(changed, view)) == {ObjectKey("ml", "iris"), ObjectKey("elsewhere", "other")}


@pytest.mark.parametrize(
    ("config", "old", "new"),
    [
        (named(), certificates("unused"), certificates("unused", **{"cabundle.crt": "NEW"})),
        (named(""), certificates(), certificates(**{"cabundle.crt": "NEW"})),
        (named(), certificates(), {**certificates(), "metadata": {"name": "cas", "namespace": "kserve", "uid": "u"}}),
        (configuration(storageInitializer="{"), certificates(), certificates(**{"cabundle.crt": "NEW"})),
    ],
    ids=["another ConfigMap", "no name", "same content", "broken configuration"],
)
def test_other_configmaps_beside_the_configuration_concern_nobody(config: Object, old: Object, new: Object) -> None:
    view = StaticView([config, service()], kinds=KINDS, now=START)

    assert list(watching.of_configuration(change(old, new), view)) == []


def test_copy_that_was_edited_or_deleted_concerns_the_services_of_its_namespace() -> None:
    view = StaticView([service(), service(name="other", namespace="elsewhere")], kinds=KINDS, now=START)
    copy = certificates(COPY, "ml")

    for changed in (change(copy, None), change(copy, certificates(COPY, "ml", **{"cabundle.crt": "forged"}))):
        assert list(watching.of_copied_bundle(changed, view)) == [ObjectKey("ml", "iris")]
    assert list(watching.of_copied_bundle(change(copy, {**copy, "metadata": dict(copy["metadata"])}), view)) == []


def test_bundle_with_the_name_of_its_copies_concerns_every_service_in_the_cache_that_it_is_read_from() -> None:
    services = [service(), service(name="other", namespace="elsewhere")]
    view = StaticView([named(COPY), *services], kinds=KINDS, now=START)
    changed = change(certificates(COPY), certificates(COPY, **{"cabundle.crt": "NEW"}))

    assert set(watching.of_copied_bundle(changed, view)) == {ObjectKey("ml", "iris"), ObjectKey("elsewhere", "other")}
