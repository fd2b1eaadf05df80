"""The base and each component on a real API server: every object is accepted, and the manager runs with no request refused."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from e2e.api import Api
from e2e.conftest import StartManager
from e2e.installation import MANAGER_USER
from e2e.kubectl import Kubectl
from e2e.rights import refusals
from e2e.target import Target
from e2e.variants import (
    MANIFESTS,
    assert_works,
    certificate_of_others,
    define_third_party_kinds,
    manager_options,
    overlay,
    restore,
    start,
    take_away,
)
from kservectl.manifests.components.catalogue import components
from kservectl.manifests.layout import documents, files, write

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

_VARIANTS = [(), *((name,) for name in components()), ("high-availability", "sharding"), tuple(components())]


@pytest.fixture
def admin(cluster: Target, unmanaged: None, tmp_path: Path) -> Iterator[Kubectl]:
    """kubectl on a cluster on which nothing of the manager is installed; the suite's installation is there again afterwards.

    No manager works while its roles are taken away: it would be refused what it is used to.
    """
    define_third_party_kinds(cluster)
    found = Kubectl.found(cluster.kubeconfig, "", tmp_path)
    take_away(found)
    yield found
    restore(cluster, found)


@pytest.mark.parametrize("names", _VARIANTS, ids=lambda names: "+".join(names) or "base")
async def test_server_accepts_it_and_the_manager_runs_under_its_rbac(
    names: Sequence[str],
    admin: Kubectl,
    cluster: Target,
    api: Api,
    namespace: str,
    managers: StartManager,
    tmp_path: Path,
) -> None:
    chosen = (namespace,) if "namespaced" in names else ("default",)
    wanted = documents(names, chosen)
    write(tmp_path / "manifests", files(chosen))
    folder = tmp_path / "overlay"
    folder.mkdir()
    await asyncio.to_thread(
        admin, "apply", "--server-side", "--force-conflicts", "-k", str(overlay(folder, names, tmp_path / "manifests"))
    )
    assert cluster.running is not None
    before = len(cluster.running.audited())
    certificates = tmp_path / "certificates"
    authority = certificate_of_others(certificates)
    manager = managers(leader_elect=True, options=manager_options(wanted, certificates))

    await start(manager, names, lambda: admin, authority)
    await assert_works(api, "iris", namespace)

    assert refusals(cluster.running.audited()[before:], MANAGER_USER) == []


def test_repository_has_what_is_tried_here() -> None:
    assert {path.name for path in (MANIFESTS / "components").iterdir()} == set(components())
