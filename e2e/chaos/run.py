"""One run: trouble and a user for a while, then peace, and a judgement."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from e2e.chaos.changes import NAMESPACE
from e2e.chaos.judgement import deviations, of_logs
from e2e.chaos.stand import Mode, Stand, standing
from e2e.chaos.trouble import Trouble
from e2e.chaos.user import User, pacify
from kservectl.client.errors import ApiError
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.request import RequestInfo
from kservectl.runtime import logging

_BETWEEN_REQUESTS = (0.02, 0.6)
_SETTLE_SECONDS = 120.0
_QUIET_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """By which dice, for how many seconds, on which managers."""

    seed: int
    seconds: float
    mode: Mode = "single"

    def __str__(self) -> str:
        return f"python -m e2e.chaos --seed {self.seed} --minutes {self.seconds / 60:g} --mode {self.mode}"


@dataclass(slots=True)
class Report:
    """What came of it: `wrong` is empty when everything is as it should be."""

    plan: Plan
    wrong: list[str] = field(default_factory=list)
    made: Counter[str] = field(default_factory=Counter)
    granted: int = 0
    refused: int = 0
    deaths: int = 0
    settled_seconds: float = 0.0


async def run(plan: Plan, folder: Path) -> Report:
    """Play it; the cluster and everything on it ends with the run. Logs, and what tells of a failure, go to `folder`."""
    with (folder / "run.log").open("w") as log:
        logging.configure("console", "info", log)
        try:
            return await _run(plan, folder)
        finally:
            structlog.reset_defaults()


async def _run(plan: Plan, folder: Path) -> Report:
    report = Report(plan)
    dice = random.Random(plan.seed)
    async with standing(plan.mode, folder) as stand:
        user = User(stand.cluster, random.Random(dice.random()))
        trouble = Trouble(stand, random.Random(dice.random()))
        await user.prepare()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(stand.keep_alive())
            await _play(plan, stand, user, trouble, random.Random(dice.random()))
            await stand.all_ready()
            report.wrong += await _peace(stand, user, report, folder)
            keeping.cancel()
        report.wrong += of_logs(stand.managers)
        report.made, report.deaths = trouble.made, stand.deaths
        report.granted, report.refused = user.granted, user.refused
    return report


async def _play(plan: Plan, stand: Stand, user: User, trouble: Trouble, dice: random.Random) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(trouble.run(stop))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.seconds):
                while True:
                    if not await user.act():
                        await stand.any_ready()
                    await asyncio.sleep(dice.uniform(*_BETWEEN_REQUESTS))
        stop.set()


async def _peace(stand: Stand, user: User, report: Report, folder: Path) -> list[str]:
    """Have the user end what cannot be, wait until all is as it should be, and then see that nobody writes any more."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        try:
            await pacify(user)
        except ApiError:
            if loop.time() - began > _SETTLE_SECONDS:
                raise
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        else:
            break
    while wrong := await deviations(stand, user, folder):
        if loop.time() - began > _SETTLE_SECONDS:
            keep(stand, folder / "cluster.json")
            return wrong
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    report.settled_seconds = loop.time() - began
    return await _noise(stand)


def keep(stand: Stand, file: Path) -> None:
    """Write down everything in the namespace of the run, for whoever looks for the reason."""
    kinds = [served.kind for served in stand.cluster.registry.served if served.kind.namespaced]
    objects = {str(kind): list(stand.cluster.list(kind, NAMESPACE)) for kind in kinds}
    file.write_text(json.dumps({kind: found for kind, found in objects.items() if found}, indent=1))


async def _noise(stand: Stand) -> list[str]:
    """Writes although everything is as it should be; Leases are renewed all the time, and events are told late."""
    written: Counter[str] = Counter()

    def note(info: RequestInfo) -> Fault | None:
        if info.writes and info.plural not in ("leases", "events"):
            written[f"{info.method} {info.path}"] += 1
        return None

    remove = stand.cluster.faults.add(note)
    await asyncio.sleep(_QUIET_SECONDS)
    remove()
    return [f"all was well, and yet: {what}, {times} times" for what, times in written.items()]
