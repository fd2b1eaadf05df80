"""The manager on a control plane that fails: it connects again by itself and goes on, and it is allowed what it does."""

import asyncio
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.bursts import all_ready, create_all
from e2e.conftest import StartManager
from e2e.manager import ManagerProcess
from e2e.rendering import deviations
from e2e.services import service
from e2e.target import Target
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.client.errors import AlreadyExists, ClientError
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.real

_SERVICES = 20
_AGAIN_SECONDS = 0.5


async def create_stubbornly(api: Api, services: list[Object], seconds: float = 90) -> None:
    """Create each, one after the other, whatever becomes of the API server meanwhile."""
    async with asyncio.timeout(seconds):
        for each in services:
            while True:
                try:
                    await api.create(INFERENCE_SERVICE, each)
                except AlreadyExists:
                    break
                except ClientError:
                    await asyncio.sleep(_AGAIN_SECONDS)
                else:
                    break


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("component", ["kube-apiserver", "etcd"])
async def test_component_killed_under_load_is_survived(
    api: Api, namespace: str, manager: ManagerProcess, cluster: Target, tmp_path: Path, component: str
) -> None:
    assert cluster.running is not None
    services = [service(f"load-{number:02}", namespace) for number in range(_SERVICES)]
    part = cluster.running.component(component)

    async with asyncio.TaskGroup() as group:
        group.create_task(create_stubbornly(api, services))
        await api.until_all(INFERENCE_SERVICE, namespace, lambda found: len(found) >= 5, "the load is on")
        await asyncio.to_thread(part.kill)
        await asyncio.to_thread(part.start)
        await asyncio.to_thread(part.wait_ready)
    # A kubelet tries again what failed meanwhile. KWOK does not, but looks at everything anew when it starts.
    await asyncio.to_thread(cluster.running.component("kwok").restart)

    await all_ready(api, namespace, _SERVICES, seconds=120)
    assert await deviations(api, namespace, services, tmp_path) == []
    assert manager.alive, manager.tail()


async def test_manager_is_refused_nothing_under_its_own_account(
    api: Api, namespace: str, managers: StartManager
) -> None:
    manager = managers(leader_elect=True)
    await asyncio.to_thread(manager.start_ready)
    await create_all(api, [service("iris", namespace)])  # it is ready before it leads, and registers its webhooks then
    await all_ready(api, namespace, 1, seconds=25)
    await api.delete(INFERENCE_SERVICE, "iris", namespace)
    await api.until_gone(INFERENCE_SERVICE, "iris", namespace)

    # Nobody may write into a namespace that goes away, as those of earlier tests do.
    refused = [line for line in manager.lines() if "forbidden" in str(line) and "being terminated" not in str(line)]
    assert refused == []
