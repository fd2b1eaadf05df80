"""Fetching a URI into a folder.

Promises: the folder appears by one rename, with every file whole and every known checksum and size right, or not at all. What a
try received is kept beside it (`partial.py`) and the next one goes on from there, in this process or a later one, as long as the
other side still has the same version. Errors that may pass are tried again, with growing, random waits, until a number of tries
in a row brought nothing new. A connection over which nothing comes is given up. Too little space on the disk is noticed before
the first byte.
"""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
import structlog

from kservectl.clock import Clock
from kservectl.download import archive
from kservectl.download.addresses import CheckedResolver
from kservectl.download.blocking import in_thread
from kservectl.download.checksum import Checksum
from kservectl.download.errors import DownloadFailed, DownloadRefused, Interrupted, NoSpace, shown
from kservectl.download.http import Web
from kservectl.download.partial import Begun, Partial
from kservectl.download.progress import Fetched, Progress, Report, Tally
from kservectl.download.source import Opened, RemoteFile, Source, inside
from kservectl.download.sources import source_of
from kservectl.informers.backoff import Backoff

T = TypeVar("T")

_BATCH = 4 << 20
"""Bytes that are collected before a thread writes them."""

_SPARE = 64 << 20
"""Bytes of the disk that stay free."""


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """`tries` in a row without a new byte end a download; `stall_seconds` without a byte end a try. `parallel` is the number of
    files of one download that are fetched at once. Below `local_root` file:// and pvc:// are read, nowhere if None."""

    tries: int = 6
    stall_seconds: float = 60.0
    parallel: int = 4
    local_root: Path | None = None


def _ignored(progress: Progress) -> None:
    """Nobody asked."""


class Downloader:
    """Fetches inside of its `async with`. Several may run at once, each into a folder of its own.

    `environ` holds the credentials, under the names that KServe gives them in its storage containers.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        rng: random.Random,
        environ: Mapping[str, str],
        options: DownloadOptions | None = None,
    ) -> None:
        self._clock = clock
        self._rng = rng
        self._environ = environ
        self._options = options or DownloadOptions()
        self._web: Web | None = None
        self._log = structlog.get_logger(component="download")

    async def __aenter__(self) -> Self:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=CheckedResolver()),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=self._options.stall_seconds),
            trust_env=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        self._web = Web(session, self._environ)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._web is not None:
            await self._web.session.close()

    async def fetch(self, uri: str, folder: Path, report: Report = _ignored) -> Fetched:
        """Have what `uri` names in `folder`, in the place of what is there; the folder above it is made if missing.

        Raises DownloadRefused where trying again is of no use, DownloadFailed where it may be, OSError of the disk, and what
        `report` raises. Cancelling is safe at any time.
        """
        source = self._source(uri)
        partial = await in_thread(lambda _: Partial.open(folder, uri))
        tally = Tally(report)
        files = await self._again(uri, source.files, lambda: 0)
        for file in files:
            inside(partial.files, file.path)
            tally.expect(file.path, file.size)
        await in_thread(lambda _: partial.put_back_archive(files[0].path))
        fetching = _Fetching(self._options, self._clock, source, partial, tally, folder)
        kinds = await self._fetch_all(uri, fetching, files)
        if kinds[0]:
            await self._unpack(partial, files[0].path, kinds[0])
        else:
            await in_thread(lambda _: partial.keep_only({file.path for file in files}))
        count, size = await in_thread(lambda _: partial.put_in_place())
        return Fetched(count, size, tally.received)

    def _source(self, uri: str) -> Source:
        if self._web is None:
            raise RuntimeError("a Downloader fetches only inside of its `async with`")
        return source_of(uri, self._web, self._options.local_root, self._options.stall_seconds)

    async def _fetch_all(self, uri: str, fetching: "_Fetching", files: Sequence[RemoteFile]) -> list[str]:
        """Fetch `files`; answers for each what archive it is, if it is one."""
        turns = asyncio.Semaphore(self._options.parallel)
        failures: list[Exception] = []

        async def fetch(file: RemoteFile) -> str:
            try:
                async with turns:
                    return await self._again(
                        uri, lambda: fetching.fetch(file), lambda: fetching.partial.size(file.path)
                    )
            except Exception as error:
                # Not left to the group: before Python 3.13 it forgets a cancellation that meets an error.
                failures.append(error)
                for other in tasks:
                    if other is not asyncio.current_task():
                        other.cancel()
                return ""

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(fetch(file)) for file in files]
        if failures:
            raise failures[0]
        return [task.result() for task in tasks]

    async def _again(self, uri: str, work: Callable[[], Awaitable[T]], reached: Callable[[], int]) -> T:
        """What `work` returns once it succeeds. A try after which `reached` has grown counts as the first again."""
        backoff = Backoff(clock=self._clock, rng=self._rng)
        failures, before = 0, reached()
        while True:
            try:
                return await work()
            except Interrupted as error:
                failures = 1 if reached() > before else failures + 1
                before = max(before, reached())
                if failures >= self._options.tries:
                    raise DownloadFailed(f"gave up after {failures} tries: {error}") from error
                wait = max(backoff.next(), error.wait)
                self._log.warning("download is tried again", uri=shown(uri), why=str(error), seconds=round(wait, 1))
            await self._clock.sleep(wait)

    async def _unpack(self, partial: Partial, path: str, kind: str) -> None:
        aside = await in_thread(lambda _: partial.take_archive(path))
        try:
            await in_thread(lambda stop: archive.unpack(aside, kind, partial.files, stop))
        except DownloadRefused:
            partial.remove()
            raise
        await in_thread(lambda _: aside.unlink())


@dataclass(frozen=True, slots=True)
class _Fetching:
    """One try after the other to get the files of one download."""

    options: DownloadOptions
    clock: Clock
    source: Source
    partial: Partial
    tally: Tally
    folder: Path

    async def fetch(self, file: RemoteFile) -> str:
        """Have `file` whole and right; answers what archive it is, "" for none. Raises Interrupted or DownloadRefused."""
        begun = self.partial.begun(file.path)
        if begun is not None and begun.whole and self._is_current(file, begun):
            self.tally.has(file.path, self.partial.size(file.path))
            self.tally.finish(file.path)
            return self._archive_kind(file, begun)
        offset = self.partial.size(file.path) if begun is not None and begun.version else 0
        if file.size is not None and offset > file.size:
            offset = 0
        version = begun.version if begun is not None else ""
        async with self.source.open(file, offset, version) as opened:
            if opened.size is not None:
                self.tally.expect(file.path, opened.size)
            resumes = opened.offset > 0
            content_type = opened.content_type or (begun.content_type if begun is not None and resumes else "")
            begun = Begun(file.path, opened.version, content_type)
            self.tally.has(file.path, opened.offset)
            await self._check_room()
            self.partial.note(begun)
            received = await self._receive(file.path, opened)
        self._check_size(file, opened, received)
        await self._check_sum(file.path, file.checksum or opened.checksum)
        begun = replace(begun, whole=True)
        self.partial.note(begun)
        self.tally.finish(file.path)
        return self._archive_kind(file, begun)

    async def _receive(self, path: str, opened: Opened) -> int:
        """Write what comes; answers the size that the file then has."""
        offset, pieces, held = opened.offset, list[bytes](), 0

        async def flush() -> None:
            nonlocal offset, pieces, held
            writing, at = pieces, offset
            await in_thread(lambda _: self.partial.write(path, at, writing))
            offset, pieces, held, added = offset + held, [], 0, held
            self.tally.add(path, added)

        try:
            async for piece in self._stalling(opened.chunks):
                pieces.append(piece)
                held += len(piece)
                if held >= _BATCH:
                    await flush()
        finally:
            await flush()  # also what came before a broken connection, to go on from there
        return offset

    async def _stalling(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """`chunks`, with a deadline for each."""
        while True:
            try:
                async with self.clock.timeout(self.options.stall_seconds):
                    piece = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise Interrupted(f"nothing came for {self.options.stall_seconds:g} s") from error
            yield piece

    async def _check_room(self) -> None:
        needed = self.tally.remaining
        free = shutil.disk_usage(self.partial.files).free - _SPARE
        if needed is not None and needed > free:
            raise NoSpace(
                f"not enough space for {self.folder}: {needed} bytes are still to come, {max(free, 0)} may be used"
            )

    def _check_size(self, file: RemoteFile, opened: Opened, received: int) -> None:
        size = opened.size if opened.size is not None else file.size
        if size is not None and received != size:
            if received > size:
                self.partial.discard(file.path)
            raise Interrupted(f"{file.path} has {received} bytes, not {size}")

    async def _check_sum(self, path: str, checksum: Checksum | None) -> None:
        if checksum is None:
            return
        found = await in_thread(lambda stop: checksum.of_file(inside(self.partial.files, path), stop))
        if found != checksum.digest:
            self.partial.discard(path)
            raise DownloadRefused(f"{path} has the {checksum.algorithm} checksum {found}, not {checksum.digest}")

    def _is_current(self, file: RemoteFile, begun: Begun) -> bool:
        """Whether a whole file from an earlier try is still the one that is wanted; an unversioned one has to be asked for."""
        return bool(file.version) and file.version == begun.version and self.partial.size(file.path) == file.size

    @staticmethod
    def _archive_kind(file: RemoteFile, begun: Begun) -> str:
        return archive.archive_kind(begun.content_type, file.path) if file.may_be_archive else ""
