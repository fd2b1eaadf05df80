"""Where nothing changes, nothing is asked and nothing is written."""

import asyncio

import pytest

from e2e.api import Api
from e2e.bursts import all_ready, create_all
from e2e.conftest import StartManager
from e2e.manager import ManagerProcess
from e2e.rendering import CHILDREN
from e2e.services import service
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects import metadata

_SERVICES = 100
_QUIET_LOOKS = 5
_WATCHES_ANEW = 5
_LOOK_SECONDS = 0.2
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


async def at_rest(manager: ManagerProcess, decided: int, seconds: float = 40) -> None:
    """Wait until it has decided so many keys and has had none in hand for a second."""
    quiet = 0
    async with asyncio.timeout(seconds):
        while quiet < _QUIET_LOOKS:
            metrics = await asyncio.to_thread(manager.metrics)
            done = sum(value for (name, _), value in metrics.items() if name == "controller_runtime_reconcile_total")
            busy = sum(
                value
                for (name, _), value in metrics.items()
                if name in ("workqueue_depth", "controller_runtime_active_workers")
            )
            quiet = quiet + 1 if done >= decided and not busy else 0
            await asyncio.sleep(_LOOK_SECONDS)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("calm")
async def test_second_pass_over_unchanged_services_asks_nothing(
    api: Api, namespace: str, managers: StartManager
) -> None:
    manager = managers()
    await asyncio.to_thread(manager.start_ready)
    await at_rest(manager, 0)
    await asyncio.to_thread(manager.terminate)
    await asyncio.to_thread(manager.start_ready)
    await at_rest(manager, 0)
    over_nothing = manager.requests()
    await create_all(api, [service(f"calm-{number:03}", namespace) for number in range(_SERVICES)], at_once=10)
    await all_ready(api, namespace, _SERVICES, seconds=90)
    await at_rest(manager, _SERVICES)
    await asyncio.to_thread(manager.terminate)
    before = await written(api, namespace)

    await asyncio.to_thread(manager.start_ready)
    await at_rest(manager, _SERVICES)

    asked = manager.requests()
    assert {method: asked[method] for method in _WRITES if method in asked} == {}
    # Lists and watches: one set of them, however many services there are, but for watches that the server has ended.
    assert asked["GET"] <= over_nothing["GET"] + _WATCHES_ANEW
    assert await written(api, namespace) == before


async def written(api: Api, namespace: str) -> dict[tuple[str, str], tuple[str, object]]:
    """Of every object that a manager writes: which one it is, and what is specified. Others write some of the statuses."""
    return {
        (kind.kind, metadata.name(obj)): (metadata.uid(obj), obj["spec"])
        for kind in (INFERENCE_SERVICE, *CHILDREN)
        for obj in await api.list(kind, namespace)
    }
