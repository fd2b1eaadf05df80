"""Where nothing changes, nothing is asked and nothing is written."""

import asyncio
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.bursts import all_ready, create_all
from e2e.conftest import StartManager
from e2e.manager import ManagerProcess
from e2e.services import service
from kservectl.api.kinds import INFERENCE_SERVICE

_SERVICES = 100
_QUIET_LOOKS = 5
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


@pytest.mark.timeout(200)
async def test_second_pass_over_unchanged_services_asks_nothing(
    api: Api, namespace: str, managers: StartManager, tmp_path: Path
) -> None:
    empty = managers()
    await asyncio.to_thread(empty.start_ready)
    await at_rest(empty, 0)
    for_nothing = empty.requests()
    await create_all(
        api, [service(f"calm-{number:03}", namespace) for number in range(_SERVICES)], at_once=10, seconds=90
    )
    await all_ready(api, namespace, _SERVICES, seconds=90)
    await at_rest(empty, _SERVICES)
    await asyncio.to_thread(empty.terminate)
    versions = {
        each["metadata"]["name"]: each["metadata"]["resourceVersion"]
        for each in await api.list(INFERENCE_SERVICE, namespace)
    }

    second = managers()
    await asyncio.to_thread(second.start_ready)
    await at_rest(second, _SERVICES)

    asked = second.requests()
    assert {method: asked[method] for method in _WRITES if method in asked} == {}
    # Lists and watches, one set of them however many services there are.
    assert asked["GET"] <= for_nothing["GET"]
    after = {
        each["metadata"]["name"]: each["metadata"]["resourceVersion"]
        for each in await api.list(INFERENCE_SERVICE, namespace)
    }
    assert after == versions
