"""Asking a registry over real connections."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from kservectl.modelregistry.mlflow import Credentials, Mlflow, ModelVersion
from kservectl.modelregistry.reference import ModelReference
from kservectl.runtime.lookup import LookupFailed
from tests.modelregistry.registry import Registry, serving_registry

THIRD, CHAMPION = ModelReference("red roses", version="3"), ModelReference("red roses", alias="champion")


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with serving_registry() as served:
        served.versions["red roses"] = {"2": "gs://b/roses/2", "3": "s3://b/roses/3"}
        served.aliases["red roses"] = {"champion": "2"}
        yield served


async def find(
    registry: Registry, reference: ModelReference = THIRD, credentials: Credentials | None = None
) -> ModelVersion:
    async with aiohttp.ClientSession() as session:
        return await Mlflow(session, registry.url + "/", credentials or Credentials()).find(reference)


async def failure(registry: Registry, reference: ModelReference = THIRD, **credentials: str) -> tuple[str, str]:
    with pytest.raises(LookupFailed) as failed:
        await find(registry, reference, Credentials(**credentials))
    return failed.value.reason, failed.value.message.replace(registry.url.partition("//")[2], "HOST")


async def test_a_version_is_found_where_its_files_are(registry: Registry) -> None:
    assert await find(registry) == ModelVersion("red roses", "3", "s3://b/roses/3", "run-3")
    assert registry.asked == ["/model-versions/get", "/model-versions/get-download-uri"]
    assert registry.authorizations == ["", ""]


async def test_an_alias_is_found_as_the_version_that_it_stands_for_now(registry: Registry) -> None:
    assert (await find(registry, CHAMPION)).version == "2"
    registry.aliases["red roses"]["champion"] = "3"
    assert (await find(registry, CHAMPION)).storage_uri == "s3://b/roses/3"


async def test_what_the_registry_does_not_have_is_told_in_its_words(registry: Registry) -> None:
    assert await failure(registry, ModelReference("red roses", version="9")) == (
        "ModelVersionNotFound",
        "the registry at HOST says: Model Version (name=red roses, version=9) not found",
    )
    assert await failure(registry, ModelReference("red roses", alias="nobody")) == (
        "ModelVersionNotFound",
        "the registry at HOST says: Registered model alias nobody not found.",
    )


async def test_a_version_that_is_still_being_registered_is_waited_for(registry: Registry) -> None:
    registry.pending.add(("red roses", "3"))
    assert await failure(registry) == (
        "ModelVersionNotReady",
        "version 3 of model red roses is PENDING_REGISTRATION in the registry",
    )


@pytest.mark.parametrize(
    ("credentials", "sent"),
    [
        (Credentials(token="t0k"), "Bearer t0k"),
        (Credentials(username="ann", password="pässword"), "Basic YW5uOnDDpHNzd29yZA=="),
        (Credentials(token="t0k", username="ann"), "Bearer t0k"),
    ],
)
async def test_credentials_are_presented(registry: Registry, credentials: Credentials, sent: str) -> None:
    await find(registry, credentials=credentials)
    assert registry.authorizations == [sent, sent]


def test_credentials_are_read_from_the_members_that_mlflow_calls_so_and_never_shown() -> None:
    read = Credentials.of_secret(
        {"MLFLOW_TRACKING_USERNAME": "ann\n", "MLFLOW_TRACKING_PASSWORD": " pass \n", "ca.crt": "PEM", "other": "x"}
    )
    assert (read.username, read.password, read.token, read.ca) == ("ann", " pass ", "", "PEM")
    assert "pass" not in repr(read)


async def test_refused_credentials_are_told_and_not_repeated(registry: Registry) -> None:
    registry.token = "right"
    assert await failure(registry, token="s3cret") == (
        "RegistryRefused",
        "the registry at HOST refuses the credentials (401)",
    )


@pytest.mark.parametrize(
    ("fault", "reason", "said"),
    [
        ("reset", "RegistryUnreachable", "the registry at HOST cannot be asked: Server disconnected"),
        ("flood", "RegistryAnswerUnreadable", "the registry at HOST answered more than 1 MiB"),
        ("html", "RegistryAnswerUnreadable", "the registry at HOST answered what is not JSON"),
        ("list", "RegistryAnswerUnreadable", "the registry at HOST answered what is not JSON"),
        ("empty", "RegistryAnswerUnreadable", "the registry at HOST named no model version"),
        ("500", "RegistryFailed", "the registry at HOST answered 500: the database is gone"),
        ("redirect", "RegistryFailed", "the registry at HOST answered 302"),
    ],
)
async def test_a_registry_that_misbehaves_is_told(registry: Registry, fault: str, reason: str, said: str) -> None:
    registry.fault = fault
    assert await failure(registry, token="s3cret") == (reason, said)
    assert "/elsewhere" not in registry.asked, "a redirect is not followed: the credentials would go along"


async def test_a_registry_that_is_not_there_is_told(registry: Registry) -> None:
    registry.url = "http://127.0.0.1:1"
    reason, said = await failure(registry)
    assert reason == "RegistryUnreachable"
    assert said.startswith("the registry at HOST cannot be asked: Cannot connect to host HOST")


async def test_a_place_with_credentials_in_it_is_not_shown(registry: Registry) -> None:
    registry.versions["red roses"]["3"] = "https://ann:s3cret@files/roses"
    reason, said = await failure(registry)
    assert reason == "UnsupportedLocation"
    assert "s3cret" not in said


async def test_a_ca_that_is_none_is_told(registry: Registry) -> None:
    assert await failure(registry, ca="no pem") == (
        "RegistryNotConfigured",
        "ca.crt of the registry's Secret is no certificate",
    )
