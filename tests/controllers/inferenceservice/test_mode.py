"""Which mode a service is deployed in."""

import pytest

from kservectl.controllers.inferenceservice.mode import MODE_ANNOTATION, resolve


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ("Standard", "Standard"),
        ("Knative", "Knative"),
        ("ModelMesh", "ModelMesh"),
        ("RawDeployment", "Standard"),
        ("Serverless", "Knative"),
    ],
)
def test_every_spelling_of_a_mode_is_understood_wherever_it_stands(written: str, mode: str) -> None:
    assert resolve(written, {}, "") == mode
    assert resolve("", {MODE_ANNOTATION: written}, "") == mode
    assert resolve("", {}, written) == mode


def test_what_the_status_remembers_stands_above_the_annotation_and_that_above_the_configuration() -> None:
    assert resolve("Knative", {MODE_ANNOTATION: "Standard"}, "ModelMesh") == "Knative"
    assert resolve("", {MODE_ANNOTATION: "Standard"}, "Knative") == "Standard"


def test_annotation_that_names_no_mode_is_ignored() -> None:
    assert resolve("", {MODE_ANNOTATION: "standard"}, "Knative") == "Knative"
    assert resolve("", {MODE_ANNOTATION: ""}, "Knative") == "Knative"


def test_without_any_word_the_mode_is_standard() -> None:
    assert resolve("", {}, "") == "Standard"
