"""Settings of S3."""

import base64
from typing import Any

import pytest

from kservectl.modelstorage.credentials import s3
from kservectl.modelstorage.refusal import PodRefused
from tests.modelstorage.pods import config, container, env_of, secret

PAIR = {"AWS_ACCESS_KEY_ID": "creds/awsAccessKeyID", "AWS_SECRET_ACCESS_KEY": "creds/awsSecretAccessKey"}
PREFIX = "serving.kserve.io/"

SETTINGS = [
    ("s3-verifyssl", "S3_VERIFY_SSL", "s3VerifySSL"),
    ("s3-useanoncredential", "awsAnonymousCredential", "s3UseAnonymousCredential"),
    ("s3-region", "AWS_DEFAULT_REGION", "s3Region"),
    ("s3-usevirtualbucket", "S3_USER_VIRTUAL_BUCKET", "s3UseVirtualBucket"),
    ("s3-useaccelerate", "S3_USE_ACCELERATE", "s3UseAccelerate"),
    ("s3-cabundle", "AWS_CA_BUNDLE", "s3CABundle"),
    ("s3-cabundle-configmap", "AWS_CA_BUNDLE_CONFIGMAP", "s3CABundleConfigMap"),
]


def env(annotations: Any = None, configured: Any = None, **data: str) -> dict[str, Any]:
    settings = config(credentials={"s3": configured or {}}).credentials.s3
    notes = {PREFIX + key: value for key, value in (annotations or {}).items()}
    return env_of(s3.secret_grant(secret(annotations=notes, **data), settings).to_container(container()))


def settings_of(*args: Any, **data: str) -> dict[str, Any]:
    return {name: value for name, value in env(*args, **data).items() if name not in PAIR}


def test_the_key_pair_is_referred_to_whether_the_access_key_is_there_or_not() -> None:
    assert env(awsSecretAccessKey="s") == PAIR


def test_the_names_of_the_keys_are_configurable() -> None:
    found = env(configured={"s3AccessKeyIDName": "id", "s3SecretAccessKeyName": "key"})
    assert found == {"AWS_ACCESS_KEY_ID": "creds/id", "AWS_SECRET_ACCESS_KEY": "creds/key"}


@pytest.mark.parametrize(("annotation", "name", "member"), SETTINGS)
def test_a_setting_is_the_annotations_then_the_secrets_then_the_configured(
    annotation: str, name: str, member: str
) -> None:
    assert settings_of({annotation: "a"}, {member: "c"}, **{name: "d"}) == {name: "a"}
    assert settings_of({}, {member: "c"}, **{name: "d"}) == {name: "d"}
    assert settings_of({}, {member: "c"}) == {name: "c"}
    assert settings_of() == {}


@pytest.mark.parametrize(("annotation", "name", "member"), SETTINGS)
def test_an_empty_annotation_hides_what_is_below_it(annotation: str, name: str, member: str) -> None:
    assert settings_of({annotation: ""}, {member: "c"}, **{name: "d"}) == {}
    assert settings_of({}, {member: "c"}, **{name: ""}) == {}


@pytest.mark.parametrize(
    ("endpoint", "use_https", "expected"),
    [
        ("minio:9000", "", {"S3_ENDPOINT": "minio:9000", "AWS_ENDPOINT_URL": "https://minio:9000"}),
        (
            "minio:9000",
            "1",
            {"S3_USE_HTTPS": "1", "S3_ENDPOINT": "minio:9000", "AWS_ENDPOINT_URL": "https://minio:9000"},
        ),
        (
            "minio:9000",
            "0",
            {"S3_USE_HTTPS": "0", "S3_ENDPOINT": "minio:9000", "AWS_ENDPOINT_URL": "http://minio:9000"},
        ),
        (
            " http://minio:9000/path ",
            "1",
            {"S3_USE_HTTPS": "0", "S3_ENDPOINT": "minio:9000/path", "AWS_ENDPOINT_URL": "http://minio:9000/path"},
        ),
        ("HTTPS://minio", "0", {"S3_USE_HTTPS": "1", "S3_ENDPOINT": "minio", "AWS_ENDPOINT_URL": "HTTPS://minio"}),
        ("", "1", {}),
        ("  ", "1", {}),
    ],
)
def test_the_endpoint(endpoint: str, use_https: str, expected: dict[str, str]) -> None:
    assert settings_of({"s3-endpoint": endpoint, "s3-usehttps": use_https}) == expected
    assert settings_of(S3_ENDPOINT=endpoint, S3_USE_HTTPS=use_https) == expected
    assert settings_of({}, {"s3Endpoint": endpoint, "s3UseHttps": use_https}) == expected


def test_the_endpoint_is_the_annotations_then_the_secrets_then_the_configured() -> None:
    configured = {"s3Endpoint": "c", "s3UseHttps": "0"}
    data = {"S3_ENDPOINT": "d", "S3_USE_HTTPS": "1"}
    assert settings_of({"s3-endpoint": "a"}, configured, **data)["S3_ENDPOINT"] == "a"
    assert settings_of({}, configured, **data)["S3_ENDPOINT"] == "d"
    assert settings_of({}, configured)["S3_ENDPOINT"] == "c"
    assert settings_of({"s3-endpoint": ""}, configured, **data) == {}
    assert settings_of({}, configured, S3_ENDPOINT="") == {}


def test_whether_https_is_spoken_is_the_annotations_then_the_secrets_then_the_configured() -> None:
    configured = {"s3Endpoint": "c", "s3UseHttps": "0"}
    assert settings_of({"s3-usehttps": "0"}, configured, S3_USE_HTTPS="1")["AWS_ENDPOINT_URL"] == "http://c"
    assert settings_of({}, configured, S3_USE_HTTPS="1")["AWS_ENDPOINT_URL"] == "https://c"
    assert settings_of({}, configured)["AWS_ENDPOINT_URL"] == "http://c"
    unsaid = settings_of({"s3-usehttps": ""}, configured, S3_USE_HTTPS="1")
    assert unsaid == {"S3_ENDPOINT": "c", "AWS_ENDPOINT_URL": "https://c"}


def test_anonymous_access_keeps_the_key_pair() -> None:
    assert env({"s3-useanoncredential": "true"}) == PAIR | {"awsAnonymousCredential": "true"}


def test_the_order_of_the_variables() -> None:
    given = {name: "x" for _, name, _ in SETTINGS} | {"S3_ENDPOINT": "e", "S3_USE_HTTPS": "1"}
    assert list(env(**given)) == [
        *PAIR,
        "S3_USE_HTTPS",
        "S3_ENDPOINT",
        "AWS_ENDPOINT_URL",
        *(name for _, name, _ in SETTINGS),
    ]


@pytest.mark.parametrize("value", [base64.b64encode(b"planted\xff").decode(), "planted!", "planted"])
def test_a_setting_that_is_no_text_is_refused_without_its_value(value: str) -> None:
    odd = secret()
    odd["data"] = {"AWS_DEFAULT_REGION": value}
    with pytest.raises(PodRefused) as refused:
        s3.secret_grant(odd, config().credentials.s3)
    assert str(refused.value) == "key AWS_DEFAULT_REGION of Secret default/creds is not UTF-8 text"
    assert refused.value.__cause__ is None and refused.value.__suppress_context__
