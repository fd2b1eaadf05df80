"""Whether the server behind the agent is ready, by the probe that the pod webhook took over from it.

The environment variable SERVING_READINESS_PROBE holds a Kubernetes probe as JSON, with `httpGet` or `tcpSocket`. Without one the
server counts as ready: other kinds of probes the kubelet carries out itself.
"""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import orjson

from kservectl.clock import Clock

VARIABLE = "SERVING_READINESS_PROBE"

_LOCAL = "127.0.0.1"


class BadProbe(ValueError):
    """The variable holds no probe."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How to ask. `url` is empty for a probe that only connects."""

    host: str
    port: int
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 1.0

    @classmethod
    def parse(cls, text: str, component_port: int) -> Self | None:
        """From the variable's text; None for an empty one. A port that is a name means `component_port`. Raises BadProbe."""
        if not text.strip():
            return None
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise BadProbe(f"{VARIABLE} is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise BadProbe(f"{VARIABLE} is not an object")
        http, tcp = found.get("httpGet"), found.get("tcpSocket")
        how = http or tcp
        if not isinstance(how, dict):
            return None
        host, port = how.get("host") or _LOCAL, _port(how.get("port"), component_port)
        seconds = float(found.get("timeoutSeconds") or 1)
        if not http:
            return cls(host, port, seconds=seconds)
        scheme = str(how.get("scheme") or "HTTP").lower()
        path = "/" + str(how.get("path") or "").lstrip("/")
        named = f"[{host}]" if ":" in host else host
        headers = {str(entry["name"]): str(entry["value"]) for entry in how.get("httpHeaders") or ()}
        return cls(host, port, f"{scheme}://{named}:{port}{path}", headers, seconds)


def _port(value: Any, component_port: int) -> int:
    return int(value) if str(value or "").isdecimal() else component_port


class Readiness:
    """Asks the server, each time anew."""

    def __init__(self, probe: Probe | None, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._probe = probe
        self._session = session
        self._clock = clock

    async def why_not(self) -> str:
        """ "" if the server is ready; else a sentence."""
        probe = self._probe
        if probe is None:
            return ""
        try:
            async with self._clock.timeout(probe.seconds):
                return await (self._get(probe) if probe.url else _connect(probe))
        except TimeoutError:
            return f"the model server did not answer its probe within {probe.seconds:g} s"
        except (aiohttp.ClientError, OSError) as error:
            return f"the model server cannot be reached: {error}"

    async def _get(self, probe: Probe) -> str:
        # As the kubelet: any answer from 200 to 399 will do, and certificates are not checked.
        headers = {"User-Agent": "kube-probe/kservectl", **probe.headers}
        async with self._session.get(probe.url, headers=headers, allow_redirects=False, ssl=False) as answer:
            return "" if 200 <= answer.status < 400 else f"the model server answered its probe with {answer.status}"


async def _connect(probe: Probe) -> str:
    _, writer = await asyncio.open_connection(probe.host, probe.port)
    with closing(writer):
        return ""
