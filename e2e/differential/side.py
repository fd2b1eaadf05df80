"""One of the two servers: sends it requests, remembers what it said of each object, and follows watches."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from e2e.differential.canonical import Canonical, is_of_the_cluster
from kservectl.client.config import load_kubeconfig
from kservectl.clock import SystemClock
from kservectl.objects import metadata

NAMESPACE = "the-namespace"
"""Stands in requests for the namespace of the scenario."""

_SECONDS = 20.0
_PLACEHOLDER = re.compile(r"\$(uid|version|first):(\w+/[\w.-]+)")
_UNKNOWN_FIELD = "unknown field"
_UNKNOWN = {"uid": "00000000-0000-4000-8000-000000000000", "version": "1", "first": "1"}


@dataclass(frozen=True)
class Request:
    """What is sent. In texts of `query` and `body`, `$uid:Kind/name` and `$version:Kind/name` stand for what the server
    said last of that object, `$first:Kind/name` for the first version that it told.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"

    def __str__(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self.query.items())
        body = "" if self.body is None else f" {self.content_type}\n  {json.dumps(self.body, sort_keys=True)}"
        return f"{self.method} {self.path}{'?' + query if query else ''}{body}"


@dataclass(frozen=True)
class Answer:
    """Status code, body in canonical form (text when it is no JSON), and what Warning headers say of unknown fields.

    The server also advises on what an object means, and warns of what it refuses; the devcluster does neither.
    """

    code: int
    body: Any
    warnings: Sequence[str]


@asynccontextmanager
async def opened(kubeconfig: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the server of a kubeconfig."""
    config = await load_kubeconfig(str(kubeconfig), clock=SystemClock())
    identity = await config.credentials.identity()
    tls: ssl.SSLContext | bool = True
    if config.server.startswith("https:"):
        tls = ssl.create_default_context(cafile=config.ca_file)
        tls.load_cert_chain(identity.cert_file, identity.key_file)
    async with aiohttp.ClientSession(
        config.server, connector=aiohttp.TCPConnector(ssl=tls), headers={"User-Agent": "differential"}
    ) as session:
        yield session


class Side:
    """A server for the length of one scenario."""

    def __init__(self, session: aiohttp.ClientSession, namespace: str) -> None:
        self.versions: list[str] = []
        """Of every object that was answered with, as they came: places for watches to begin at."""
        self._session = session
        self._namespace = namespace
        self._canonical = Canonical()
        self._told: dict[str, dict[str, str]] = {}

    async def send(self, request: Request) -> Answer:
        body = self._resolved(request.body)
        headers = {"Content-Type": request.content_type, "Accept": request.accept}
        async with (
            asyncio.timeout(_SECONDS),
            self._session.request(
                request.method,
                self._path(request.path),
                params=self._resolved(request.query),
                data=None if body is None else json.dumps(body),
                headers=headers,
            ) as response,
        ):
            text = await response.text()
        warnings = [text for text in response.headers.getall("Warning", []) if response.ok and _UNKNOWN_FIELD in text]
        try:
            decoded = json.loads(text)
        except ValueError:
            return Answer(response.status, self._canonical(text), warnings)
        self._remember(decoded)
        return Answer(response.status, self._canonical(decoded), warnings)

    async def watch(self, path: str, query: Mapping[str, str], last: str) -> Any:
        """The canonical events before that of the object named `last`; the canonical answer when it is no watch."""
        events = []
        async with (
            asyncio.timeout(_SECONDS),
            self._session.get(self._path(path), params={"watch": "true", **query}) as response,
        ):
            if response.status != 200:
                return self._canonical(await response.json())
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR" or metadata.name(event["object"]) == last:
                    break
                events.append(event)
        return [self._canonical(each) for each in events if not is_of_the_cluster(each["object"])]

    def _path(self, path: str) -> str:
        return path.replace(NAMESPACE, self._namespace)

    def _remember(self, answer: Any) -> None:
        if not isinstance(answer, dict) or not (answer.get("metadata") or {}).get("uid"):
            return
        version = metadata.resource_version(answer)
        told = self._told.setdefault(f"{answer['kind']}/{metadata.name(answer)}", {"first": version})
        told |= {"uid": metadata.uid(answer), "version": version}
        self.versions.append(version)

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: self._resolved(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._resolved(each) for each in value]
        if isinstance(value, str):
            return _PLACEHOLDER.sub(lambda found: self._told.get(found[2], _UNKNOWN)[found[1]], value)
        return value
