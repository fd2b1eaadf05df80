"""Three replicas that share the work: each has a part, what a dead one had is served again, one that leaves hands over."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from e2e.api import Api
from e2e.bursts import all_ready, create_all
from e2e.conftest import StartManager
from e2e.installation import SYSTEM_NAMESPACE, allow_sharding
from e2e.manager import ManagerProcess
from e2e.service_address import ServiceAddress
from e2e.services import ready, service
from e2e.shards import shared_by
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.assembly import SHARD_GROUP
from kservectl.leader.assignment import GROUP_LABEL
from kservectl.leader.sharding import assignment_name
from kservectl.objects import metadata
from kservectl.objects.kind import EVENT, HORIZONTAL_POD_AUTOSCALER, LEASE
from kservectl.objects.metadata import Object

_SERVICES = 24
_LEASE_SECONDS = 15


@pytest.fixture
def replicas(managers: StartManager) -> Iterator[list[ManagerProcess]]:
    """Three, not started, behind one address for their webhooks."""
    members: list[ManagerProcess] = []
    with ServiceAddress(lambda: [each.webhook_port for each in members if each.alive]) as address:
        members += [managers(webhook_url=address.url, options=("--sharded",)) for _ in range(3)]
        yield members


async def started(api: Api, replicas: Sequence[ManagerProcess]) -> None:
    await allow_sharding(api)
    await asyncio.to_thread(replicas[0].start_ready)  # who leads makes the certificate that all of them serve with
    for replica in replicas[1:]:
        await asyncio.to_thread(replica.start_ready)
    await shared_by(api, len(replicas))


async def served_by(api: Api, namespace: str) -> Counter[str]:
    """How many services each replica told of that they are Ready, once all were told of: events come after the status."""

    def told(found: Sequence[Object]) -> list[Object]:
        return [event for event in found if event.get("reason") == "InferenceServiceReady"]

    events = await api.until_all(EVENT, namespace, lambda found: len(told(found)) >= _SERVICES, "all are told of")
    return Counter(str(event.get("reportingInstance")) for event in told(events))


async def limited(api: Api, namespace: str, most: int, seconds: float) -> None:
    """Give each service this many replicas at most, and wait until each autoscaler knows."""
    for obj in await api.list(INFERENCE_SERVICE, namespace):
        change = {"spec": {"predictor": {"maxReplicas": most}}}
        await api.merge(INFERENCE_SERVICE, metadata.name(obj), namespace, change)

    def holds(found: Sequence[Object]) -> bool:
        return len(found) == _SERVICES and all(each["spec"]["maxReplicas"] == most for each in found)

    await api.until_all(HORIZONTAL_POD_AUTOSCALER, namespace, holds, f"each scales to {most}", seconds=seconds)


@pytest.mark.timeout(240)
async def test_replicas_share_the_work_and_take_over_what_one_of_them_leaves(
    api: Api, namespace: str, replicas: list[ManagerProcess]
) -> None:
    await started(api, replicas)
    await create_all(api, [service(f"shared-{number:02}", namespace) for number in range(_SERVICES)])
    await all_ready(api, namespace, _SERVICES, seconds=60)
    shares = await served_by(api, namespace)
    assert len(shares) == 3, shares
    assert sum(shares.values()) == _SERVICES, shares  # nobody told what somebody else had told

    await api.delete(LEASE, assignment_name(SHARD_GROUP), SYSTEM_NAMESPACE)
    await shared_by(api, 3)
    await limited(api, namespace, 4, seconds=15)

    await asyncio.to_thread(replicas[2].kill9)
    killed = time.monotonic()
    await limited(api, namespace, 5, seconds=_LEASE_SECONDS + 15)
    assert time.monotonic() - killed < _LEASE_SECONDS + 10
    await shared_by(api, 2)

    assert await asyncio.to_thread(replicas[1].terminate) == 0
    await limited(api, namespace, 6, seconds=8)
    await shared_by(api, 1)
    left = await api.list(LEASE, SYSTEM_NAMESPACE, label_selector=f"{GROUP_LABEL}={SHARD_GROUP}")
    assert len(left) == 2  # the assignment, and that of the one that is left


@pytest.mark.timeout(240)
async def test_back_to_one_leader_as_a_rolling_update_does_it_no_two_work_at_once(
    api: Api, namespace: str, managers: StartManager
) -> None:
    members: list[ManagerProcess] = []
    with ServiceAddress(lambda: [each.webhook_port for each in members if each.alive]) as address:
        members += [managers(webhook_url=address.url, options=("--sharded",)) for _ in range(2)]
        await started(api, members)
        last = members[1]
        leader = managers(webhook_url=address.url, leader_elect=True)
        members.append(leader)
        await asyncio.to_thread(leader.start_ready)

        last.pause()  # so that it is not the first to take the Lease
        assert await asyncio.to_thread(members[0].terminate) == 0
        await asyncio.to_thread(leader.wait_until, lambda: said(leader, "leading, but not working yet"), "leads", 10)
        last.resume()
        await shared_by(api, 1)
        await api.create(INFERENCE_SERVICE, service("meanwhile", namespace))
        await ready(api, namespace, "meanwhile")
        assert not said(leader, "controller starts")

        assert await asyncio.to_thread(last.terminate) == 0
        await api.create(INFERENCE_SERVICE, service("afterwards", namespace))
        await ready(api, namespace, "afterwards", seconds=_LEASE_SECONDS + 30)
        assert said(leader, "controller starts")

        late = managers(webhook_url=address.url, options=("--sharded",))
        members.append(late)
        await asyncio.to_thread(late.start_ready)
        await asyncio.to_thread(late.wait_until, lambda: said(late, "not joining"), "it sees who leads", 10)
        assert not said(late, "controller starts")


def said(manager: ManagerProcess, text: str) -> bool:
    return any(text in str(line.get("msg", "")) for line in manager.lines())
