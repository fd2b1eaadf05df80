"""The charts on a real API server: helm installs, upgrades and takes away as the documentation says, and the manager runs under
the RBAC of each variant.

Nothing of kservectl was ever on this cluster. Its pods are simulated, so the manager is a process of the test.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from e2e.api import Api, connect
from e2e.helm.program import Helm
from e2e.installation import MANAGER_USER, SYSTEM_NAMESPACE, account_kubeconfig
from e2e.kubectl import Kubectl
from e2e.manager import ManagerProcess
from e2e.rights import refusals
from e2e.target import REAL, Target, open_target
from e2e.test_charts import CHARTS, OPTIONS
from e2e.variants import assert_works, certificate_of_others, define_third_party_kinds, manager_options, start
from kservectl.admission.certificates import make_ca
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.clock import SystemClock
from kservectl.manifests.chart.chart import CONTROLLER, DEFINITIONS, RUNTIMES
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, MUTATING_WEBHOOK_CONFIGURATION, NAMESPACE, Kind

pytestmark = [pytest.mark.helm, pytest.mark.real, pytest.mark.timeout(1800)]

_BUDGET = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
_TEAM = "team-a"
_VALUES = {**OPTIONS, "namespaced": f"namespaces={{{_TEAM}}}"}
_VARIANTS = [(), *((name,) for name in _VALUES), tuple(_VALUES)]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A real control plane with the kinds of third parties, and with the charts of the definitions alone."""
    with open_target(REAL, tmp_path_factory.mktemp("bare")) as target:
        define_third_party_kinds(target)
        yield target


@pytest.fixture(scope="module")
def helm(bare: Target, tmp_path_factory: pytest.TempPathFactory) -> Helm:
    found = Helm.found(tmp_path_factory.mktemp("helm"), bare.kubeconfig)
    install(found, DEFINITIONS, "--create-namespace")
    return found


@pytest.fixture
async def admin(bare: Target) -> AsyncIterator[Api]:
    async with connect(bare.kubeconfig) as connected:
        yield connected


@pytest.fixture
async def team(admin: Api) -> str:
    """The namespace of the services; it stays for the next variant."""
    if await admin.find(NAMESPACE, _TEAM) is None:
        await admin.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _TEAM}})
    return _TEAM


def install(helm: Helm, chart: str, *options: str, verb: str = "install") -> str:
    """The release has the name of its chart."""
    return helm(verb, chart, str(CHARTS / chart), f"--namespace={SYSTEM_NAMESPACE}", *options)


def values(names: Sequence[str]) -> list[str]:
    return [part for each in ("gateway.enabled=true", *(_VALUES[name] for name in names)) for part in ("--set", each)]


@pytest.mark.parametrize("names", _VARIANTS, ids=lambda names: "+".join(names) or "base")
async def test_helm_installs_it_and_the_manager_runs_under_its_rbac(
    names: Sequence[str], helm: Helm, bare: Target, admin: Api, team: str, tmp_path: Path
) -> None:
    assert bare.running is not None
    iris = f"iris-{_VARIANTS.index(tuple(names))}"
    await asyncio.to_thread(install, helm, CONTROLLER, "--wait", "--timeout=90s", *values(names))
    rendered = await asyncio.to_thread(helm.objects, CHARTS / CONTROLLER, SYSTEM_NAMESPACE, *values(names))
    certificates = tmp_path / "certificates"
    authority = certificate_of_others(certificates)
    kubeconfig = await asyncio.to_thread(account_kubeconfig, bare.kubeconfig, tmp_path)
    before = len(bare.running.audited())
    manager = ManagerProcess(
        kubeconfig, tmp_path / "manager.log", leader_elect=True, options=manager_options(rendered, certificates)
    )
    try:
        await start(manager, names, lambda: Kubectl.found(bare.kubeconfig, "", tmp_path), authority)
        await asyncio.to_thread(install, helm, RUNTIMES)
        await assert_works(admin, iris, team)
        assert refusals(bare.running.audited()[before:], MANAGER_USER) == []
        await admin.delete(INFERENCE_SERVICE, iris, team)
        await admin.until_gone(INFERENCE_SERVICE, iris, team)
    finally:
        await asyncio.to_thread(manager.stop)
        for release in (RUNTIMES, CONTROLLER):
            await asyncio.to_thread(helm.run, "uninstall", release, f"--namespace={SYSTEM_NAMESPACE}", "--wait")
    assert await admin.find(DEPLOYMENT, "kserve-controller-manager", SYSTEM_NAMESPACE) is None
    await admin.list(INFERENCE_SERVICE, team)  # the definitions are still there


async def test_an_upgrade_leaves_alone_what_the_manager_writes(helm: Helm, admin: Api) -> None:
    """The certificate authority of the webhooks is in no chart: an upgrade that took it away would have every service refused."""
    await asyncio.to_thread(install, helm, CONTROLLER, "--wait", "--timeout=90s")
    try:
        (before,) = await admin.list(MUTATING_WEBHOOK_CONFIGURATION)
        bundle = base64.b64encode(make_ca(SystemClock().now()).certificate).decode()
        webhooks = [{"name": each["name"], "clientConfig": {"caBundle": bundle}} for each in before["webhooks"]]
        head = {"apiVersion": before["apiVersion"], "kind": before["kind"]}
        wanted = {**head, "metadata": {"name": metadata.name(before)}, "webhooks": webhooks}
        await admin.client.apply(MUTATING_WEBHOOK_CONFIGURATION, wanted)
        chosen = values(["high-availability"])
        await asyncio.to_thread(install, helm, CONTROLLER, "--wait", "--timeout=90s", *chosen, verb="upgrade")
        deployment = await admin.get(DEPLOYMENT, "kserve-controller-manager", SYSTEM_NAMESPACE)
        assert deployment["spec"]["replicas"] == 2
        assert await admin.list(_BUDGET, SYSTEM_NAMESPACE)
        (after,) = await admin.list(MUTATING_WEBHOOK_CONFIGURATION)
        assert [each["clientConfig"]["caBundle"] for each in after["webhooks"]] == [bundle] * len(webhooks)
    finally:
        await asyncio.to_thread(helm.run, "uninstall", CONTROLLER, f"--namespace={SYSTEM_NAMESPACE}", "--wait")
