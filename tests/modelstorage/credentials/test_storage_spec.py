"""Credentials of a `storage:` spec."""

import json
from typing import Any

import pytest

from kservectl.modelstorage.credentials.storage_spec import ResolvedStorage, resolve, spec_of
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import CHOICE, INTERNAL, cluster, config, container, env_of, secret

S3 = {"type": "s3", "bucket": "b", "secret_access_key": "planted"}
PLACEHOLDER = "<scheme-placeholder>://"


def stored(name: str = "storage-config", **entries: Any) -> Object:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in entries.items()}
    return secret(name, **texts)


def notes(key: str = "", parameters: Any = None, **more: str) -> dict[str, str]:
    found = {INTERNAL + "storage-spec": "true", **more}
    if key:
        found[INTERNAL + "storage-spec-key"] = key
    if parameters is not None:
        found[INTERNAL + "storage-spec-param"] = parameters if isinstance(parameters, str) else json.dumps(parameters)
    return found


def resolved(annotations: dict[str, str], *objects: Object, **settings: Any) -> ResolvedStorage:
    found = config(credentials={"storageSecretNameAnnotation": CHOICE, **settings}).credentials
    spec = spec_of(annotations, found)
    assert spec is not None
    return resolve(spec, cluster(*objects))


def env(storage: ResolvedStorage) -> dict[str, Any]:
    return env_of(storage.grant.to_container(container()))


def refusal(annotations: dict[str, str], *objects: Object) -> str:
    with pytest.raises(PodRefused) as refused:
        resolved(annotations, *objects)
    assert "planted" not in str(refused.value)
    assert refused.value.__cause__ is None
    return str(refused.value)


def test_there_is_no_spec_unless_the_pod_says_true() -> None:
    for value in ("false", "", "True"):
        assert spec_of({INTERNAL + "storage-spec": value}, config().credentials) is None


def test_the_default_key() -> None:
    found = resolved(notes(), stored(default=S3))
    assert found.uri(PLACEHOLDER + "path/x") == "s3://b/path/x"
    assert env(found) == {"STORAGE_CONFIG": "storage-config/default"}


def test_the_default_key_may_be_missing() -> None:
    found = resolved(notes(parameters={"type": "s3", "bucket": "b"}), stored(default=S3))
    assert found.uri(PLACEHOLDER + "x") == "s3://b/x"
    assert list(env(found)) == ["STORAGE_OVERRIDE_CONFIG"]


def test_the_default_key_of_a_type() -> None:
    found = resolved(notes(parameters={"type": "s3"}), stored(default=S3, default_s3=S3 | {"bucket": "typed"}))
    assert found.uri(PLACEHOLDER + "x") == "s3://typed/x"
    assert env(found)["STORAGE_CONFIG"] == "storage-config/default_s3"


def test_a_named_key() -> None:
    found = resolved(notes(key="mine"), stored(default={}, mine=S3))
    assert env(found) == {"STORAGE_CONFIG": "storage-config/mine"}


def test_a_named_key_must_be_there() -> None:
    text = refusal(notes(key="mine"), stored(default=S3))
    assert text == "specified storage key mine not found in storage secret storage-config"


def test_the_secret_may_be_missing_only_while_no_key_is_named() -> None:
    text = refusal(notes(key="mine"))
    assert text == 'can\'t read storage secret storage-config: secrets "storage-config" not found'
    found = resolved(notes(parameters={"type": "hdfs"}))
    assert found.uri(PLACEHOLDER + "x") == "hdfs://x"
    assert env(found) == {"STORAGE_OVERRIDE_CONFIG": '{"type":"hdfs"}'}


def test_the_secret_has_its_name_from_annotation_configuration_or_default() -> None:
    mine, configured = stored("mine", default=S3), stored("configured", default=S3)
    assert env(resolved(notes(**{CHOICE: "mine"}), mine, configured, storageSpecSecretName="configured")) == {
        "STORAGE_CONFIG": "mine/default"
    }
    assert env(resolved(notes(), mine, configured, storageSpecSecretName="configured")) == {
        "STORAGE_CONFIG": "configured/default"
    }
    default = stored(default=S3)
    for annotations in (notes(), notes(**{CHOICE: ""})):
        assert env(resolved(annotations, mine, default)) == {"STORAGE_CONFIG": "storage-config/default"}
    assert env(resolved(notes(**{CHOICE: "mine"}), mine, default, storageSecretNameAnnotation="")) == {
        "STORAGE_CONFIG": "storage-config/default"
    }


@pytest.mark.parametrize("entry", ["planted", '["planted"]', '{"type": "s3", "x": 1, "y": "planted"}', ""])
def test_an_entry_that_is_no_json_object_of_texts_is_refused_without_its_text(entry: str) -> None:
    text = refusal(notes(), stored(default=entry))
    assert text.startswith("invalid json encountered in key default of storage secret storage-config: ")


@pytest.mark.parametrize("kind", ["planted", ""])
def test_an_unknown_type_in_the_secret_is_refused_without_it(kind: str) -> None:
    text = refusal(notes(), stored(default={"type": kind}))
    assert text.startswith("storage type must be one of [s3, hdfs, webhdfs]. ")
    assert text.endswith(" is not supported")


def test_an_unknown_type_in_the_parameters_is_named() -> None:
    assert "storage type [gs] is not supported" in refusal(notes(parameters={"type": "gs"}))


@pytest.mark.parametrize("kind", ["s3", "hdfs", "webhdfs"])
def test_the_types(kind: str) -> None:
    expected = "s3://b/x" if kind == "s3" else f"{kind}://x"
    assert resolved(notes(), stored(default={"type": kind, "bucket": "b"})).uri(PLACEHOLDER + "x") == expected
    assert resolved(notes(parameters={"type": kind, "bucket": "b"})).uri(PLACEHOLDER + "x") == expected


def test_an_empty_type_of_the_parameters_is_none() -> None:
    found = resolved(notes(parameters={"type": ""}), stored(default=S3, default_={"type": "hdfs"}))
    assert found.uri(PLACEHOLDER + "x") == "s3://b/x"
    assert env(found)["STORAGE_CONFIG"] == "storage-config/default"


def test_no_type_at_all() -> None:
    for objects in ((), (stored(default={}),), (stored(other=S3),)):
        assert refusal(notes(), *objects).startswith("unable to determine storage type")


def test_s3_needs_a_bucket_only_to_fill_a_placeholder() -> None:
    found = resolved(notes(parameters={"type": "s3"}))
    with pytest.raises(PodRefused, match=r"format \[s3\] requires a bucket"):
        found.uri(PLACEHOLDER + "x")
    assert found.uri("s3://own/x") == "s3://own/x"


def test_the_bucket_of_the_entry_counts_also_beside_a_type_of_the_parameters() -> None:
    found = resolved(notes(key="mine", parameters={"type": "s3"}), stored(mine={"bucket": "only-here"}))
    assert found.uri(PLACEHOLDER + "x") == "s3://only-here/x"


def test_an_empty_bucket_of_the_parameters_is_none() -> None:
    assert resolved(notes(parameters={"bucket": ""}), stored(default=S3)).uri(PLACEHOLDER + "x") == "s3://b/x"
    found = resolved(notes(), stored(default={"type": "s3", "bucket": ""}))
    with pytest.raises(
        PodRefused, match=r"format \[s3\] requires a bucket but one wasn't found in storage data or para"
    ):
        found.uri(PLACEHOLDER + "x")


def test_each_of_several_uris_is_completed_by_itself() -> None:
    found = resolved(notes(), stored(default=S3))
    given = [PLACEHOLDER + "x", "/mnt/x", PLACEHOLDER + "y/z", "/mnt/y", "gs://own/m", "/mnt/z"]
    assert [found.uri(word) for word in given] == ["s3://b/x", "/mnt/x", "s3://b/y/z", "/mnt/y", "gs://own/m", "/mnt/z"]


def test_the_bucket_of_the_parameters_wins() -> None:
    found = resolved(notes(parameters={"bucket": "mine"}), stored(default=S3))
    assert found.uri(PLACEHOLDER + "x") == "s3://mine/x"


def test_other_types_do_not_use_the_bucket() -> None:
    found = resolved(notes(), stored(default={"type": "webhdfs", "bucket": "b"}))
    assert found.uri(PLACEHOLDER + "x") == "webhdfs://x"


def test_parameters_are_handed_on_with_sorted_keys_and_empty_values() -> None:
    found = resolved(notes(parameters='{"type": "s3", "bucket": "", "a": "<&>"}'))
    assert env(found)["STORAGE_OVERRIDE_CONFIG"] == '{"a":"\\u003c\\u0026\\u003e","bucket":"","type":"s3"}'


@pytest.mark.parametrize("parameters", ["nonsense", "[]", '{"bucket": 1}'])
def test_parameters_that_are_no_json_object_of_texts_are_refused(parameters: str) -> None:
    with pytest.raises(PodRefused, match="storage-spec-param is not"):
        resolved(notes(parameters=parameters))


def test_the_ca_bundle_of_the_entry_is_handed_on_first() -> None:
    entry = stored(default=S3 | {"cabundle_configmap": "cas"}, default_s3=S3 | {"cabundle_configmap": "cas"})
    found = resolved(notes(parameters={"bucket": "mine"}), entry)
    assert list(env(found).items()) == [
        ("AWS_CA_BUNDLE_CONFIGMAP", "cas"),
        ("STORAGE_CONFIG", "storage-config/default"),
        ("STORAGE_OVERRIDE_CONFIG", '{"bucket":"mine"}'),
    ]
    # With type and bucket in the parameters the entry is for the download alone to read.
    unread = env(resolved(notes(parameters={"type": "s3", "bucket": "mine"}), entry))
    assert list(unread) == ["STORAGE_CONFIG", "STORAGE_OVERRIDE_CONFIG"]


def test_an_entry_that_nobody_needs_to_read_may_be_anything() -> None:
    found = resolved(notes(key="mine", parameters={"type": "hdfs"}), stored(mine="planted"))
    assert found.uri(PLACEHOLDER + "x") == "hdfs://x"
