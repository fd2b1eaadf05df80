"""`kservectl download`: what a download Job of the node agent runs, in the place of KServe's storage initializer."""

import asyncio
import errno
import os
import random
from pathlib import Path

import click
import structlog

from kservectl.cli.process import run_until_signal
from kservectl.clock import Clock, SystemClock, rfc3339
from kservectl.download.downloader import Downloader, DownloadOptions
from kservectl.download.errors import DownloadError, DownloadRefused, NoSpace, shown
from kservectl.download.progress import Progress
from kservectl.modelfolder.filling import Busy, Filling, filling
from kservectl.modelfolder.progress import FAILED, FULL, REFUSED, DownloadProgress
from kservectl.runtime import logging

_TELL_SECONDS = 1.0


@click.command()
@click.argument("uri")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--parallel", type=click.IntRange(min=1), default=4, show_default=True, help="How many files to fetch at once."
)
@click.option("--log-format", type=click.Choice(["console", "json"]), default="json", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def download(uri: str, folder: Path, parallel: int, log_format: logging.Format, log_level: str) -> None:
    """Have what URI names in FOLDER, whole and marked so, in the place of what is there.

    A download that broke off is taken up where it ended. Credentials come from the environment, under the names that
    KServe's storage initializer reads.
    """
    logging.configure(log_format, log_level)

    async def main(stop: asyncio.Event) -> int:
        fetching = asyncio.create_task(_download(uri, folder, parallel, SystemClock()))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((fetching, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (fetching, stopping):
            task.cancel()
        await asyncio.wait((fetching, stopping))
        if fetching.cancelled():
            raise click.ClickException(f"the download of {shown(uri)} was stopped; the next one goes on from here")
        return fetching.result()

    run_until_signal(main)


async def _download(uri: str, folder: Path, parallel: int, clock: Clock) -> int:
    log = structlog.get_logger(uri=shown(uri))
    try:
        with filling(folder) as place:
            if place.is_whole:
                place.clean()
                log.info("the model is there already", folder=str(folder))
                return 0
            if not place.is_fetched:
                await _fetch(uri, place, parallel, clock)
            place.publish(rfc3339(clock.now()))
    except (DownloadError, Busy) as error:
        raise click.ClickException(f"{shown(uri)} cannot be downloaded to {folder}: {error}") from error
    log.info("the model is there", folder=str(folder))
    return 0


async def _fetch(uri: str, place: Filling, parallel: int, clock: Clock) -> None:
    teller = _Teller(place, clock)
    rng = random.Random()  # noqa: S311 - spreads retries, guards no secret
    options = DownloadOptions(parallel=parallel)
    try:
        async with Downloader(clock=clock, rng=rng, environ=os.environ, options=options) as downloader:
            await downloader.fetch(uri, place.target, teller.report)
    except (DownloadError, OSError) as error:
        teller.fail(error)
        raise


class _Teller:
    """Lets the agent know, about once a second."""

    def __init__(self, place: Filling, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._started = rfc3339(clock.now())
        self._before: int | None = None
        self._last: DownloadProgress = DownloadProgress(started=self._started)
        self._next = 0.0

    def report(self, progress: Progress) -> None:
        if self._before is None:
            self._before = progress.bytes_done
        self._last = DownloadProgress(progress.bytes_done, progress.bytes_total, self._before, self._started)
        if self._clock.monotonic() >= self._next:
            self._place.tell(self._last)
            self._next = self._clock.monotonic() + _TELL_SECONDS

    def fail(self, error: DownloadError | OSError) -> None:
        """Leave the reason behind; that it cannot be left on a disk that is full or gone is no second failure."""
        full = isinstance(error, NoSpace) or (
            isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        )
        refused = REFUSED if isinstance(error, DownloadRefused) else FAILED
        last = self._last
        told = DownloadProgress(last.done, last.total, last.before, last.started, str(error), FULL if full else refused)
        try:
            self._place.tell(told)
        except OSError as trouble:
            structlog.get_logger().warning("the reason cannot be left for the node agent", error=str(trouble))
