"""Advice on models that are mounted as image volumes."""

import pytest

from kservectl.controllers.inferenceservice.image_volume import CONDITION, advice
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, configuration, runtime, service

NATIVE = configuration(storageInitializer={"ociModelMode": "native"})


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("1.30", "ImageVolumeUnsupported"),
        ("1.31", "ImageVolumeSubPathUnsupported"),
        ("1.32+", "ImageVolumeSubPathUnsupported"),
        ("1.33", "ImageVolumeAlpha"),
        ("1.34", "ImageVolumeAlpha"),
        ("1.35", None),
        ("", None),
        ("unknown", None),
    ],
)
def test_version_decides_about_image_volumes(version: str, reason: str | None) -> None:
    found = advice(version)

    assert (found.reason if found else None) == reason
    assert found is None or f"Cluster K8s {version} " in found.message


def test_advice_does_not_stand_in_the_way() -> None:
    world = World(service(), runtime(), config=NATIVE, settings=Settings(server_version="1.31")).become_ready()

    assert world.said(CONDITION)[:2] == ("False", "ImageVolumeSubPathUnsupported")
    assert world.condition("Ready")["status"] == "True"


@pytest.mark.parametrize("config", [configuration(), configuration(storageInitializer="{")])
def test_advice_goes_with_the_mode(config: Object) -> None:
    world = World(service(), runtime(), config=NATIVE, settings=Settings(server_version="1.31")).become_ready()
    world.reconfigure(config)
    world.settle()

    assert CONDITION not in [entry["type"] for entry in world.status["conditions"]]
