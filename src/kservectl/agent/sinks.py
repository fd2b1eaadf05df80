"""Where the log of payloads goes over HTTP: each payload is posted as a CloudEvent."""

import ssl
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from kservectl.agent.events import About, Payload, event_headers
from kservectl.agent.payloads import SinkError
from kservectl.clock import Clock
from kservectl.download.errors import shown

CA_FOLDER = Path("/etc/tls/logger")

_SECONDS = 30.0


class EventSink:
    """Posts to `url`. `tls` is what aiohttp takes: a context, True for the system's, False to trust anybody."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, about: About, clock: Clock, tls: ssl.SSLContext | bool = True
    ) -> None:
        self._session = session
        self._url = url
        self._about = about
        self._clock = clock
        self._tls = tls

    async def __call__(self, batch: Sequence[Payload]) -> None:
        """Post each; raises SinkError for the first that is not taken."""
        for payload in batch:
            headers = event_headers(payload, self._about)
            try:
                async with (
                    self._clock.timeout(_SECONDS),
                    self._session.post(self._url, data=payload.body, headers=headers, ssl=self._tls) as answer,
                ):
                    if answer.status >= 300:
                        raise SinkError(f"{shown(self._url)} answered {answer.status}")
            except TimeoutError as error:
                raise SinkError(f"{shown(self._url)} gave no answer within {_SECONDS:g} s") from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise SinkError(f"{shown(self._url)}: {error or type(error).__name__}") from error


def tls_of(ca_file: str, skip_verify: bool, folder: Path = CA_FOLDER) -> ssl.SSLContext | bool:
    """How to trust the sink. `ca_file` is a name in `folder`, or a path; one that is not there means the system's authorities.

    Raises OSError or ssl.SSLError for a file that cannot be used.
    """
    if skip_verify:
        return False
    path = folder / ca_file  # a path of its own stays as it is
    if not ca_file or not path.exists():
        return True
    context = ssl.create_default_context()
    context.load_verify_locations(path)
    return context
