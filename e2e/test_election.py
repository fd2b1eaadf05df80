"""Two replicas, one leader: handed over on a clean stop, taken over after a crash, and never two that write."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.bursts import all_ready, create_all
from e2e.conftest import StartManager
from e2e.installation import SYSTEM_NAMESPACE
from e2e.manager import ManagerProcess
from e2e.rendering import CHILDREN, deviations
from e2e.service_address import ServiceAddress
from e2e.services import ready, service
from e2e.target import Target
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.assembly import LEASE_NAME
from kservectl.objects import metadata
from kservectl.objects.kind import LEASE
from kservectl.objects.metadata import Object

_LEASE_SECONDS = 15
_RETRY_SECONDS = 2
_BURST = 50
_REFUSED = 400
_WRITES = ("create", "update", "patch", "delete", "deletecollection")


class Replicas:
    """Two managers behind one address, as behind the webhook Service."""

    def __init__(self, make: StartManager, address: ServiceAddress, members: list[ManagerProcess]) -> None:
        self.frozen: ManagerProcess | None = None
        self._members = members
        for _ in range(2):
            members.append(make(leader_elect=True, webhook_url=address.url))

    async def start(self, api: Api) -> tuple[ManagerProcess, ManagerProcess]:
        """Leader and standby, both ready."""
        leader, standby = self._members
        await asyncio.to_thread(leader.start)
        await until_held(api, "")
        await asyncio.to_thread(leader.wait_ready)
        await asyncio.to_thread(standby.start_ready)
        return leader, standby


@pytest.fixture
def replicas(managers: StartManager) -> Iterator[Replicas]:
    members: list[ManagerProcess] = []

    def backends() -> list[int]:
        return [each.webhook_port for each in members if each.alive and each is not found.frozen]

    with ServiceAddress(backends) as address:
        found = Replicas(managers, address, members)
        yield found


def holder(lease: Object | None) -> str:
    return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")


async def until_held(api: Api, by_other_than: str, seconds: float = 30) -> str:
    """Wait until somebody else holds the Lease; who it is."""
    lease = await api.until(
        LEASE,
        LEASE_NAME,
        SYSTEM_NAMESPACE,
        lambda each: holder(each) not in ("", by_other_than),
        f"somebody other than {by_other_than or 'nobody'} leads",
        seconds=seconds,
    )
    return holder(lease)


async def everything(api: Api, namespace: str) -> dict[tuple[str, str], str]:
    """The resourceVersion of every object that a manager writes in a namespace."""
    return {
        (kind.kind, metadata.name(obj)): metadata.resource_version(obj)
        for kind in (INFERENCE_SERVICE, *CHILDREN)
        for obj in await api.list(kind, namespace)
    }


def written_to(cluster: Target, namespace: str) -> list[str]:
    """Every write of a manager into a namespace that was not refused, by the API server's audit log.

    What a process had in hand when it was frozen goes out when it wakes; that is refused, as it says what it is based on.
    """
    assert cluster.running is not None
    return [
        f"{event['verb']} {event['requestURI']}"
        for event in cluster.running.audited()
        if event["verb"] in _WRITES
        and event["objectRef"].get("namespace") == namespace
        and event["responseStatus"]["code"] < _REFUSED
    ]


async def test_clean_stop_hands_over_within_two_seconds(api: Api, namespace: str, replicas: Replicas) -> None:
    leader, _ = await replicas.start(api)
    before = await until_held(api, "")

    started = time.monotonic()
    ending = asyncio.create_task(asyncio.to_thread(leader.terminate))
    await until_held(api, before)

    assert time.monotonic() - started < 2 + 0.5  # what starting a thread and a watch takes here
    assert await ending == 0
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")


@pytest.mark.timeout(150)
async def test_standby_takes_over_from_a_killed_leader_in_the_middle_of_a_burst(
    api: Api, namespace: str, replicas: Replicas, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    number = 20 if request.config.getoption("--cluster") == "devcluster" else _BURST
    leader, _ = await replicas.start(api)
    before = await until_held(api, "")
    services = [service(f"burst-{each:02}", namespace) for each in range(number)]

    async with asyncio.TaskGroup() as group:
        group.create_task(create_all(api, services))
        await api.until_all(INFERENCE_SERVICE, namespace, lambda found: len(found) >= number // 4, "the burst is on")
        await asyncio.to_thread(leader.kill9)
        killed = time.monotonic()
    await until_held(api, before)

    assert time.monotonic() - killed < _LEASE_SECONDS + 2 * _RETRY_SECONDS
    await all_ready(api, namespace, number, seconds=60)
    assert await deviations(api, namespace, services, tmp_path) == []


@pytest.mark.real  # tests/runtime/test_two_processes.py shows the same on the devcluster, with a shorter lease
@pytest.mark.timeout(150)
async def test_leader_that_was_frozen_past_its_lease_writes_nothing(
    api: Api, namespace: str, cluster: Target, replicas: Replicas, tmp_path: Path
) -> None:
    leader, _ = await replicas.start(api)
    before = await until_held(api, "")
    services = [service(f"burst-{each:02}", namespace) for each in range(10)]
    async with asyncio.TaskGroup() as group:
        group.create_task(create_all(api, services))
        await api.until_all(INFERENCE_SERVICE, namespace, lambda found: len(found) >= 3, "the burst is on")
        replicas.frozen = leader
        leader.pause()
    await until_held(api, before)
    await all_ready(api, namespace, len(services), seconds=60)
    written = await everything(api, namespace)
    before_it_woke = written_to(cluster, namespace)

    leader.resume()

    assert await asyncio.to_thread(leader.wait, 20) == 1
    assert await everything(api, namespace) == written
    assert written_to(cluster, namespace) == before_it_woke
    assert holder(await api.get(LEASE, LEASE_NAME, SYSTEM_NAMESPACE)) not in ("", before)
    assert await deviations(api, namespace, services, tmp_path) == []
