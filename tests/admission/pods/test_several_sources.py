"""Pods of components with `storageUris`: prepared by the controller, given credentials by the webhook."""

from typing import Any

import pytest

from kservectl.admission.pods import needs
from kservectl.modelstorage.download import Source
from kservectl.modelstorage.storage_uris import with_storage_uris
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import context, done, downloader, pod
from tests.modelstorage.pods import account, cluster, env_of, named, secret

LISTED = {"spec": {"predictor": {"storageUris": [{"uri": "gs://b/m"}]}}}
HELD = cluster(
    account("gcs"),
    secret("gcs", **{"gcloud-application-credentials.json": "{}", "HF_TOKEN": "t"}),
    secret("storage-config", mine='{"type": "s3", "bucket": "b"}'),
)


def prepared(*sources: str, notes: Any = None, **more: Any) -> Object:
    """A pod of the template that the controller makes for `sources`."""
    template = pod(labels={"component": "predictor"}, **(notes or {}))
    pairs = [Source(uri, f"/mnt/models/{position}") for position, uri in enumerate(sources)]
    return with_storage_uris(template, pairs, context(**more))


def init_of(original: Object, service: Object | None = LISTED, **more: Any) -> Object:
    answer = done(original, context(find=more.pop("find", HELD), service=service, **more))
    return named(answer["spec"]["initContainers"], "storage-initializer")


def test_the_prepared_container_gets_the_credentials_of_the_account() -> None:
    original = prepared("gs://b/m", "hf://x/y")
    answer = done(original, context(find=HELD, service=LISTED))["spec"]
    (init,) = answer["initContainers"]
    env = env_of(init)
    assert (env["HF_TOKEN"], env["GOOGLE_APPLICATION_CREDENTIALS"]) == (
        "gcs/HF_TOKEN",
        "/var/secrets/gcloud-application-credentials.json",
    )
    assert init["args"] == ["gs://b/m", "/mnt/models/0", "hf://x/y", "/mnt/models/1"]
    assert named(answer["volumes"], "user-gcp-sa")["secret"] == {"secretName": "gcs"}


def test_canaries_count_too() -> None:
    service = {"spec": {"predictor": {}, "canary": [{"predictor": LISTED["spec"]["predictor"]}]}}
    assert "HF_TOKEN" in env_of(init_of(prepared("gs://b/m"), service))


@pytest.mark.parametrize(
    "service", [None, {"spec": {"predictor": {}}}, {"spec": {"transformer": LISTED["spec"]["predictor"]}}]
)
def test_an_init_container_of_the_users_own_gets_nothing(service: Object | None) -> None:
    original = prepared("gs://b/m")
    where = context(find=HELD, service=service)
    assert done(original, where)["spec"] == original["spec"]
    assert needs.references(original, where) == ()


def test_canaries_of_the_predictor_say_nothing_of_other_components() -> None:
    service = {"spec": {"transformer": {}, "canary": [{"predictor": LISTED["spec"]["predictor"]}]}}
    original = prepared("gs://b/m")
    original["metadata"]["labels"] = {"component": "transformer"}
    assert done(original, context(find=HELD, service=service))["spec"] == original["spec"]


def test_images_are_fetched_without_credentials() -> None:
    template = pod(labels={"component": "predictor"})
    pairs = [Source("oci+fetch://one", "/mnt/one/x"), Source("oci+fetch://two", "/mnt/two/x")]
    original = with_storage_uris(template, pairs, context())
    assert original["spec"]["initContainers"][0]["args"] == ["oci://one", "/mnt/one/x", "oci://two", "/mnt/two/x"]
    assert done(original, context(find=HELD, service=LISTED))["spec"] == original["spec"]


def test_a_container_that_gets_its_sources_another_way_has_credentials_too() -> None:
    original = prepared("gs://b/m")
    (init,) = original["spec"]["initContainers"]
    del init["args"]
    assert "HF_TOKEN" in env_of(init_of(original))


def test_what_a_storage_container_has_set_stays() -> None:
    own = downloader(env=[{"name": "HF_TOKEN", "value": "mine"}])
    own["spec"]["supportsMultiModelDownload"] = True
    template = pod(labels={"component": "predictor"})
    original = with_storage_uris(template, [Source("gs://b/m", "/mnt/x")], context(own))
    assert env_of(init_of(original))["HF_TOKEN"] == "mine"


def test_a_storage_spec_with_key_and_parameters_counts_instead() -> None:
    notes = {"storage_spec": "true", "storage_spec_key": "mine", "storage_spec_param": '{"type": "s3"}'}
    original = prepared("<scheme-placeholder>://x", notes=notes)
    init = init_of(original)
    assert init["args"] == ["s3://b/x", "/mnt/models/0"]
    assert "STORAGE_CONFIG" in env_of(init) and "HF_TOKEN" not in env_of(init)
    where = context(find=HELD, service=LISTED)
    assert [str(reference) for reference in needs.references(original, where)] == ["Secret default/storage-config"]
    for missing in ("storage_spec_key", "storage_spec_param"):
        partial = prepared("gs://b/m", notes={name: value for name, value in notes.items() if name != missing})
        assert "HF_TOKEN" in env_of(init_of(partial)) and "STORAGE_CONFIG" not in env_of(init_of(partial))
        assert [str(reference) for reference in needs.references(partial, where)] == [
            "Secret default/gcs",
        ]


def test_the_account_is_needed_and_missed() -> None:
    where = context(find=cluster(), service=LISTED)
    assert [str(reference) for reference in needs.references(prepared("gs://b/m"), where)] == [
        "ServiceAccount default/default"
    ]
    assert len(needs.warnings(prepared("gs://b/m"), where)) == 1


@pytest.mark.parametrize("storage", [{}, {"caBundleConfigMapName": "cas"}])
def test_the_bundle_of_the_credentials_goes_before_the_configured_one(storage: Object) -> None:
    notes = {"serving.kserve.io/s3-cabundle-configmap": "mine", "serving.kserve.io/s3-cabundle": "/own/ca.pem"}
    find = cluster(account("s3"), secret("s3", annotations=notes, awsSecretAccessKey="s"))
    original = prepared("s3://b/m", storage=storage)
    answer = done(original, context(find=find, service=LISTED, storage=storage))["spec"]
    (init,) = answer["initContainers"]
    assert env_of(init)["CA_BUNDLE_CONFIGMAP_NAME"] == "mine"
    assert env_of(init)["CA_BUNDLE_VOLUME_MOUNT_POINT"] == "/own"
    assert init["volumeMounts"] == [
        {"name": "mnt-models-0", "mountPath": "/mnt/models/0"},
        {"name": "cabundle-cert", "mountPath": "/own", "readOnly": True},
    ]
    assert answer["volumes"] == [
        {"name": "mnt-models-0", "emptyDir": {}},
        {"name": "cabundle-cert", "configMap": {"name": "mine"}},
    ]


def test_the_configured_bundle_stays_where_credentials_bring_none() -> None:
    storage = {"caBundleConfigMapName": "cas"}
    init = init_of(prepared("s3://b/m", storage=storage), storage=storage)
    assert env_of(init)["CA_BUNDLE_CONFIGMAP_NAME"] == "global-ca-bundle"
