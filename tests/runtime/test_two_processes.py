"""Leader election between real processes on a devcluster: killed, stopped and woken, told to end, and robbed of the Lease."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import CONFIG_MAP, LEASE
from tests.fake_clock import eventually
from tests.runtime.candidate import TIMING

CANDIDATE = Path(__file__).with_name("candidate.py")


@dataclass
class Candidates:
    """Candidate processes on one cluster, and who wrote when."""

    cluster: DevCluster
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    writes: list[tuple[float, str]] = field(default_factory=list)

    async def start(self, name: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(CANDIDATE),
            self.cluster.url,
            name,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self.processes[name] = process

    async def leads(self, name: str, seconds: float = 20.0) -> None:
        """Wait until `name` leads."""
        stdout = self.processes[name].stdout
        assert stdout is not None
        assert await asyncio.wait_for(stdout.readline(), seconds) == b"leading\n"
        await eventually(lambda: self.last_writer == name)

    async def exit_code(self, name: str, seconds: float) -> int:
        return await asyncio.wait_for(self.processes[name].wait(), seconds)

    @property
    def last_writer(self) -> str:
        return self.writes[-1][1] if self.writes else ""

    @property
    def holder(self) -> str:
        lease = self.cluster.get(LEASE, "test", "default")
        return str(lease["spec"]["holderIdentity"]) if lease else ""

    async def record(self) -> None:
        async for change in self.cluster.follow(CONFIG_MAP):
            written = str(change.object.get("data", {}).get("by", ""))
            if written:
                self.writes.append((time.monotonic(), written.split()[0]))

    def turns(self) -> list[str]:
        """Who wrote, without repetitions: `a, b` means that a never wrote after b's first write."""
        names = [name for _, name in self.writes]
        return [name for position, name in enumerate(names) if position == 0 or names[position - 1] != name]


@asynccontextmanager
async def competing() -> AsyncIterator[Candidates]:
    async with DevCluster(builtin_types(), clock=SystemClock(), seed=1) as cluster:
        await cluster.create(
            CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "beat", "namespace": "default"}}
        )
        candidates = Candidates(cluster)
        recording = asyncio.create_task(candidates.record())
        try:
            yield candidates
        finally:
            for process in candidates.processes.values():
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            recording.cancel()
            await asyncio.gather(recording, return_exceptions=True)


@pytest.fixture
async def pair() -> AsyncIterator[Candidates]:
    """`a` leads, `b` stands by."""
    async with competing() as candidates:
        await candidates.start("a")
        await candidates.leads("a")
        await candidates.start("b")
        await asyncio.sleep(1.5)  # b starts, and sees the Lease held
        yield candidates


async def test_a_standby_takes_over_from_a_killed_leader_within_the_lease(pair: Candidates) -> None:
    killed = time.monotonic()
    pair.processes["a"].kill()
    await pair.leads("b")
    assert time.monotonic() - killed < TIMING.lease + TIMING.retry + 4.0
    assert pair.turns() == ["a", "b"]


async def test_a_leader_stopped_past_its_lease_writes_nothing_when_it_wakes_and_exits(pair: Candidates) -> None:
    pair.processes["a"].send_signal(signal.SIGSTOP)
    await pair.leads("b")
    pair.processes["a"].send_signal(signal.SIGCONT)
    assert await pair.exit_code("a", 10) == 3
    await asyncio.sleep(0.2)
    assert pair.turns() == ["a", "b"]
    assert pair.holder == "b"


async def test_a_leader_that_is_told_to_end_hands_over_within_a_retry(pair: Candidates) -> None:
    pair.processes["a"].send_signal(signal.SIGTERM)
    assert await pair.exit_code("a", 10) == 0
    ended = time.monotonic()
    await pair.leads("b")
    assert time.monotonic() - ended < TIMING.retry + 3.0 < TIMING.lease
    assert pair.turns() == ["a", "b"]


async def test_a_lease_deleted_by_hand_comes_back_with_its_holder(pair: Candidates) -> None:
    for _ in range(3):
        await pair.cluster.delete(LEASE, "test", "default")
        await eventually(lambda: pair.holder != "")
        await asyncio.sleep(TIMING.retry * 1.5)
    assert pair.holder == "a"
    assert pair.turns() == ["a"]
    assert pair.processes["a"].returncode is None
    assert pair.processes["b"].returncode is None
