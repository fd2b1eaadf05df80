"""Which TrainedModels may be stored."""

import pytest

from kservectl.admission.trainedmodel.handler import webhooks
from kservectl.admission.trainedmodel.validator import validate
from kservectl.api.kinds import TRAINED_MODEL
from kservectl.objects.metadata import Object


def model(name: str = "flowers", uri: str = "gs://bucket/flowers", memory: object = "1Gi", **meta: object) -> Object:
    return {
        "apiVersion": TRAINED_MODEL.api_version,
        "kind": "TrainedModel",
        "metadata": {"name": name, "namespace": "ml", **meta},
        "spec": {
            "inferenceService": "garden",
            "model": {"storageUri": uri, "framework": "sklearn", "memory": memory},
        },
    }


def messages(new: Object, old: Object | None = None) -> list[str]:
    return [error.message for error in validate(new, old).errors]


@pytest.mark.parametrize("uri", ["s3://b/m", "gs://b/m", "https://h/m.zip", "http://h/m.zip"])
def test_models_come_from_buckets_and_web_servers(uri: str) -> None:
    assert messages(model(uri=uri)) == []


@pytest.mark.parametrize("uri", ["", "pvc://claim/m", "bucket/m", "S3://b/m", "https:/h"])
def test_other_sources_are_refused(uri: str) -> None:
    assert messages(model(uri=uri)) == [
        'the Trained Model "flowers" storageUri field is invalid. The storage uri must start with one of the prefixes: '
        f's3://, gs://, https://, http://. (the storage uri given is "{uri}")'
    ]


@pytest.mark.parametrize("uri", ["models:/roses/3", "models:/roses@champion"])
def test_models_come_from_a_registry_too(uri: str) -> None:
    assert messages(model(uri=uri)) == []


@pytest.mark.parametrize("uri", ["models:/roses", "models:/roses/latest", "models:/roses@"])
def test_a_reference_names_a_version(uri: str) -> None:
    (message,) = messages(model(uri=uri))
    assert message.startswith('the Trained Model "flowers" storageUri field is invalid.')
    assert "write models:/NAME/VERSION" in message


@pytest.mark.parametrize("name", ["my.name", "a b", "ä"])
def test_names_are_plain(name: str) -> None:
    (message,) = messages(model(name))
    assert message.startswith(f'the Trained Model "{name}" is invalid: a Trained Model name must consist of')
    assert messages(model("my-Name_1")) == []


def test_memory_is_immutable_as_a_quantity() -> None:
    assert messages(model(memory="1024Mi"), model(memory="1Gi")) == []
    assert messages(model(memory="300Mi"), model(memory="100Mi")) == [
        'the Trained Model "flowers" memory field is immutable. The memory was "100Mi" but it is updated to "300Mi"'
    ]


def test_everything_else_may_change() -> None:
    changed = model(uri="s3://other/m")
    changed["spec"]["inferenceService"] = "other"
    changed["spec"]["model"]["framework"] = "onnx"
    assert messages(changed, model()) == []


def test_memory_is_a_quantity() -> None:
    (message,) = messages(model(memory="lots"))
    assert "is not a quantity" in message


def test_a_model_that_is_being_deleted_passes() -> None:
    going = model(memory="2Gi", uri="", deletionTimestamp="2026-01-01T00:00:00Z")
    assert messages(going, model()) == []
    assert len(messages(model(memory="2Gi", uri=""), model())) == 2


def test_what_is_missing_is_named() -> None:
    bare = model()
    del bare["spec"]["model"]["storageUri"]
    (error,) = validate(bare, None).errors
    assert error.field == "spec.model.storageUri"


def test_the_webhook_has_kserves_path() -> None:
    assert [webhook.path for webhook in webhooks()] == ["/validate-serving-kserve-io-v1alpha1-trainedmodel"]
