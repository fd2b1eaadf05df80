"""What a ServiceAccount gives to a pod."""

from typing import Any

import pytest

from kservectl.modelstorage.credentials.account import account_grant, account_name
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object
from tests.modelstorage.pods import CHOICE, account, cluster, config, container, env_of, pod, secret

SETTINGS = config().credentials


def given(*objects: Object, notes: Any = None, settings: Any = None) -> Object:
    """A container with what the account `default` gives."""
    chosen = SETTINGS if settings is None else config(credentials=settings).credentials
    return account_grant("default", notes or {}, chosen, cluster(*objects)).to_container(container())


def env(*objects: Object, **more: Any) -> dict[str, Any]:
    return env_of(given(*objects, **more))


@pytest.mark.parametrize(
    ("spec", "name"),
    [({}, "default"), ({"serviceAccountName": "models"}, "models"), ({"serviceAccount": "old"}, "old")],
)
def test_the_account_of_a_pod(spec: Any, name: str) -> None:
    assert account_name(pod(**spec)) == name


def test_a_missing_account_gives_nothing() -> None:
    assert given() == container()
    assert given(notes={CHOICE: "missing"}) == container()


def test_an_account_without_secrets_gives_nothing() -> None:
    assert given(account()) == container()


def test_a_missing_secret_is_refused_by_name() -> None:
    with pytest.raises(PodRefused, match="Secret gone not found"):
        given(account("gone"))


def test_a_secret_of_no_known_kind_is_skipped() -> None:
    assert given(account("creds"), secret(token="x", password="y")) == container()


def test_every_secret_of_the_account_is_looked_into() -> None:
    objects = (account("hf", "azure"), secret("hf", HF_TOKEN="t"), secret("azure", AZURE_STORAGE_ACCESS_KEY="k"))
    assert env(*objects) == {"HF_TOKEN": "hf/HF_TOKEN", "AZURE_STORAGE_ACCESS_KEY": "azure/AZURE_STORAGE_ACCESS_KEY"}


def test_an_annotation_of_the_pod_picks_the_one_secret() -> None:
    objects = (account("other"), secret("other", HF_TOKEN="t"), secret("mine", HF_TOKEN="t"))
    assert env(*objects, notes={CHOICE: "mine"}) == {"HF_TOKEN": "mine/HF_TOKEN"}
    with pytest.raises(PodRefused, match="Secret gone not found"):
        given(*objects, notes={CHOICE: "gone"})


def test_no_annotation_picks_a_secret_when_none_is_configured() -> None:
    objects = (account("other"), secret("other", HF_TOKEN="t"))
    assert env(*objects, notes={CHOICE: "gone"}, settings={}) == {"HF_TOKEN": "other/HF_TOKEN"}


def test_of_two_secrets_of_one_kind_the_last_counts() -> None:
    tokens = (account("a", "b"), secret("a", HF_TOKEN="1"), secret("b", HF_TOKEN="2"))
    assert env(*tokens) == {"HF_TOKEN": "b/HF_TOKEN"}
    keys = {"awsAccessKeyID": "i", "awsSecretAccessKey": "s"}
    both = (account("a", "b"), secret("a", S3_ENDPOINT="minio:9000", **keys), secret("b", **keys))
    assert env(*both) == {"AWS_ACCESS_KEY_ID": "b/awsAccessKeyID", "AWS_SECRET_ACCESS_KEY": "b/awsSecretAccessKey"}


def test_a_secret_of_several_kinds_is_good_for_all_of_them() -> None:
    found = env(account("creds"), secret(awsSecretAccessKey="s", HF_TOKEN="t", AZURE_CLIENT_ID="c"))
    assert {"AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "AZURE_CLIENT_ID"} <= found.keys()


def test_two_google_secrets_leave_one_volume_and_one_mount() -> None:
    objects = [secret(name, **{"gcloud-application-credentials.json": "{}"}) for name in ("a", "b")]
    grant = account_grant("default", {}, SETTINGS, cluster(account("a", "b"), *objects))
    assert len(grant.mounts) == 1
    assert grant.volumes == ({"name": "user-gcp-sa", "secret": {"secretName": "b"}},)


def test_the_last_of_two_hdfs_or_azure_secrets_counts() -> None:
    hdfs = account_grant(
        "default", {}, SETTINGS, cluster(account("a", "b"), *(secret(n, HDFS_NAMENODE="x") for n in "ab"))
    )
    assert [volume["secret"]["secretName"] for volume in hdfs.volumes] == ["b"]
    azure = [secret("a", AZURE_CLIENT_ID="i", AZURE_CLIENT_SECRET="s"), secret("b", AZURE_STORAGE_ACCESS_KEY="k")]
    assert env(account("a", "b"), *azure) == {"AZURE_STORAGE_ACCESS_KEY": "b/AZURE_STORAGE_ACCESS_KEY"}


def test_an_annotation_picks_no_secret_of_an_account_that_is_missing() -> None:
    assert given(secret("mine", HF_TOKEN="t"), notes={CHOICE: "mine"}) == container()


ROLE = {"eks.amazonaws.com/role-arn": ""}


def test_an_aws_role_without_annotations_has_the_configured_settings_and_no_keys() -> None:
    assert env(account(**ROLE)) == {}
    assert env(account(**ROLE), settings={"s3": {"s3Region": "eu"}}) == {"AWS_DEFAULT_REGION": "eu"}


def test_an_aws_role_has_the_settings_of_its_annotations() -> None:
    notes = ROLE | {"serving.kserve.io/s3-endpoint": "minio:9000", "serving.kserve.io/s3-region": "eu"}
    assert env(account(**notes)) == {
        "S3_ENDPOINT": "minio:9000",
        "AWS_ENDPOINT_URL": "https://minio:9000",
        "AWS_DEFAULT_REGION": "eu",
    }


def test_an_account_without_a_role_has_no_settings_of_its_own() -> None:
    settings = {"s3": {"s3Region": "eu", "s3Endpoint": "minio:9000"}}
    assert env(account(**{"serving.kserve.io/s3-region": "us"}), settings=settings) == {}


def test_a_role_reads_no_settings_from_what_looks_like_data() -> None:
    role = account(**ROLE) | {"data": {"AWS_DEFAULT_REGION": "dXM="}}
    assert env(role) == {}


def test_an_aws_role_has_its_settings_beside_the_secret_that_an_annotation_picks() -> None:
    role = account("other", **ROLE, **{"serving.kserve.io/s3-region": "eu"})
    found = env(role, secret("other", HF_TOKEN="1"), secret("mine", HF_TOKEN="2"), notes={CHOICE: "mine"})
    assert found == {"AWS_DEFAULT_REGION": "eu", "HF_TOKEN": "mine/HF_TOKEN"}


def test_the_settings_of_a_secret_win_over_those_of_the_role() -> None:
    role = account("creds", **ROLE, **{"serving.kserve.io/s3-region": "eu"})
    found = env(role, secret(awsSecretAccessKey="s", AWS_DEFAULT_REGION="us"))
    assert list(found) == ["AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert found["AWS_DEFAULT_REGION"] == "us"


def test_google() -> None:
    answer = given(account("creds"), secret(**{"gcloud-application-credentials.json": "{}"}))
    assert env_of(answer) == {
        "GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/gcloud-application-credentials.json",
    }
    assert answer["volumeMounts"] == [{"name": "user-gcp-sa", "mountPath": "/var/secrets/", "readOnly": True}]


def test_google_with_a_configured_file_name_and_a_volume_that_is_there() -> None:
    settings = config(credentials={"gcs": {"gcsCredentialFileName": "key.json"}}).credentials
    grant = account_grant("default", {}, settings, cluster(account("creds"), secret(**{"key.json": "{}"})))
    assert env_of(grant.to_container(container())) == {"GOOGLE_APPLICATION_CREDENTIALS": "/var/secrets/key.json"}
    volume = {"name": "user-gcp-sa", "secret": {"secretName": "creds"}}
    assert grant.to_pod(pod())["spec"]["volumes"] == [volume]
    own = pod(volumes=[{"name": "user-gcp-sa", "emptyDir": {}}])
    assert grant.to_pod(own) == own


def test_azure_legacy_keys_win_under_the_new_names() -> None:
    legacy = {"AZ_SUBSCRIPTION_ID": "1", "AZ_TENANT_ID": "2", "AZ_CLIENT_ID": "3", "AZ_CLIENT_SECRET": "4"}
    found = env(account("creds"), secret(**legacy, AZURE_CLIENT_ID="5"))
    assert found == {
        "AZURE_SUBSCRIPTION_ID": "creds/AZ_SUBSCRIPTION_ID",
        "AZURE_TENANT_ID": "creds/AZ_TENANT_ID",
        "AZURE_CLIENT_ID": "creds/AZ_CLIENT_ID",
        "AZURE_CLIENT_SECRET": "creds/AZ_CLIENT_SECRET",
    }


def test_azure_new_keys_in_order() -> None:
    names = [
        "AZURE_SUBSCRIPTION_ID",
        "AZURE_TENANT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_ACCESS_TOKEN",
        "AZURE_ACCESS_EXPIRES_ON_SECONDS",
        "AZURE_ACCOUNT_NAME",
        "AZURE_SERVICE_URL",
    ]
    found = env(account("creds"), secret(**dict.fromkeys(reversed(names), "x")))
    assert list(found.items()) == [(name, f"creds/{name}") for name in names]


def test_azure_with_a_token_refers_to_the_tenant_and_to_no_other_absent_key() -> None:
    assert list(env(account("creds"), secret(AZURE_ACCESS_TOKEN=""))) == ["AZURE_TENANT_ID", "AZURE_ACCESS_TOKEN"]


@pytest.mark.parametrize("identity", ["AZ_CLIENT_ID", "AZURE_CLIENT_ID", "AZURE_ACCESS_TOKEN"])
def test_azure_with_an_identity_has_all_that_the_secret_has(identity: str) -> None:
    found = env(account("creds"), secret(**{identity: "", "AZURE_STORAGE_ACCESS_KEY": "k", "AZURE_SERVICE_URL": ""}))
    assert {"AZURE_TENANT_ID", "AZURE_STORAGE_ACCESS_KEY", "AZURE_SERVICE_URL"} < found.keys()


def test_azure_without_an_identity_is_nothing() -> None:
    assert env(account("creds"), secret(AZURE_CLIENT_SECRET="s", AZURE_TENANT_ID="t", AZ_CLIENT_SECRET="s")) == {}


def test_azure_with_an_access_key_alone() -> None:
    only = secret(AZURE_STORAGE_ACCESS_KEY="k", AZURE_ACCOUNT_NAME="a")
    assert env(account("creds"), only) == {"AZURE_STORAGE_ACCESS_KEY": "creds/AZURE_STORAGE_ACCESS_KEY"}


def test_https_headers_stay_in_their_secret() -> None:
    found = env(account("creds"), secret(**{"https-host": "models.org", "headers": '{"a": "planted"}'}))
    assert found == {"models.org-headers": "creds/headers"}


def test_https_without_headers_or_host_needs_nothing() -> None:
    assert env(account("creds"), secret(**{"https-host": "models.org"})) == {}
    assert env(account("creds"), secret(headers="x")) == {}


def test_https_with_empty_headers_refers_to_them() -> None:
    assert env(account("creds"), secret(**{"https-host": "h", "headers": ""})) == {"h-headers": "creds/headers"}


def test_https_of_two_hosts() -> None:
    objects = [secret(name, **{"https-host": name, "headers": "x"}) for name in ("a", "b")]
    assert env(account("a", "b"), *objects) == {"a-headers": "a/headers", "b-headers": "b/headers"}


def test_hdfs_files_are_mounted() -> None:
    grant = account_grant("default", {}, SETTINGS, cluster(account("creds"), secret(HDFS_NAMENODE="x", TLS_KEY="y")))
    mount = {"name": "hdfs-secrets", "mountPath": "/var/secrets/kserve-hdfscreds", "readOnly": True}
    assert grant.to_container(container())["volumeMounts"] == [mount]
    assert grant.to_pod(pod())["spec"]["volumes"] == [{"name": "hdfs-secrets", "secret": {"secretName": "creds"}}]
    assert grant.env == ()


@pytest.mark.parametrize("key", ["HF_TOKEN", "MODELSCOPE_API_TOKEN"])
def test_tokens(key: str) -> None:
    assert env(account("creds"), secret(**{key: ""})) == {key: f"creds/{key}"}
