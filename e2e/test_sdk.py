"""KServe's Python SDK, unchanged from PyPI, works on the cluster.

It lives in an environment of its own, made once and kept in the cache folder, since it brings half of PyPI with it.
"""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.cluster.cache import cache_folder, locked
from e2e.target import Target
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import DEPLOYMENT, POD

pytestmark = [pytest.mark.sdk, pytest.mark.usefixtures("manager"), pytest.mark.timeout(900)]

_REQUIREMENTS = ("kserve==0.21.*", "kubernetes<36")
_INSTALL_SECONDS = 600
_SESSION = Path(__file__).with_name("sdk_session.py")


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The interpreter of an environment with the SDK; skips the test where it cannot be made."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]} {' '.join(_REQUIREMENTS)}"
    cache = cache_folder(os.environ).parent
    folder = cache / f"sdk-{hashlib.sha256(version.encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    with locked(cache / "sdk.lock", print):
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *_REQUIREMENTS]
            done = subprocess.run(pip, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
            if done.returncode != 0:
                pytest.skip(f"the SDK cannot be installed: {done.stderr.strip()[-500:]}")
            (folder / "complete").touch()
    return python


def session(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


async def test_sdk_creates_waits_patches_replaces_and_deletes(
    api: Api, namespace: str, cluster: Target, sdk_python: Path
) -> None:
    command = [str(sdk_python), str(_SESSION), str(cluster.kubeconfig), namespace]
    done = await asyncio.to_thread(session, command)

    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["created"] == {"generation": 1, "url": f"http://from-sdk-{namespace}.example.com"}
    assert told["listed"] == ["from-sdk"]
    assert told["patched"] == {"generation": 2, "ready": True}
    assert told["replaced"] == {"generation": 3, "model": "gs://sdk/third"}
    await api.until_gone(INFERENCE_SERVICE, "from-sdk", namespace)
    await api.until_all(DEPLOYMENT, namespace, lambda left: not left, "no Deployment is left")
    await api.until_all(POD, namespace, lambda left: not left, "no pod is left", seconds=40)
