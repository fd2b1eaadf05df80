"""Real kubectl, unchanged, works on the devcluster."""

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from kservectl.devcluster.cluster import DevCluster
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, NAMESPACE
from tests.devcluster.samples import config_map, definition, deployment, widget

KUBECTL = shutil.which("kubectl")
pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")

Kubectl = Callable[..., Coroutine[Any, Any, str]]


@pytest.fixture
def kubectl(cluster: DevCluster, tmp_path: Path) -> Kubectl:
    """Run kubectl; answers its output, raises AssertionError with it when the exit code is not the expected one."""
    config = tmp_path / "kubeconfig"
    config.write_text(json.dumps(cluster.kubeconfig()))

    async def run(*arguments: str, stdin: Any = None, code: int = 0) -> str:
        process = await asyncio.create_subprocess_exec(
            str(KUBECTL),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "KUBECONFIG": str(config), "HOME": str(tmp_path)},
        )
        try:
            async with asyncio.timeout(20):
                out, _ = await process.communicate(json.dumps(stdin).encode() if stdin is not None else None)
        except TimeoutError:
            process.kill()
            raise
        assert process.returncode == code, out.decode()
        return out.decode().strip()

    return run


async def test_apply_three_ways_and_diff(kubectl: Kubectl) -> None:
    assert await kubectl("apply", "-f", "-", stdin=deployment()) == "deployment.apps/d created"
    assert await kubectl("apply", "-f", "-", stdin=deployment(replicas=2)) == "deployment.apps/d configured"
    assert await kubectl("apply", "-f", "-", stdin=deployment(replicas=2)) == "deployment.apps/d unchanged"
    assert "+  replicas: 3" in await kubectl("diff", "-f", "-", stdin=deployment(replicas=3), code=1)
    said = await kubectl("apply", "--server-side", "-f", "-", stdin=deployment(replicas=5), code=1)
    assert 'conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas' in said
    forced = await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=deployment(replicas=5))
    assert forced == "deployment.apps/d serverside-applied"


async def test_custom_resources_from_definition_to_deletion(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", stdin=definition())
    await kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=5s")
    await kubectl("apply", "-f", "-", stdin=widget(size=3))
    await kubectl("apply", "-f", "-", stdin=widget(size=4))
    table = (await kubectl("get", "wd")).splitlines()
    assert [line.split()[:2] for line in table] == [["NAME", "SIZE"], ["w", "4"]]
    said = await kubectl("apply", "-f", "-", stdin=widget(size=-1), code=1)
    assert said == (
        'The Widget "w" is invalid: spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 0'
    )
    assert 'unknown field "spec.siz"' in await kubectl("create", "-f", "-", stdin=widget("v", siz=3), code=1)
    assert "size\t<integer>" in await kubectl("explain", "widget.spec")
    await kubectl("patch", "wd", "w", "--subresource=status", "--type=merge", "-p", '{"status":{"phase":"Good"}}')
    await kubectl("wait", "--for=jsonpath={.status.phase}=Good", "wd/w", "--timeout=5s")
    await kubectl("scale", "wd/w", "--replicas=2")
    assert "Phase:  Good" in await kubectl("describe", "wd", "w")
    assert await kubectl("delete", "wd", "w") == 'widget.example.com "w" deleted'
    assert "deleted" in await kubectl("delete", "crd", "widgets.example.com")


async def test_patches_of_all_types(kubectl: Kubectl, cluster: DevCluster) -> None:
    await kubectl("apply", "-f", "-", stdin=deployment())
    for type_, patch in (
        ("json", '[{"op":"replace","path":"/spec/replicas","value":2}]'),
        ("merge", '{"metadata":{"labels":{"a":"b"}}}'),
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox"}]}}}}'),
    ):
        assert "patched" in await kubectl("patch", "deploy", "d", f"--type={type_}", "-p", patch)
    stored = cluster.get(DEPLOYMENT, "d", "default") or {}
    assert stored["spec"]["replicas"] == 2
    assert stored["metadata"]["labels"] == {"a": "b"}
    assert {one["name"] for one in stored["spec"]["template"]["spec"]["containers"]} == {"main", "side"}


async def test_typed_commands_that_speak_protobuf(kubectl: Kubectl, cluster: DevCluster) -> None:
    assert await kubectl("create", "namespace", "n") == "namespace/n created"
    assert await kubectl("create", "configmap", "c", "-n", "n", "--from-literal=a=b") == "configmap/c created"
    assert (
        await kubectl("create", "deployment", "d", "-n", "n", "--image=nginx", "--port=80")
        == "deployment.apps/d created"
    )
    assert (cluster.get(CONFIG_MAP, "c", "n") or {})["data"] == {"a": "b"}
    template = (cluster.get(DEPLOYMENT, "d", "n") or {})["spec"]["template"]
    assert template["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert await kubectl("auth", "can-i", "create", "pods") == "yes"
    assert "kubernetes-admin" in await kubectl("auth", "whoami")
    assert await kubectl("delete", "namespace", "n") == 'namespace "n" deleted'
    assert cluster.get(NAMESPACE, "n") is None


async def test_watch_shows_changes_as_table_rows(kubectl: Kubectl, cluster: DevCluster) -> None:
    await kubectl("create", "-f", "-", stdin=config_map(data={"a": "b"}))
    watching = asyncio.create_task(kubectl("get", "cm", "x", "-w", "--request-timeout=2s", "--output-watch-events"))
    for _ in range(250):
        if cluster.watches:
            break
        await asyncio.sleep(0.02)
    await cluster.patch(CONFIG_MAP, "x", "default", {"data": {"c": "d"}})
    rows = [line.split()[:3] for line in (await watching).splitlines()]
    assert rows[:3] == [["EVENT", "NAME", "DATA"], ["ADDED", "x", "1"], ["MODIFIED", "x", "2"]]


async def test_cascades_and_absent_objects(kubectl: Kubectl, cluster: DevCluster) -> None:
    await kubectl("apply", "-f", "-", stdin=deployment())
    for policy in ("foreground", "orphan"):
        assert "deleted" in await kubectl("delete", "deploy", "d", f"--cascade={policy}")
        await kubectl("apply", "-f", "-", stdin=deployment())
    said = await kubectl("get", "deploy", "nope", code=1)
    assert said == 'Error from server (NotFound): deployments.apps "nope" not found'
    listed = await kubectl("api-resources", "--api-group=apps", "-o", "name")
    assert "deployments.apps" in listed.splitlines()
    assert "Server Version: v1.34" in await kubectl("version")
