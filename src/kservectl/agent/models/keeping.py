"""Keeping one model as it is wanted: one thing after the other, while other models have keepers of their own.

What fails is tried again with growing, random waits, until it succeeds or something else is wanted; that ends whatever is
going on.
"""

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from kservectl.agent.models.disk import ModelDisk
from kservectl.agent.models.repository import ModelRepository, RepositoryError, ServerUnreachable
from kservectl.agent.models.status import State, StatusBoard
from kservectl.agent.models.wanted import ModelSpec
from kservectl.clock import Clock
from kservectl.download.blocking import in_thread
from kservectl.download.downloader import Downloader
from kservectl.download.errors import DownloadError
from kservectl.download.progress import Progress, Report
from kservectl.informers.backoff import Backoff

_LONGEST_WAIT = 300.0
_LONGEST_WAIT_FOR_SERVER = 5.0
_UNLOAD_TRIES = 3


@dataclass(frozen=True, slots=True)
class Means:
    """What all keepers work with."""

    disk: ModelDisk
    downloader: Downloader
    repository: ModelRepository
    board: StatusBoard
    clock: Clock
    rng: random.Random


class ModelKeeper:
    """Keeps the model `name`, of which `installed` is on the disk."""

    def __init__(self, name: str, installed: ModelSpec | None, means: Means) -> None:
        self.name = name
        self.settled = asyncio.Event()
        """Set once a first try ended, well or badly."""
        self._means = means
        self._installed = installed
        self._wanted: ModelSpec | None = installed
        self._may_be_loaded = installed is not None
        self._is_loaded = False
        self._changed = asyncio.Event()
        self._log = structlog.get_logger(component="puller", model=name)

    def want(self, spec: ModelSpec | None) -> None:
        """Have the model by `spec`, or not at all."""
        if spec != self._wanted:
            self._wanted = spec
            self._changed.set()

    def look_again(self) -> None:
        """Ask the server whether it has the model, and load it if not. Nothing that is going on is disturbed."""
        if self._is_loaded:
            self._is_loaded = False
            self._changed.set()

    async def run(self) -> None:
        """Keep it until it is unwanted and gone."""
        while True:
            self._changed.clear()
            wanted = self._wanted
            if await self._until_changed(self._reach(wanted)) and wanted is None and self._wanted is None:
                self.settled.set()
                self._means.board.forget(self.name)
                return
            await self._changed.wait()

    async def _until_changed(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work` unless something else is wanted meanwhile; answers whether it was done."""
        async with asyncio.TaskGroup() as group:
            working = group.create_task(work)
            waiting = group.create_task(self._changed.wait())
            await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            waiting.cancel()
        return not working.cancelled()

    async def _reach(self, wanted: ModelSpec | None) -> None:
        """Have things as wanted, however long it takes."""
        means = self._means
        later = Backoff(clock=means.clock, rng=means.rng, base=2.0, cap=_LONGEST_WAIT)
        soon = Backoff(clock=means.clock, rng=means.rng, base=0.2, cap=_LONGEST_WAIT_FOR_SERVER)
        while True:
            try:
                await (self._remove() if wanted is None else self._have(wanted))
            except ServerUnreachable as error:
                # It starts beside the agent, and may take longer: that is no failure of the model.
                means.board.set(self.name, State.LOADING, self._uri(wanted), reason=str(error))
                wait = soon.next()
            except (DownloadError, RepositoryError, OSError) as error:
                wait = self._failed(wanted, str(error), later)
            except Exception as error:  # one model must not end all others
                self._log.exception("unexpected failure")
                wait = self._failed(wanted, f"{type(error).__name__}: {error}", later)
            else:
                self.settled.set()
                return
            await means.clock.sleep(wait)

    def _failed(self, wanted: ModelSpec | None, why: str, backoff: Backoff) -> float:
        wait = backoff.next()
        self._log.error("model failed", why=why, next_try_seconds=round(wait, 1))
        self._means.board.set(self.name, State.FAILED, self._uri(wanted), reason=why)
        self.settled.set()
        return wait

    async def _have(self, wanted: ModelSpec) -> None:
        """Pull and load. The model that was there stays loaded until its successor is on the disk."""
        means, board = self._means, self._means.board
        if self._installed == wanted and self._may_be_loaded and not self._is_loaded:
            # An agent that starts again finds the server as it was.
            self._is_loaded = await means.repository.is_loaded(self.name)
        if self._installed != wanted:
            await self._pull(wanted)
        if not self._is_loaded:
            board.set(self.name, State.LOADING, wanted.storage_uri)
            if self._may_be_loaded:
                await self._unload()
            self._may_be_loaded = True
            try:
                await means.repository.load(self.name)
            except ServerUnreachable:
                self._may_be_loaded = False
                raise
            except RepositoryError:
                board.did("load", "failure")
                raise
            board.did("load", "success")
            self._is_loaded = True
        board.set(self.name, State.LOADED, wanted.storage_uri)
        self._log.info("model is loaded")

    async def _pull(self, wanted: ModelSpec) -> None:
        means, board = self._means, self._means.board
        self._installed = None  # from now on it is not known what the folder holds
        board.set(self.name, State.DOWNLOADING, wanted.storage_uri)
        self._log.info("model is pulled")
        try:
            fetched = await means.downloader.fetch(wanted.storage_uri, means.disk.folder(self.name), self._reporter())
            self._is_loaded = False
            await in_thread(lambda _: means.disk.mark(self.name, wanted))
        except (DownloadError, OSError):
            board.did("download", "failure")
            raise
        board.did("download", "success")
        board.received(fetched.received)
        self._installed = wanted
        self._log.info("model is on the disk", files=fetched.files, bytes=fetched.bytes, received=fetched.received)

    def _reporter(self) -> Report:
        """Tells the board of every piece, and the log of every tenth."""
        told = 0

        def report(progress: Progress) -> None:
            nonlocal told
            self._means.board.progress(self.name, progress)
            tenths = progress.bytes_done * 10 // progress.bytes_total if progress.bytes_total else 0
            if told < tenths < 10:
                self._log.info("model is being pulled", percent=tenths * 10, bytes=progress.bytes_done)
            told = max(told, tenths)

        return report

    async def _remove(self) -> None:
        """Unload, then delete. A server that does not answer does not keep the disk full."""
        means, board = self._means, self._means.board
        board.set(self.name, State.REMOVING)
        if self._may_be_loaded:
            await self._unload()
        await in_thread(lambda _: means.disk.remove(self.name))
        self._installed = None
        board.did("remove", "success")
        self._log.info("model is removed")

    async def _unload(self) -> None:
        """Unload; a server that refuses does not know the model, or will not be moved by another try."""
        means = self._means
        backoff = Backoff(clock=means.clock, rng=means.rng, base=0.2, cap=_LONGEST_WAIT_FOR_SERVER)
        for tries in range(1, _UNLOAD_TRIES + 1):
            try:
                await means.repository.unload(self.name)
            except ServerUnreachable:
                break  # a server that is not there has loaded nothing
            except RepositoryError as error:
                means.board.did("unload", "failure")
                self._log.warning("model was not unloaded", why=str(error), tries=tries)
                if tries == _UNLOAD_TRIES or error.status < 500:
                    break
                await means.clock.sleep(backoff.next())
            else:
                means.board.did("unload", "success")
                break
        self._is_loaded = self._may_be_loaded = False

    @staticmethod
    def _uri(wanted: ModelSpec | None) -> str:
        return wanted.storage_uri if wanted is not None else ""
