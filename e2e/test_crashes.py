"""The manager is killed with SIGKILL at any moment; the next one finishes the work, and neither loses nor doubles anything."""

import asyncio
import random
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.bursts import all_ready, create_all
from e2e.manager import ManagerProcess
from e2e.rendering import deviations
from e2e.services import ready, service
from kservectl.api.kinds import INFERENCE_SERVICE

_SERVICES = 20
_KILLS = 4


@pytest.mark.timeout(150)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.real), pytest.param(3, marks=pytest.mark.real)])
async def test_killed_at_random_moments_of_a_burst_it_converges(
    api: Api, namespace: str, manager: ManagerProcess, tmp_path: Path, seed: int
) -> None:
    moments = random.Random(seed)
    services = [service(f"burst-{number:02}", namespace) for number in range(_SERVICES)]

    async with asyncio.TaskGroup() as group:
        group.create_task(create_all(api, services))
        for _ in range(_KILLS):
            await asyncio.sleep(moments.uniform(0.05, 0.8))  # the moment is the point: nothing is waited for
            await asyncio.to_thread(manager.kill9)
            await asyncio.to_thread(manager.start_ready)

    await all_ready(api, namespace, _SERVICES, seconds=60)
    assert await deviations(api, namespace, services, tmp_path) == []


@pytest.mark.timeout(100)
async def test_killed_while_services_are_deleted_it_leaves_nothing(
    api: Api, namespace: str, manager: ManagerProcess, tmp_path: Path
) -> None:
    services = [service(f"going-{number}", namespace) for number in range(6)]
    await create_all(api, services)
    await all_ready(api, namespace, len(services), seconds=30)

    for obj in services[:3]:
        await api.delete(INFERENCE_SERVICE, obj["metadata"]["name"], namespace)
    await asyncio.to_thread(manager.kill9)
    for obj in services[3:5]:
        await api.delete(INFERENCE_SERVICE, obj["metadata"]["name"], namespace)
    await asyncio.to_thread(manager.start_ready)

    await all_ready(api, namespace, 1, seconds=30)
    assert await deviations(api, namespace, services[5:], tmp_path) == []


async def test_work_that_came_while_it_was_away_is_done(api: Api, namespace: str, manager: ManagerProcess) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")
    code = await asyncio.to_thread(manager.terminate)
    assert code == 0

    await api.client.delete(INFERENCE_SERVICE, "iris", namespace)
    assert await api.find(INFERENCE_SERVICE, "iris", namespace) is not None, "its finalizer keeps it"
    await asyncio.to_thread(manager.start_ready)

    await api.until_gone(INFERENCE_SERVICE, "iris", namespace)
