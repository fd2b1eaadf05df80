"""The agent before a real multi-model server (KServe's SDK with scikit-learn): models come, change and go as models.json says."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from e2e.process import free_port

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]

_SERVER = Path(__file__).with_name("sdk_repository_server.py")
_TRAINING = """
import joblib, sys
from sklearn.linear_model import LinearRegression
for path, factor in (argument.split("=") for argument in sys.argv[1:]):
    joblib.dump(LinearRegression().fit([[1], [2], [3]], [int(factor) * number for number in (1, 2, 3)]), path)
"""


@pytest.fixture(scope="module")
def storage(sdk_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two trained models: one doubles a number, one makes it tenfold."""
    folder = tmp_path_factory.mktemp("storage")
    for name, factor in (("double", 2), ("tenfold", 10)):
        (folder / name).mkdir()
        command = [str(sdk_python), "-c", _TRAINING, f"{folder / name / 'model.joblib'}={factor}"]
        subprocess.run(command, check=True, timeout=120)
    return folder


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def process(*command: str) -> AsyncIterator[None]:
    running = await asyncio.create_subprocess_exec(*command)
    try:
        yield
    finally:
        running.terminate()
        await running.wait()


async def until(session: aiohttp.ClientSession, url: str, status: int, body: Any = None, wanted: Any = None) -> None:
    """Ask until the answer is the wanted one."""
    last: Any = None
    async with asyncio.timeout(90):
        while True:
            try:
                async with session.request("POST" if body else "GET", url, json=body) as answer:
                    last = answer.status, await answer.text()
                    if last[0] == status and (wanted is None or json.loads(last[1]) == wanted):
                        return
            except aiohttp.ClientError as error:
                last = error
            await asyncio.sleep(0.1)


async def test_models_are_pulled_loaded_changed_and_removed(sdk_python: Path, storage: Path, tmp_path: Path) -> None:
    models, configs = tmp_path / "models", tmp_path / "configs"
    models.mkdir()
    configs.mkdir()
    component, port = free_port(), free_port()
    base = f"http://127.0.0.1:{port}/v1/models"
    three = {"instances": [[3]]}

    async with serving(storage) as url, aiohttp.ClientSession() as session:

        def want(**uris: str) -> None:
            entries = [
                {"modelName": name, "modelSpec": {"storageUri": f"{url}/{uri}/model.joblib", "framework": "sklearn"}}
                for name, uri in uris.items()
            ]
            (configs / "fresh").write_text(json.dumps(entries))
            (configs / "fresh").replace(configs / "models.json")

        want(number="double")
        agent = [sys.executable, "-m", "kservectl", "agent", "--enable-puller", "--config-dir", str(configs)]
        agent += ["--model-dir", str(models), "--port", str(port), "--admin-bind", "", "--drain-seconds", "0"]
        async with (
            process(*agent, "--component-port", str(component), "--log-format", "console"),
            process(str(sdk_python), str(_SERVER), str(models), str(component)),
        ):
            await until(session, f"{base}/number:predict", 200, three, {"predictions": pytest.approx([6.0])})

            want(number="double", other="tenfold")
            await until(session, f"{base}/other:predict", 200, three, {"predictions": pytest.approx([30.0])})

            want(number="tenfold", other="tenfold")
            await until(session, f"{base}/number:predict", 200, three, {"predictions": pytest.approx([30.0])})

            want(other="tenfold")
            await until(session, f"{base}/number:predict", 404, three)
            await until(session, f"{base}/other", 200)
            assert sorted(path.name for path in models.iterdir()) == ["other"]
