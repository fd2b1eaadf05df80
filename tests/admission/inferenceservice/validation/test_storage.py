"""Where models come from."""

from typing import Any

import pytest

from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import model, service
from tests.admission.inferenceservice.validation.verdicts import allowed, only, verdict


def sources(*pairs: tuple[str, str | None], **more: Any) -> Object:
    entries = [{"uri": uri} | ({} if path is None else {"mountPath": path}) for uri, path in pairs]
    return service({"model": {"modelFormat": {"name": "sklearn"}, **more}, "storageUris": entries})


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            sources(("gs://a", "/mnt/a"), storageUri="gs://b"),
            "Setting both StorageURI and StorageURIs is not supported.",
        ),
        (sources(("", "/mnt/a")), "storage URI cannot be empty"),
        (sources(("gs://a", "/")), "storage path cannot be empty"),
        (sources(("gs://a", "//")), "storage path cannot be empty"),
        (sources(("gs://a", "mnt/models")), "storage path must be absolute: mnt/models"),
        (sources(("gs://a", "")), "storage path must be absolute: "),
        (sources(("gs://a", "/mnt/../etc")), "storage path cannot contain '..' for security reasons: /mnt/../etc"),
        (sources(("pvc://a", "/mnt/a"), ("pvc://b", "/mnt/a/")), "PVC storage paths must be unique"),
        (sources(("gs://a", "/mnt/a"), ("gs://b", "/mnt/a")), "storage paths must be unique"),
        (sources(("gs://a", None), ("gs://b", None)), "storage paths must be unique"),
        (
            sources(("gs://a", "/mnt/models"), ("gs://b", "/opt/models")),
            "storage paths must have a common parent directory. Current paths: [/mnt/models /opt/models] have no common parent"
            " beyond root",
        ),
    ],
)
def test_sources_that_cannot_be_mounted_are_refused(obj: Object, message: str) -> None:
    assert message in only(obj)


@pytest.mark.parametrize(
    "obj",
    [
        sources(("gs://a", "/mnt/models")),
        sources(("gs://a", None)),
        sources(("gs://a", "/mnt/a..b")),
        sources(("gs://a", "/mnt/models/a"), ("gs://b", "/mnt/models/b")),
        sources(("gs://a", "/mnt/a"), ("pvc://b", "/opt/b"), ("pvc://b", "/opt/c")),
    ],
)
def test_sources_that_can_be_mounted_are_allowed(obj: Object) -> None:
    assert allowed(obj)


def test_an_empty_list_of_sources_is_refused_by_shape() -> None:
    assert "spec.predictor.storageUris: must not be empty" in only(sources())


MODEL = {"modelFormat": {"name": "sklearn"}}


def confidential(uri: str | None, key: str | None = None, enabled: bool = True) -> Object:
    block: Object = {"enabled": enabled} | ({} if key is None else {"resourceId": key})
    return service(model(storageUri=uri, confidential=block) if uri else {"model": {**MODEL, "confidential": block}})


@pytest.mark.parametrize(
    ("obj", "error", "warning"),
    [
        (confidential(None, enabled=False), "", ""),
        (confidential("s3://b/m", "kbs:///repo/type/tag"), "", ""),
        (confidential("s3://b/m"), "", ""),
        (confidential(None), "confidential model serving requires storageUri to be set", ""),
        (confidential("oci://image"), "", "confidential has no effect with OCI URIs"),
        (confidential("pvc://claim"), "", "confidential has no effect with PVC URIs"),
        (confidential("s3://b/m", "kbs://repo/type/tag"), "must be in the format kbs:///<repo>/<type>/<tag>", ""),
    ],
)
def test_confidential_serving(obj: Object, error: str, warning: str) -> None:
    answer = verdict(obj)
    assert error in (answer.errors[0].message if answer.errors else "") and bool(answer.errors) == bool(error)
    assert warning in (answer.warnings[0] if answer.warnings else "") and bool(answer.warnings) == bool(warning)
