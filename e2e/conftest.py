"""One suite, any cluster: `--cluster devcluster` (the default), `--cluster real`, or `--cluster KUBECONFIG`.

The cluster and the installation on it are a session's; a test has a namespace of its own, and the manager that the
session shares, running and ready, unless it asks for `managers` and starts its own.
"""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from e2e.api import Api, connect
from e2e.cluster import RunningCluster, third_party_crds
from e2e.cluster.binaries import find_all
from e2e.installation import SYSTEM_NAMESPACE, account_kubeconfig, install
from e2e.kubectl import Kubectl
from e2e.manager import ManagerProcess
from e2e.sdk_environment import SdkUnavailable, sdk_interpreter
from e2e.target import DEVCLUSTER, REAL, Target, open_target
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.client.errors import NotFound
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, NAMESPACE

_HERE = Path(__file__).parent
_GONE_SECONDS = 90
_ONLY_WHEN_ASKED_FOR = ("knative", "image", "helm", "chaos", "whole_suite")
_TEST_SECONDS = 150  # starting a cluster is part of the first one

StartManager = Callable[..., ManagerProcess]
Configure = Callable[..., Awaitable[None]]
KeepAudit = Callable[[str, RunningCluster], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cluster",
        default=DEVCLUSTER,
        metavar="devcluster|real|KUBECONFIG",
        help="what the suite of e2e/ runs on (default: devcluster)",
    )
    parser.addoption(
        "--audit-logs",
        type=Path,
        metavar="FOLDER",
        help="where a run on real clusters leaves what the manager asked of them, for -m whole_suite to judge",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "real: needs the real control plane (--cluster real)")
    config.addinivalue_line("markers", "devcluster: about the devcluster only")
    config.addinivalue_line(
        "markers", "sdk: runs KServe's Python SDK in an environment of its own; not part of make test"
    )
    config.addinivalue_line(
        "markers", "knative: builds Knative Serving's controller (some minutes, once); only with -m knative"
    )
    config.addinivalue_line("markers", "image: runs the image that `image/build` left in .image; only with -m image")
    config.addinivalue_line("markers", "chaos: random requests and random trouble; only with -m chaos (make crashes)")
    config.addinivalue_line("markers", "helm: builds helm (some minutes, once); only with -m helm")
    config.addinivalue_line(
        "markers", "whole_suite: judges what all the other tests did, by --audit-logs; only with -m whole_suite"
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Build what the real cluster needs before any test's time runs."""
    if session.config.getoption("--cluster") == REAL and not hasattr(session.config, "workerinput"):
        find_all(os.environ, print)
        third_party_crds(print)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The tests of the real cluster itself run with it, or when they are asked for by name."""
    of_cluster = collection_path.is_relative_to(_HERE / "cluster")
    named = any("e2e/cluster" in argument for argument in config.invocation_params.args)
    return True if of_cluster and config.getoption("--cluster") != REAL and not named else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TEST_SECONDS))
    chosen = config.getoption("--cluster")
    unwanted = "devcluster" if chosen != DEVCLUSTER else "real"
    left_out = [mark for mark in _ONLY_WHEN_ASKED_FOR if mark not in (config.getoption("-m") or "")]
    wants_sdk = "sdk" in (config.getoption("-m") or "") or chosen == REAL
    dropped = [
        item
        for item in items
        if item.path.is_relative_to(_HERE)
        and not item.path.is_relative_to(_HERE / "cluster")
        and (
            item.get_closest_marker(unwanted)
            or (item.get_closest_marker("sdk") and not wants_sdk)
            or any(item.get_closest_marker(mark) for mark in left_out)
        )
    ]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The interpreter of an environment with KServe's SDK; skips the test where it cannot be made."""
    try:
        return sdk_interpreter()
    except SdkUnavailable as why:
        pytest.skip(str(why))


@pytest.fixture(scope="session")
def keep_audit(request: pytest.FixtureRequest, worker_id: str) -> KeepAudit:
    """Keeps what was asked of a cluster, by the name of that cluster, if the run is to keep it (`--audit-logs`)."""
    folder: Path | None = request.config.getoption("--audit-logs")

    def keep(name: str, running: RunningCluster) -> None:
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}-{worker_id}.json").write_text(json.dumps(running.audited()))

    return keep


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keep_audit: KeepAudit
) -> Iterator[Target]:
    """The cluster, with kservectl installed on it but for the manager. Each worker of pytest-xdist has its own."""
    with open_target(request.config.getoption("--cluster"), tmp_path_factory.mktemp("e2e")) as target:
        install(target.kubeconfig)
        yield target
        if target.running:
            keep_audit("cluster", target.running)


@pytest.fixture(scope="session")
def manager_kubeconfig(cluster: Target) -> Path:
    """What the manager connects with: its own ServiceAccount, under the RBAC of the manifests, where there is RBAC."""
    return cluster.kubeconfig if cluster.is_devcluster else account_kubeconfig(cluster.kubeconfig, cluster.folder)


@pytest.fixture(scope="session")
def _shared_manager(cluster: Target, manager_kubeconfig: Path) -> Iterator[ManagerProcess]:
    shared = ManagerProcess(manager_kubeconfig, cluster.folder / "manager.log")
    yield shared
    if shared.alive:
        shared.terminate()


@pytest.fixture
def manager(_shared_manager: ManagerProcess) -> ManagerProcess:
    """The one manager, ready. A test may stop and kill it: the next one gets it started again."""
    if not _shared_manager.alive:
        _shared_manager.start()
    _shared_manager.wait_ready()
    return _shared_manager


@pytest.fixture
def unmanaged(_shared_manager: ManagerProcess) -> None:
    """The shared manager is stopped: nothing works on the cluster that the test does not start."""
    if _shared_manager.alive:
        _shared_manager.terminate()


@pytest.fixture
def managers(unmanaged: None, manager_kubeconfig: Path, tmp_path: Path) -> Iterator[StartManager]:
    """Makes managers of a test's own (arguments as for ManagerProcess); the shared one is stopped meanwhile."""
    made: list[ManagerProcess] = []

    def make(**options: object) -> ManagerProcess:
        made.append(ManagerProcess(manager_kubeconfig, tmp_path / f"manager-{len(made)}.log", **options))  # type: ignore[arg-type]  # passed through
        return made[-1]

    yield make
    for each in made:
        # A clean stop releases the Lease, so that the next test need not wait for its end.
        each.stop()


@pytest.fixture
async def api(cluster: Target) -> AsyncIterator[Api]:
    """The cluster, as its administrator."""
    async with connect(cluster.kubeconfig) as connected:
        yield connected


@pytest.fixture
async def namespace(api: Api) -> AsyncIterator[str]:
    """A namespace of the test's own, deleted with all that is in it."""
    name = f"e2e-{uuid4().hex[:8]}"
    await api.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    try:
        await api.delete(NAMESPACE, name)
    except NotFound:
        return  # the test has deleted it


@pytest.fixture
async def configure(api: Api) -> AsyncIterator[Configure]:
    """Changes fields in one key of the ConfigMap, as an administrator would; all is as before when the test ends."""
    before = await api.get(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE)

    async def change(key: str, **fields: Any) -> None:
        data = json.loads(before["data"].get(key) or "{}") | fields
        await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE, {"data": {key: json.dumps(data)}})

    yield change
    await api.merge(CONFIG_MAP, CONFIG_MAP_NAME, SYSTEM_NAMESPACE, {"data": before["data"]})


@pytest.fixture
async def calm(api: Api, manager: ManagerProcess) -> None:
    """Nothing of earlier tests is still going away; the manager, which sees to it, is there.

    An API server that starts anew serves custom resources a moment later than namespaces: one that goes away just then
    leaves its services behind for ever. And a manager that cleans up after others is not at rest.
    """
    await api.until_all(
        NAMESPACE,
        "",
        lambda found: not any(metadata.is_deleting(each) for each in found),
        "the namespaces of earlier tests are gone",
        seconds=_GONE_SECONDS,
    )


@pytest.fixture
def kubectl(cluster: Target, namespace: str, tmp_path: Path) -> Kubectl:
    """The machine's kubectl on the cluster, in the test's namespace."""
    return Kubectl.found(cluster.kubeconfig, namespace, tmp_path)
