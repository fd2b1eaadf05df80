"""The registry of ConfigMap key `registry` as a source of facts: each names a model version by its reference.

The fact's status is `name`, `version`, `storageUri` and perhaps `runId`; or `problem`. Where and how one asks is read for
every question, so that a changed key or Secret counts from the next one.
"""

import base64
import binascii
import random
from collections.abc import Callable

import aiohttp

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.client.client import Client
from kservectl.client.errors import ClientError, NotFound
from kservectl.clock import Clock
from kservectl.informers import Change
from kservectl.modelregistry.mlflow import Credentials, Mlflow
from kservectl.modelregistry.reference import InvalidReference, ModelReference
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, SECRET, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.lookup import Lookup, LookupFailed
from kservectl.runtime.view import View

REGISTERED_MODEL = Kind("registry.kservectl", "v1", "RegisteredModel", "registeredmodels", namespaced=False)
"""Facts about references; no API server serves it."""


class RegistryQuestions:
    """Asks the registry that the configuration names. `view` shows that ConfigMap; the Secret is read when it is needed."""

    def __init__(self, client: Client, view: Callable[[], View], system_namespace: str) -> None:
        self._client = client
        self._view = view
        self._namespace = system_namespace

    async def ask(self, name: str) -> Object:
        """What the reference `name` stands for; raises LookupFailed."""
        try:
            reference = ModelReference.parse(name)
        except InvalidReference as error:
            raise LookupFailed("InvalidReference", str(error)) from error
        try:
            registry = Config.of(self._view().get(CONFIG_MAP, CONFIG_MAP_NAME, self._namespace)).registry
        except ConfigError as error:
            raise LookupFailed(
                "RegistryNotConfigured", f"the key registry of {CONFIG_MAP_NAME}: {error.message}"
            ) from error
        if not registry.url:
            raise LookupFailed(
                "RegistryNotConfigured",
                f"there is no model registry: the key registry of ConfigMap {self._namespace}/{CONFIG_MAP_NAME} has no url",
            )
        credentials = await self._credentials(registry.secret_name)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            found = await Mlflow(session, registry.url, credentials).find(reference)
        told = {"name": found.name, "version": found.version, "storageUri": found.storage_uri}
        return told | ({"runId": found.run_id} if found.run_id else {})

    async def _credentials(self, secret: str) -> Credentials:
        if not secret:
            return Credentials()
        where = f"Secret {self._namespace}/{secret}"
        try:
            found = await self._client.get(SECRET, secret, self._namespace)
        except NotFound as error:
            raise LookupFailed(
                "RegistryNotConfigured", f"{where} with the registry's credentials is missing"
            ) from error
        except ClientError as error:
            raise LookupFailed("RegistryNotConfigured", f"{where} cannot be read: {error}") from error
        try:
            values = {
                key: base64.b64decode(value, validate=True).decode() for key, value in (found.get("data") or {}).items()
            }
        except (binascii.Error, UnicodeDecodeError):
            raise LookupFailed("RegistryNotConfigured", f"{where} holds a value that is no text") from None
        return Credentials.of_secret(values)


def registry_lookup(questions: RegistryQuestions, *, clock: Clock, rng: random.Random) -> Lookup:
    """The Lookup of registered models."""
    return Lookup(REGISTERED_MODEL, questions.ask, clock=clock, rng=rng)


def ask_again_when_configured(lookup: Lookup) -> Callable[[Change], None]:
    """A handler of ConfigMaps: another registry has everything asked again at once."""

    def handle(change: Change) -> None:
        if change.initial or metadata.name(change.object) != CONFIG_MAP_NAME:
            return
        if _registry(change.old) != _registry(change.new):
            lookup.ask_again()

    return handle


def _registry(configuration: Object | None) -> object:
    return ((configuration or {}).get("data") or {}).get("registry")
