"""Asking MLflow's model registry, through its REST interface, where a model version lies.

    GET /api/2.0/mlflow/registered-models/alias?name=&alias=             the version that an alias stands for
    GET /api/2.0/mlflow/model-versions/get?name=&version=                one version
    GET /api/2.0/mlflow/model-versions/get-download-uri?name=&version=   where its files are

Redirects are not followed (credentials would go along), answers are bounded, and no text that is raised holds credentials.
"""

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from kservectl.modelregistry.reference import ModelReference
from kservectl.runtime.lookup import LookupFailed

_MOST_BYTES = 1 << 20
_NOT_FOUND = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""What MLflow answers where there is no such model or version, and (3.17) where there is no such alias."""


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What to present: a token, or a name with a password; `ca` is the PEM of who signed the server's certificate."""

    token: str = ""
    username: str = ""
    password: str = ""
    ca: str = ""

    @classmethod
    def of_secret(cls, values: Mapping[str, str]) -> "Credentials":
        """From the decoded members of a Secret, which are called like MLflow's own environment variables."""
        return cls(
            token=values.get("MLFLOW_TRACKING_TOKEN", "").strip(),
            username=values.get("MLFLOW_TRACKING_USERNAME", "").strip(),
            password=values.get("MLFLOW_TRACKING_PASSWORD", "").rstrip("\n"),
            ca=values.get("ca.crt", ""),
        )

    def headers(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        if self.username:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One version of a registered model, and where its files are. `run_id` may be empty."""

    name: str
    version: str
    storage_uri: str
    run_id: str = ""


class Mlflow:
    """The registry at `url`, asked within one `session`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, credentials: Credentials) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._headers = credentials.headers()
        self._tls = _tls(credentials.ca)

    async def find(self, reference: ModelReference) -> ModelVersion:
        """What `reference` stands for now; raises LookupFailed. Sets no deadline of its own."""
        if reference.alias:
            answer = await self._get("registered-models/alias", name=reference.name, alias=reference.alias)
        else:
            answer = await self._get("model-versions/get", name=reference.name, version=reference.version)
        told = answer.get("model_version")
        if not isinstance(told, dict) or not told.get("version"):
            raise LookupFailed("RegistryAnswerUnreadable", f"the registry at {self._host} named no model version")
        version = str(told["version"])
        status = told.get("status") or "READY"
        if status != "READY":
            raise LookupFailed(
                "ModelVersionNotReady", f"version {version} of model {reference.name} is {status} in the registry"
            )
        place = await self._get("model-versions/get-download-uri", name=reference.name, version=version)
        uri = place.get("artifact_uri")
        if not isinstance(uri, str) or not uri:
            raise LookupFailed("RegistryAnswerUnreadable", f"the registry at {self._host} named no place of the files")
        if uri.startswith(("http://", "https://")) and "@" in uri.split("/")[2]:
            said = f"the place of version {version} of model {reference.name} holds credentials, which would be shown"
            raise LookupFailed("UnsupportedLocation", said)
        return ModelVersion(reference.name, version, uri, str(told.get("run_id") or ""))

    @property
    def _host(self) -> str:
        return urlsplit(self._url).netloc.rpartition("@")[2]

    async def _get(self, method: str, **query: str) -> Mapping[str, Any]:
        try:
            async with self._session.get(
                f"{self._url}/api/2.0/mlflow/{method}",
                params=query,
                headers=self._headers,
                ssl=self._tls,
                allow_redirects=False,
            ) as answer:
                body = await answer.content.read(_MOST_BYTES + 1)
                while len(body) <= _MOST_BYTES and (more := await answer.content.read(_MOST_BYTES)):
                    body += more
                status = answer.status
        except (aiohttp.ClientError, OSError, ValueError) as error:
            why = type(error).__name__ if isinstance(error, ValueError) else str(error)
            raise LookupFailed("RegistryUnreachable", f"the registry at {self._host} cannot be asked: {why}") from error
        if len(body) > _MOST_BYTES:
            raise LookupFailed("RegistryAnswerUnreadable", f"the registry at {self._host} answered more than 1 MiB")
        return self._read(status, body)

    def _read(self, status: int, body: bytes) -> Mapping[str, Any]:
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        found = found if isinstance(found, dict) else None
        if status == 200 and found is not None:
            return found
        said = str((found or {}).get("message") or "")[:200]
        if (found or {}).get("error_code") in _NOT_FOUND:
            raise LookupFailed("ModelVersionNotFound", f"the registry at {self._host} says: {said}")
        if status in (401, 403):
            raise LookupFailed("RegistryRefused", f"the registry at {self._host} refuses the credentials ({status})")
        if status == 200:
            raise LookupFailed("RegistryAnswerUnreadable", f"the registry at {self._host} answered what is not JSON")
        raise LookupFailed(
            "RegistryFailed", f"the registry at {self._host} answered {status}{': ' + said if said else ''}"
        )


def _tls(ca: str) -> ssl.SSLContext | bool:
    if not ca:
        return True
    try:
        return ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise LookupFailed("RegistryNotConfigured", "ca.crt of the registry's Secret is no certificate") from error
