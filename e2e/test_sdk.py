"""KServe's Python SDK, unchanged from PyPI, works on the cluster.

It lives in an environment of its own: see sdk_environment.py.
"""

import asyncio
import json
import subprocess
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.target import Target
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.objects.kind import DEPLOYMENT, POD

pytestmark = [pytest.mark.sdk, pytest.mark.usefixtures("manager"), pytest.mark.timeout(900)]

_SESSION = Path(__file__).with_name("sdk_session.py")


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
