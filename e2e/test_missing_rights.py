"""A manager that lacks a right says which one: where the service's owner looks if it concerns a service, else in its log.

It runs under an account of its own, so that what it is refused is not counted against the one of an installation.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from e2e.api import PATIENCE, Api, connect
from e2e.conftest import StartManager
from e2e.installation import MANAGER_ACCOUNT, SYSTEM_NAMESPACE, account_kubeconfig
from e2e.manager import ManagerProcess
from e2e.rights import Grant, grants, without
from e2e.services import custom, ready, service
from e2e.target import Target
from kservectl.admission.rotation import SECRET_NAME
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.manifests import rbac
from kservectl.objects import metadata
from kservectl.objects.kind import SECRET, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.real  # the devcluster lets everybody do everything

_ACCOUNT = "e2e-lacking"
_RBAC = "rbac.authorization.k8s.io"
_KINDS = {
    kind.kind: kind
    for kind in (
        SERVICE_ACCOUNT,
        Kind(_RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False),
        Kind(_RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
        Kind(_RBAC, "v1", "Role", "roles"),
        Kind(_RBAC, "v1", "RoleBinding", "rolebindings"),
    )
}
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
_LOOK_AGAIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource. `kind` is that of the role that grants it, for one `name` only where there is one."""

    verb: str
    resource: str
    group: str = ""
    kind: str = "ClusterRole"
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb}-{self.resource}"

    @property
    def refused(self) -> str:
        """What the API server says to whoever lacks it."""
        return f'cannot {self.verb} resource "{self.resource}"'

    def granted_by(self) -> Object:
        """The one role of the account that grants it."""
        wanted = Grant(self.group, self.resource, self.verb, name=self.name)
        (role,) = (
            obj
            for obj in _rights()
            if obj["kind"] == self.kind and any(replace(each, namespace="") == wanted for each in grants([obj]))
        )
        return role


def _rights() -> list[Object]:
    """What is installed for the manager, for the account."""
    return [_renamed(obj) for obj in rbac.objects()]


def _renamed(obj: Object) -> Object:
    found: Object = json.loads(json.dumps(obj).replace(MANAGER_ACCOUNT, _ACCOUNT))
    return found


@pytest.fixture(scope="module")
def lacking_kubeconfig(cluster: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manager's rights for another account."""
    asyncio.run(_copy_rights(cluster.kubeconfig))
    return account_kubeconfig(cluster.kubeconfig, tmp_path_factory.mktemp("lacking"), account=_ACCOUNT)


async def _copy_rights(admin: Path) -> None:
    async with connect(admin, "e2e-installer") as api:
        for obj in _rights():
            await api.client.apply(_KINDS[obj["kind"]], obj)
        await _until_allowed(api, Right("create", "deployments", "apps"), allowed=True)
        await _until_allowed(api, Right("get", "leases", "coordination.k8s.io"), allowed=True)


@pytest.fixture(scope="module")
def _lacking(lacking_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagerProcess]:
    process = ManagerProcess(lacking_kubeconfig, tmp_path_factory.mktemp("lacking") / "manager.log")
    yield process
    process.stop()


@pytest.fixture
def lacking(_lacking: ManagerProcess, managers: StartManager) -> ManagerProcess:
    """A manager under the account, ready and with all rights; no other runs beside it."""
    if not _lacking.alive:
        _lacking.start()
    _lacking.wait_ready()
    return _lacking


@asynccontextmanager
async def taken_away(api: Api, right: Right) -> AsyncIterator[None]:
    """The account does not have the right while the block runs."""
    role = right.granted_by()
    kind, key = _KINDS[role["kind"]], metadata.key(role)
    await api.merge(kind, key.name, key.namespace, {"rules": without(role, right.resource, right.verb)})
    try:
        await _until_allowed(api, right, allowed=False)
        yield
    finally:
        await api.merge(kind, key.name, key.namespace, {"rules": role["rules"]})


async def _until_allowed(api: Api, right: Right, *, allowed: bool) -> None:
    """The authorizer follows the roles a moment later, and nothing but asking tells when."""
    plural, _, subresource = right.resource.partition("/")
    asked = {
        "verb": right.verb,
        "group": right.group,
        "resource": plural,
        "subresource": subresource,
        "name": right.name,
    }
    user = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{_ACCOUNT}"
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": {"namespace": SYSTEM_NAMESPACE, **asked}},
    }
    async with asyncio.timeout(PATIENCE):
        while (await api.client.raw("POST", _REVIEWS, body=review))["status"]["allowed"] != allowed:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def says(manager: ManagerProcess, *words: str) -> Callable[[], bool]:
    """Whether one line of its log has all of the words."""
    return lambda: any(all(word in str(line) for word in words) for line in manager.lines())


async def told(api: Api, namespace: str, words: str) -> None:
    """Wait until a condition of the service has the words."""

    def holds(found: Object) -> bool:
        return any(words in each.get("message", "") for each in (found.get("status") or {}).get("conditions") or ())

    await api.until(INFERENCE_SERVICE, "iris", namespace, holds, f"a condition says {words!r}")


@pytest.mark.parametrize(
    ("right", "said"),
    [
        (Right("create", "deployments", "apps"), 'cannot create resource "deployments"'),
        (Right("patch", "httproutes", "gateway.networking.k8s.io"), 'cannot patch resource "httproutes"'),
        (Right("update", "inferenceservices/finalizers", "serving.kserve.io"), "cannot set blockOwnerDeletion"),
    ],
    ids=str,
)
async def test_child_that_may_not_be_written_is_told_by_its_service(
    api: Api, namespace: str, lacking: ManagerProcess, right: Right, said: str
) -> None:
    async with taken_away(api, right):
        await api.create(INFERENCE_SERVICE, service("iris", namespace))
        await told(api, namespace, said)


async def test_child_is_written_once_it_may_be(api: Api, namespace: str, lacking: ManagerProcess) -> None:
    right = Right("create", "services")
    async with taken_away(api, right):
        await api.create(INFERENCE_SERVICE, service("iris", namespace))
        await told(api, namespace, right.refused)
    await ready(api, namespace, "iris")


@pytest.mark.parametrize(
    "right",
    [Right("patch", "inferenceservices/status", "serving.kserve.io"), Right("create", "events", "events.k8s.io")],
    ids=str,
)
async def test_what_may_not_be_said_of_a_service_is_in_the_log(
    api: Api, namespace: str, lacking: ManagerProcess, right: Right
) -> None:
    async with taken_away(api, right):
        await api.create(INFERENCE_SERVICE, service("iris", namespace))
        named = says(lacking, right.refused, namespace)
        await asyncio.to_thread(lacking.wait_until, named, f"naming {right}", PATIENCE)
    await ready(api, namespace, "iris")


async def test_service_that_may_not_be_let_go_is_in_the_log(api: Api, namespace: str, lacking: ManagerProcess) -> None:
    await api.create(INFERENCE_SERVICE, service("iris", namespace))
    await ready(api, namespace, "iris")
    right = Right("patch", "inferenceservices", "serving.kserve.io")
    async with taken_away(api, right):
        await api.delete(INFERENCE_SERVICE, "iris", namespace)
        named = says(lacking, right.refused, namespace)
        await asyncio.to_thread(lacking.wait_until, named, f"naming {right}", PATIENCE)
    await api.until_gone(INFERENCE_SERVICE, "iris", namespace)


async def test_pod_whose_credentials_may_not_be_read_is_not_admitted(
    api: Api, namespace: str, lacking: ManagerProcess
) -> None:
    head = {"name": "storage-config", "namespace": namespace}
    entry = '{"type": "s3", "bucket": "models"}'
    await api.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": head, "stringData": {"minio": entry}})
    predictor = {"model": {"modelFormat": {"name": "sklearn"}, "storage": {"key": "minio", "path": "iris/v1"}}}
    async with taken_away(api, Right("get", "secrets")):
        await api.create(INFERENCE_SERVICE, custom("iris", namespace, predictor))
        await told(api, namespace, 'cannot get resource "secrets"')


@pytest.mark.parametrize(
    "right",
    [
        Right("watch", "pods"),
        Right("watch", "inferenceservices", "serving.kserve.io"),
        Right("watch", "secrets", kind="Role", name=SECRET_NAME),
    ],
    ids=str,
)
async def test_manager_that_cannot_see_is_not_ready_and_its_log_says_why(
    api: Api, lacking: ManagerProcess, right: Right
) -> None:
    await asyncio.to_thread(lacking.terminate)
    async with taken_away(api, right):
        await asyncio.to_thread(lacking.start)
        await asyncio.to_thread(lacking.wait_until, says(lacking, right.refused), f"naming {right}", PATIENCE)
        assert not await asyncio.to_thread(lacking.is_ready)
    await asyncio.to_thread(lacking.wait_ready)


async def test_manager_that_may_not_lead_does_not_and_its_log_says_why(
    api: Api, managers: StartManager, lacking_kubeconfig: Path, tmp_path: Path
) -> None:
    standby = ManagerProcess(lacking_kubeconfig, tmp_path / "standby.log", leader_elect=True)
    right = Right("get", "leases", "coordination.k8s.io", "Role")
    async with taken_away(api, right):
        await asyncio.to_thread(standby.start)
        try:
            await asyncio.to_thread(standby.wait_until, says(standby, right.refused), f"naming {right}", PATIENCE)
        finally:
            await asyncio.to_thread(standby.stop)
