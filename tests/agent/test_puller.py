"""Models are pulled, loaded, changed and removed as a mounted ConfigMap says: over real files, inotify and HTTP."""

import asyncio
import json
import random
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from kservectl.agent.models.disk import ModelDisk
from kservectl.agent.models.keeping import Means
from kservectl.agent.models.puller import Puller
from kservectl.agent.models.repository import ModelRepository
from kservectl.agent.models.status import State, StatusBoard
from kservectl.agent.models.wanted import ModelSpec
from kservectl.download.downloader import Downloader, DownloadOptions
from tests.agent.model_server import ModelServer, model_server
from tests.download.files import FileServer, HastyClock, content, serving
from tests.fake_clock import eventually


class MountedConfig:
    """A folder as the kubelet mounts a ConfigMap: files are links through `..data`, which is replaced by a rename."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._versions = 0

    def write(self, *models: tuple[str, str], text: str | None = None) -> None:
        self._versions += 1
        version = self.folder / f"..version_{self._versions}"
        version.mkdir(parents=True)
        entries = [
            {"modelName": name, "modelSpec": {"storageUri": uri, "framework": "sklearn", "memory": "1Gi"}}
            for name, uri in models
        ]
        (version / "models.json").write_text(json.dumps(entries) if text is None else text)
        fresh = self.folder / "..data_tmp"
        fresh.symlink_to(version.name)
        fresh.replace(self.folder / "..data")
        if not (self.folder / "models.json").is_symlink():
            (self.folder / "models.json").symlink_to("..data/models.json")


class RecordingBoard(StatusBoard):
    """Keeps what was said of models: `name: state reason`."""

    def __init__(self, registry: CollectorRegistry, clock: HastyClock) -> None:
        super().__init__(registry, clock)
        self.told: list[str] = []

    def set(self, name: str, state: State, uri: str = "", reason: str = "") -> None:
        self.told.append(f"{name}: {state} {reason}".rstrip())
        super().set(name, state, uri, reason)


@dataclass
class World:
    """Everything around a puller."""

    files: FileServer
    server: ModelServer
    config: MountedConfig
    models: Path
    clock: HastyClock
    board: "RecordingBoard"
    registry: CollectorRegistry
    puller: Puller

    def uri(self, name: str) -> str:
        return f"{self.files.url}/{name}.bin"

    def state(self, name: str) -> State | None:
        found = self.board.get(name)
        return found.state if found else None

    def said(self, pattern: str) -> bool:
        return any(re.match(pattern, line) for line in self.board.told)

    async def until(self, reached: Callable[[], bool]) -> None:
        await eventually(reached)

    async def until_loaded(self, *names: str) -> None:
        await eventually(lambda: all(self.state(name) is State.LOADED for name in names))

    def held(self, name: str) -> dict[str, bytes]:
        return {path: data for path, data in content(self.models / name).items() if not path.startswith("SUCCESS.")}

    def metric(self, line: str) -> bool:
        return line in generate_latest(self.registry).decode()


@pytest.fixture
async def files() -> AsyncIterator[FileServer]:
    async with serving(FileServer(files={f"/{name}.bin": name.encode() * 1000 for name in "abc"})) as running:
        yield running


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with model_server(ModelServer()) as running:
        yield running


@pytest.fixture
def config(tmp_path: Path) -> MountedConfig:
    (tmp_path / "configs").mkdir()
    return MountedConfig(tmp_path / "configs")


Pulling = Callable[[], Any]


@pytest.fixture
def pulling(files: FileServer, server: ModelServer, config: MountedConfig, tmp_path: Path) -> Pulling:
    @asynccontextmanager
    async def pull() -> AsyncIterator[World]:
        clock, registry = HastyClock(), CollectorRegistry()
        board = RecordingBoard(registry, clock)
        rng = random.Random(3)
        options = DownloadOptions(tries=2, stall_seconds=30)
        async with (
            aiohttp.ClientSession() as session,
            Downloader(clock=clock, rng=rng, environ={}, options=options) as downloader,
        ):
            repository = ModelRepository(session, f"http://127.0.0.1:{server.port}", clock, load_seconds=30)
            models = tmp_path / "models"
            means = Means(ModelDisk(models), downloader, repository, board, clock, rng)
            puller = Puller(config.folder, means)
            running = asyncio.create_task(puller.run())
            try:
                yield World(files, server, config, models, clock, board, registry, puller)
            finally:
                running.cancel()
                await asyncio.wait([running])
                if not running.cancelled() and (error := running.exception()) is not None:
                    raise error

    return pull


async def test_models_of_the_start_are_pulled_and_loaded_before_it_is_ready(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"), ("b", f"{files.url}/b.bin"))
    async with pulling() as world:
        await world.puller.ready.wait()
        assert world.state("a") is world.state("b") is State.LOADED
        assert world.server.loaded == {"a", "b"}
        assert world.held("a") == {"a.bin": b"a" * 1000}
        assert world.metric('kservectl_agent_models{state="Loaded"} 2.0')
        assert world.metric("kservectl_agent_downloaded_bytes_total 2000.0")
        assert world.metric('kservectl_agent_model_bytes{model="a"} 1000.0')


async def test_models_that_are_added_and_removed_later_are_followed(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until_loaded("a")
        config.write(("a", world.uri("a")), ("b", world.uri("b")))
        await world.until_loaded("b")
        config.write(("b", world.uri("b")))
        await world.until(lambda: world.state("a") is None)
        assert not (world.models / "a").exists()
        assert world.server.calls == ["load a", "load b", "unload a"], "a was unloaded, and b not touched again"
        config.write()
        await world.until(lambda: world.state("b") is None)
        assert list(world.models.iterdir()) == []
        assert not world.metric("kservectl_agent_model_bytes{")


async def test_a_changed_model_is_pulled_and_loaded_anew_once(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until_loaded("a")
        config.write(("a", world.uri("b")))
        await world.until(lambda: len(world.server.calls) == 3 and world.state("a") is State.LOADED)
        config.write(("a", world.uri("b")), ("c", world.uri("c")))
        await world.until_loaded("c")
        assert world.server.calls == ["load a", "unload a", "load a", "load c"]
        assert world.held("a") == {"b.bin": b"b" * 1000}


async def test_the_model_that_was_there_serves_on_while_its_successor_cannot_be_pulled(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until_loaded("a")
        config.write(("a", world.uri("none")))
        await world.until(lambda: world.said("a: Failed URI: .*/none.bin returned a 404 response code"))
        assert world.server.calls == ["load a"]
        assert world.held("a") == {"a.bin": b"a" * 1000}


async def test_broken_and_slow_models_do_not_hold_up_others(
    pulling: Pulling, config: MountedConfig, files: FileServer, server: ModelServer
) -> None:
    server.hangs.add("load b")
    config.write(("gone", f"{files.url}/none"), ("odd", "ftp://x/y"), ("b", f"{files.url}/b.bin"))
    async with pulling() as world:
        await world.until(lambda: "load b" in server.calls and world.said("gone: Failed"))
        await world.until(lambda: world.said("odd: Failed unsupported protocol: protocol not supported for storageUri"))
        config.write(("gone", world.uri("none")), ("b", world.uri("b")), ("a", world.uri("a")))
        await world.until_loaded("a")
        assert world.state("b") is State.LOADING
        assert not world.puller.ready.is_set(), "b was not tried to its end yet"


async def test_a_failed_model_does_not_keep_the_agent_from_getting_ready_and_is_tried_again(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    config.write(("d", f"{files.url}/d.bin"))
    async with pulling() as world:
        await world.puller.ready.wait()
        assert world.said("d: Failed")
        files.files["/d.bin"] = b"d"
        await world.until_loaded("d")
        assert max(world.clock.slept) <= 300


async def test_a_load_that_is_refused_is_told_of_and_tried_again(
    pulling: Pulling, config: MountedConfig, files: FileServer, server: ModelServer
) -> None:
    server.refuses["load a"] = [500, 500]
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until_loaded("a")
        assert world.said("a: Failed the server answered 500 to load: no such thing")
        assert [request.path for request in files.seen] == ["/a.bin"], "it was not downloaded again"
        assert world.metric('kservectl_agent_model_operations_total{operation="load",outcome="failure"} 2.0')


async def test_a_server_that_starts_later_is_waited_for(
    pulling: Pulling, config: MountedConfig, files: FileServer, server: ModelServer, unused_port: int
) -> None:
    config.write(("a", f"{files.url}/a.bin"))
    late = ModelServer()
    server.port = unused_port
    async with pulling() as world:
        await world.until(lambda: world.said("a: Loading no server listens"))
        async with model_server(late, unused_port):
            await world.until_loaded("a")
        assert max(world.clock.slept) <= 5


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


async def test_a_restart_finds_what_is_on_the_disk_and_loaded(
    pulling: Pulling, config: MountedConfig, files: FileServer, server: ModelServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"), ("b", f"{files.url}/b.bin"), ("c", f"{files.url}/c.bin"))
    async with pulling() as world:
        await world.until_loaded("a", "b", "c")
    files.seen.clear()
    server.calls.clear()
    server.loaded.discard("b")  # as after a restart of the server
    config.write(("a", f"{files.url}/a.bin"), ("b", f"{files.url}/b.bin"))

    async with pulling() as world:
        await world.puller.ready.wait()
        assert files.seen == [], "nothing was downloaded again"
        assert sorted(call for call in server.calls if not call.startswith("unload b")) == ["load b", "unload c"]
        assert sorted(path.name for path in world.models.iterdir()) == ["a", "b"]


async def test_a_folder_without_marker_or_with_a_broken_one_is_pulled_again(
    pulling: Pulling, config: MountedConfig, files: FileServer, tmp_path: Path
) -> None:
    for name, marker in (("a", None), ("b", "SUCCESS.1")):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "half").write_bytes(b"half")
        if marker:
            (tmp_path / "models" / name / marker).write_text("{")
    config.write(("a", f"{files.url}/a.bin"), ("b", f"{files.url}/b.bin"))
    async with pulling() as world:
        await world.until_loaded("a", "b")
        assert world.held("a") == {"a.bin": b"a" * 1000}
        assert world.held("b") == {"b.bin": b"b" * 1000}


@pytest.mark.parametrize("text", ["{", "{}", '"x"'])
async def test_a_list_that_cannot_be_read_is_never_fatal_and_removes_nothing(
    pulling: Pulling, config: MountedConfig, files: FileServer, text: str
) -> None:
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until_loaded("a")
        config.write(text=text)
        config.write(("a", world.uri("a")), ("b", world.uri("b")))
        await world.until_loaded("b")
        assert world.server.calls == ["load a", "load b"]
    config.write(text=text)
    async with pulling() as world:
        await world.puller.ready.wait()
        assert (world.models / "a").exists()


async def test_no_list_at_the_start_is_waited_for(pulling: Pulling, config: MountedConfig, files: FileServer) -> None:
    async with pulling() as world:
        await world.puller.ready.wait()
        config.write(("a", world.uri("a")))
        await world.until_loaded("a")


async def test_entries_of_no_use_harm_no_other(pulling: Pulling, config: MountedConfig, files: FileServer) -> None:
    good = {"modelName": "a", "modelSpec": {"storageUri": f"{files.url}/a.bin"}}
    bad = [1, {}, {"modelName": "../x", "modelSpec": {}}, {"modelName": ".x"}, {"modelName": "y", "modelSpec": 3}]
    config.write(text=json.dumps([*bad, good]))
    async with pulling() as world:
        await world.until_loaded("a")
        assert [model["name"] for model in world.board.as_json()["models"]] == ["a"]


async def test_a_model_that_is_removed_while_it_is_pulled_is_gone_at_once(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    files.hang = True
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until(lambda: bool(files.seen))
        config.write()
        await world.until(lambda: world.state("a") is None)
        assert list(world.models.iterdir()) == []
        assert world.server.calls == []


async def test_an_unfinished_download_of_an_unwanted_model_is_deleted_at_the_start(
    pulling: Pulling, config: MountedConfig, tmp_path: Path
) -> None:
    (tmp_path / "models" / ".old.partial" / "files").mkdir(parents=True)
    config.write()
    async with pulling() as world:
        await world.puller.ready.wait()
        assert list(world.models.iterdir()) == []


async def test_the_marker_is_named_after_the_spec_and_holds_it(
    pulling: Pulling, config: MountedConfig, files: FileServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"))
    async with pulling() as world:
        await world.until_loaded("a")
        spec = ModelSpec(world.uri("a"), "sklearn", "1Gi")
        marker = world.models / "a" / f"SUCCESS.{spec.digest}"
        assert json.loads(marker.read_text())["storageUri"] == world.uri("a")


async def test_a_server_that_lost_its_models_gets_them_again_when_it_is_back(
    pulling: Pulling, config: MountedConfig, files: FileServer, server: ModelServer
) -> None:
    config.write(("a", f"{files.url}/a.bin"), ("b", f"{files.url}/b.bin"))
    async with pulling() as world:
        await world.until_loaded("a", "b")
        server.calls.clear()
        server.loaded.discard("a")
        world.puller.look_again()
        await world.until(lambda: server.loaded == {"a", "b"} and world.state("a") is State.LOADED)
        assert "load b" not in server.calls, "it was not lost"
        assert len(files.seen) == 2, "nothing was downloaded again"
