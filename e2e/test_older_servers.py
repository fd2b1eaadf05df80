"""A manager on an API server that cannot stream a list into a watch, as none could before Kubernetes 1.34."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from e2e.api import connect
from e2e.bursts import all_ready, create_all
from e2e.cluster import RunningCluster, start_cluster
from e2e.conftest import KeepAudit
from e2e.installation import MANAGER_USER, account_kubeconfig, install
from e2e.manager import ManagerProcess
from e2e.process import NotReady
from e2e.rights import grants, refusals, roles_of, uses
from e2e.services import service
from kservectl.api.kinds import LLM_INFERENCE_SERVICE
from kservectl.manifests import rbac
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, Kind
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.real

_NAMESPACE = "older"


@pytest.fixture
def older(tmp_path: Path, keep_audit: KeepAudit) -> Iterator[RunningCluster]:
    """A cluster with kservectl installed on it but for the manager."""
    with start_cluster(tmp_path / "cluster", feature_gates={"WatchList": False}) as running:
        install(running.kubeconfig)
        yield running
        keep_audit("older", running)


def test_every_kind_is_listed_and_then_watched(older: RunningCluster, tmp_path: Path) -> None:
    manager = ManagerProcess(
        account_kubeconfig(older.kubeconfig, tmp_path), tmp_path / "manager.log", leader_elect=True
    )
    manager.start_ready()
    try:
        asyncio.run(_serve_one(older.kubeconfig))
        with suppress(NotReady):
            manager.wait_until(lambda: not _unlisted(older), "listing everything that it may list", 20)
    finally:
        manager.stop()
    assert _unlisted(older) == []
    assert refusals(older.audited(), MANAGER_USER) == []


def _unlisted(running: RunningCluster) -> list[str]:
    """What the manager may list and has not listed."""
    granted = grants(roles_of(rbac.objects()))
    used = uses(running.audited(), MANAGER_USER)
    return [str(grant) for grant in granted if grant.verb == "list" and not any(grant.covers(use) for use in used)]


def _defined(kind: Kind) -> Object:
    """A definition that takes anything."""
    names = {"plural": kind.plural, "singular": kind.kind.lower(), "kind": kind.kind, "listKind": f"{kind.kind}List"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": kind.version, "served": True, "storage": True, "schema": schema}
    return {
        "apiVersion": CUSTOM_RESOURCE_DEFINITION.api_version,
        "kind": CUSTOM_RESOURCE_DEFINITION.kind,
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {"group": kind.group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


async def _serve_one(kubeconfig: Path) -> None:
    async with connect(kubeconfig) as api:
        # Definitions are looked at while a kind is missing; this one is KServe's, and comes when it is missed.
        await api.create(CUSTOM_RESOURCE_DEFINITION, _defined(LLM_INFERENCE_SERVICE))
        await api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
        await create_all(api, [service("iris", _NAMESPACE)])
        await all_ready(api, _NAMESPACE, 1, seconds=25)
