"""The webhooks' certificate mends itself, whatever is done to it, while pods keep coming."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from e2e.api import Api
from e2e.installation import SYSTEM_NAMESPACE
from kservectl.admission.rotation import SECRET_NAME
from kservectl.client.errors import ClientError
from kservectl.manifests.names import WEBHOOK_CONFIGURATION
from kservectl.objects import metadata
from kservectl.objects.kind import (
    MUTATING_WEBHOOK_CONFIGURATION,
    POD,
    SECRET,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

_CONFIGURATIONS = (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION)
_PODS_BETWEEN = 20


@dataclass
class Flow:
    """Pods that went through the webhook, one after the other, and what was refused."""

    admitted: int = 0
    refused: list[str] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def goes_on(self, number: int = _PODS_BETWEEN) -> None:
        """Wait until so many more were admitted."""
        wanted = self.admitted + number
        async with asyncio.timeout(20):
            while self.admitted < wanted:
                self.moved.clear()
                await self.moved.wait()


@asynccontextmanager
async def steady_pods(api: Api, namespace: str) -> AsyncIterator[Flow]:
    """Create pods of a service on and on (as dry runs: only the admission counts) while the block lasts."""
    flow = Flow()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "flow-",
            "namespace": namespace,
            "labels": {"serving.kserve.io/inferenceservice": "flow"},
            "annotations": {"internal.serving.kserve.io/storage-initializer-sourceuri": "gs://bucket/model"},
        },
        "spec": {"containers": [{"name": "kserve-container", "image": "model:1"}]},
    }

    async def create() -> None:
        while True:
            try:
                created = await api.client.create(POD, pod, dry_run=True)
                assert created["spec"]["initContainers"], "the webhook was passed over"
                flow.admitted += 1
            except ClientError as error:
                flow.refused.append(str(error))
            flow.moved.set()

    creating = asyncio.create_task(create())
    try:
        await flow.goes_on()
        yield flow
    finally:
        creating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await creating


def bundles(configuration: Object) -> Sequence[str]:
    return [webhook["clientConfig"].get("caBundle", "") for webhook in configuration["webhooks"]]


async def test_deleted_certificate_is_made_anew_and_no_pod_is_refused(api: Api, namespace: str) -> None:
    before = await api.get(SECRET, SECRET_NAME, SYSTEM_NAMESPACE)
    async with steady_pods(api, namespace) as flow:
        await api.delete(SECRET, SECRET_NAME, SYSTEM_NAMESPACE)

        await api.until(
            SECRET,
            SECRET_NAME,
            SYSTEM_NAMESPACE,
            lambda each: metadata.uid(each) != metadata.uid(before) and bool(each.get("data")),
            "there is a new one",
        )
        await flow.goes_on()

    assert flow.refused == []


@pytest.mark.parametrize("kind", _CONFIGURATIONS, ids=lambda kind: kind.kind)
async def test_wiped_ca_bundle_is_put_back(api: Api, namespace: str, kind: Kind) -> None:
    before = bundles(await api.get(kind, WEBHOOK_CONFIGURATION))
    assert all(before)
    patch = [{"op": "remove", "path": f"/webhooks/{place}/clientConfig/caBundle"} for place in range(len(before))]
    async with steady_pods(api, namespace) as flow:
        await api.client.patch(kind, WEBHOOK_CONFIGURATION, "", patch, content_type="application/json-patch+json")

        await api.until(kind, WEBHOOK_CONFIGURATION, "", lambda each: bundles(each) == before, "its bundles are back")
        refused = len(flow.refused)
        await flow.goes_on()

    # Nobody can be trusted while there is no bundle; after that, everybody is again.
    assert len(flow.refused) - refused <= 1, flow.refused[refused:]
