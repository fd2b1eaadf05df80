"""A web server of files that misbehaves on demand, and a downloader to fetch from it."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from kservectl.clock import Clock
from kservectl.download.downloader import Downloader, DownloadOptions
from tests.fake_clock import FakeClock


@dataclass
class FileServer:
    """Serves `files` by their paths, with Range and If-Range. `break_after` cuts the answers to come after so many bytes;
    `faults` are statuses that are answered first."""

    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    etags: bool = True
    ranges: bool = True
    break_after: list[int] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    hang: bool = False
    seen: list[web.Request] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    def etag(self, path: str) -> str:
        return f'"{hashlib.sha256(self.files[path]).hexdigest()[:16]}"'

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        if self.faults:
            return web.Response(status=self.faults.pop(0))
        extra = self.headers.get(request.path, {})
        if "Location" in extra:
            return web.Response(status=302, headers=extra)
        content = self.files.get(request.path)
        if content is None:
            return web.Response(status=404)
        etag = self.etag(request.path)
        headers = {
            "Content-Type": "application/octet-stream",
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            **({"ETag": etag} if self.etags else {}),
            **extra,
        }
        status, start = 200, 0
        wanted = request.headers.get("Range", "")
        if request.headers.get("If-Match") not in (None, etag):
            return web.Response(status=412)
        if self.ranges and wanted and request.headers.get("If-Range") in (None, etag):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(content) - start
        await response.prepare(request)
        body = content[start:]
        if self.hang:
            await response.write(body[: len(body) // 2])
            await asyncio.Event().wait()
        if self.break_after:
            body = body[: self.break_after.pop(0)]
            self.sent += len(body)
            await response.write(body)
            assert request.transport is not None
            request.transport.close()
            return response
        self.sent += len(body)
        await response.write(body)
        return response


@asynccontextmanager
async def serving(server: FileServer) -> AsyncIterator[FileServer]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


class HastyClock(FakeClock):
    """Sleeps take no time and are written down; deadlines are real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.suspend(seconds)
        await asyncio.sleep(0.001)

    def timeout(self, seconds: float | None) -> Any:
        return asyncio.timeout(seconds)


def downloader(clock: Clock | None = None, environ: dict[str, str] | None = None, **options: Any) -> Downloader:
    return Downloader(
        clock=clock or HastyClock(), rng=random.Random(1), environ=environ or {}, options=DownloadOptions(**options)
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
