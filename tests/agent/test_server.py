"""The parts of an agent together: a server that goes away and comes back gets the models that it had."""

import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kservectl.agent.readiness import Probe
from kservectl.agent.server import PullOptions
from tests.agent.component import agent
from tests.agent.model_server import ModelServer, model_server
from tests.download.files import FileServer, serving
from tests.fake_clock import eventually

LOADED = 'kservectl_agent_models{state="Loaded"} 1.0'


@dataclass(frozen=True)
class Place:
    """A model `m` that is wanted of a server at `port`, where none is yet."""

    port: int
    pull: PullOptions
    files: FileServer

    @property
    def component(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "configs").mkdir()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = int(held.getsockname()[1])
    async with serving(FileServer(files={"/m": b"model"})) as files:
        models = [{"modelName": "m", "modelSpec": {"storageUri": f"{files.url}/m"}}]
        (tmp_path / "configs" / "models.json").write_text(json.dumps(models))
        yield Place(port, PullOptions(tmp_path / "configs", tmp_path / "models"), files)


async def test_the_kubelets_probes_tell_of_a_server_that_comes_back(place: Place) -> None:
    first, second = ModelServer(), ModelServer()
    probe = Probe("127.0.0.1", place.port)
    async with agent(component=place.component, pull=place.pull, probe=probe) as running:
        assert await running.probe() == (503, "models of the start are still being pulled and loaded")
        async with model_server(first, place.port):
            await eventually(lambda: running.metric(LOADED))
            assert first.loaded == {"m"}
            assert await running.probe() == (200, "queue")
            assert json.loads(await running.admin("/models"))["models"][0]["state"] == "Loaded"
        assert (await running.probe())[0] == 503
        async with model_server(second, place.port):
            assert await running.probe() == (200, "queue")
            await eventually(lambda: second.loaded == {"m"})
    assert len(place.files.seen) == 1


async def test_requests_tell_of_it_too(place: Place) -> None:
    first, second = ModelServer(), ModelServer()
    async with agent(component=place.component, pull=place.pull) as running:
        async with model_server(first, place.port):
            await eventually(lambda: running.metric(LOADED))
        assert (await running.post("/v1/x"))[0] == 502
        async with model_server(second, place.port):
            assert (await running.post("/v1/x"))[0] == 404
            await eventually(lambda: second.loaded == {"m"})
