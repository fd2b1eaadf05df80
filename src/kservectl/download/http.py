"""Files over HTTP: one URL, with resuming by Range, headers for its host, and redirects that leave those headers behind.

Extra headers for a host come from the environment variable `<host>-headers`, a JSON object (KServe's Secrets with `https-host`).
"""

import re
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import orjson
from yarl import URL

from kservectl.download.addresses import ForbiddenAddress, check_address
from kservectl.download.checksum import Checksum
from kservectl.download.errors import DownloadRefused, Interrupted, shown
from kservectl.download.source import Opened, RemoteFile

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 10
_MAY_PASS = (408, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 120.0
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Web:
    """What all requests share: the session, the environment, and the form of messages."""

    session: aiohttp.ClientSession
    environ: Mapping[str, str]

    def headers_for(self, url: URL) -> dict[str, str]:
        """The headers that the environment has for the host of `url`; raises DownloadRefused."""
        name = f"{url.host}-headers"
        text = self.environ.get(name, "")
        if not text.strip():
            return {}
        try:
            headers = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise DownloadRefused(f"the environment variable {name} is not JSON") from error
        if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
            raise DownloadRefused(f"the environment variable {name} is no JSON object of texts")
        return headers

    @asynccontextmanager
    async def get(
        self, url: URL, headers: Mapping[str, str], allowed: Sequence[int]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a GET that has one of the statuses `allowed`; raises Interrupted or DownloadRefused.

        `headers` go to the host of `url` alone, wherever it redirects to; those about ranges go along.
        """
        origin = url.origin()
        for _ in range(_MOST_REDIRECTS):
            sent = headers if url.origin() == origin else _about_content(headers)
            sent = {"Accept-Encoding": "identity", **sent, **self.headers_for(url)}
            try:
                check_address(url.host or "")
                async with self.session.get(url, headers=sent, allow_redirects=False) as answer:
                    if answer.status in _REDIRECTS and "Location" in answer.headers:
                        url = _next(url, answer.headers["Location"])
                        continue
                    check(answer, allowed)
                    yield answer
                    return
            except (aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL, ForbiddenAddress) as error:
                raise DownloadRefused(f"{shown(str(url))}: {error}") from error
            except aiohttp.ClientConnectorDNSError as error:
                kind = DownloadRefused if isinstance(error.os_error, ForbiddenAddress) else Interrupted
                raise kind(f"{shown(str(url))}: {error.os_error}") from error
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                raise Interrupted(f"{shown(str(url))}: {error or type(error).__name__}") from error
        raise DownloadRefused(f"{shown(str(url))}: more than {_MOST_REDIRECTS} redirects")


class HttpFile:
    """The one file at `url`. Its fragment may hold a checksum."""

    def __init__(self, web: Web, uri: str) -> None:
        try:
            self._url = URL(uri)
        except ValueError as error:
            raise DownloadRefused(f"{shown(uri)} is no URL: {error}") from error
        if not self._url.host:
            raise DownloadRefused(f"{shown(uri)} is no URL: it names no host")
        self._web = web
        self._checksum = Checksum.of_fragment(self._url.fragment)

    async def files(self) -> Sequence[RemoteFile]:
        """The file, about which only its name is known."""
        name = self._url.name or self._url.host or "model"
        return [RemoteFile(name, checksum=self._checksum, may_be_archive=True)]

    @asynccontextmanager
    async def open(self, file: RemoteFile, offset: int, version: str) -> AsyncIterator[Opened]:
        """The file, from `offset` if the server can and it is the same."""
        async with opened(self._web, self._url.with_fragment(None), {}, offset, version) as found:
            yield found


@asynccontextmanager
async def opened(web: Web, url: URL, headers: Mapping[str, str], offset: int, version: str) -> AsyncIterator[Opened]:
    """The content of `url` from `offset` if it still has `version`, an ETag; raises Interrupted or DownloadRefused."""
    resumes = offset > 0 and bool(version)
    if resumes:
        headers = {**headers, "Range": f"bytes={offset}-", "If-Range": version}
    async with web.get(url, headers, allowed=(200, 206, 416) if resumes else (200,)) as answer:
        etag = answer.headers.get("ETag", "")
        strong = "" if etag.startswith("W/") else etag
        if "gzip" in answer.headers.get("Content-Encoding", "").lower():
            # A server that packs although it was asked not to (buckets keep objects so) has no ranges that fit.
            yield Opened(0, None, "", _unpacked(_chunks(answer)), _content_type(answer))
            return
        if answer.status == 200:
            yield Opened(0, answer.content_length, strong, _chunks(answer), _content_type(answer), _sent_digest(answer))
            return
        start, size = _range(answer)
        if answer.status == 416 and size == offset:
            yield Opened(offset, size, version, _nothing())
        elif answer.status == 206 and start == offset:
            yield Opened(offset, size, strong or version, _chunks(answer), _content_type(answer), _sent_digest(answer))
        else:
            raise Interrupted(f"{shown(str(url))} does not have the bytes from {offset} on any more")


def check(answer: aiohttp.ClientResponse, allowed: Sequence[int]) -> None:
    """Raise Interrupted or DownloadRefused for an answer whose status is not `allowed`."""
    if answer.status in allowed:
        return
    why = f"URI: {shown(str(answer.url))} returned a {answer.status} response code"
    if answer.status in _MAY_PASS:
        raise Interrupted(why, wait=_retry_after(answer))
    raise DownloadRefused(why)


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Interrupted(f"{shown(str(answer.url))} broke off: {error or type(error).__name__}") from error


async def _unpacked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was packed with gzip."""
    unpacking = zlib.decompressobj(wbits=31)
    try:
        async for chunk in chunks:
            yield unpacking.decompress(chunk)
    except zlib.error as error:
        raise DownloadRefused(f"the answer says that it is gzip and is not: {error}") from error
    if not unpacking.eof:
        raise Interrupted("the packed answer broke off")


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


def _next(url: URL, location: str) -> URL:
    try:
        found = url.join(URL(location))
    except ValueError as error:
        raise DownloadRefused(f"{shown(str(url))} redirects to what is no URL") from error
    if found.scheme not in ("http", "https") or (url.scheme == "https" and found.scheme != "https"):
        raise DownloadRefused(f"{shown(str(url))} redirects to {shown(str(found))}, which is not followed")
    return found


def _about_content(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in ("Range", "If-Range")}


def _content_type(answer: aiohttp.ClientResponse) -> str:
    return answer.headers.get("Content-Type", "")


def _sent_digest(answer: aiohttp.ClientResponse) -> Checksum | None:
    return Checksum.of_headers(answer.headers)


def _range(answer: aiohttp.ClientResponse) -> tuple[int | None, int | None]:
    """First byte and whole size in `Content-Range`."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if found is None:
        return None, None
    start, size = found.groups()
    return (int(start) if start else None), (None if size == "*" else int(size))


def _retry_after(answer: aiohttp.ClientResponse) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT) if text.isdecimal() else 0.0
