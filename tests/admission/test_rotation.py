"""Certificates kept through a real API server, and shown by real TLS servers."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from prometheus_client import CollectorRegistry

from kservectl.admission.certificates import CA_LIFETIME, OVERLAP, SERVING_LIFETIME, make_ca, make_serving
from kservectl.admission.metrics import WebhookMetrics
from kservectl.admission.registration import Endpoint
from kservectl.admission.review import AdmissionRequest, Verdict
from kservectl.admission.rotation import SECRET_NAME, CertificateRotation
from kservectl.admission.server import Validating, WebhookServer
from kservectl.admission.tls import ServingCertificate
from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.errors import Forbidden
from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.request import RequestInfo
from kservectl.devcluster.types import builtin_types
from kservectl.informers.factory import InformerFactory
from kservectl.objects.kind import MUTATING_WEBHOOK_CONFIGURATION, SECRET, VALIDATING_WEBHOOK_CONFIGURATION, Kind
from kservectl.objects.metadata import Object, resource_version
from kservectl.runtime.view import View
from tests.admission.serving import review, trusting, view
from tests.fake_clock import FakeClock, eventually

NAMESPACE = "kube-system"
SERVICE = Endpoint("hooks", NAMESPACE)
LOCAL = Endpoint("hooks", NAMESPACE, "https://localhost:9443")
KINDS = (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION)
PATH = "/check"


def configuration(kind: Kind) -> Object:
    services = {"hooks.kservectl.test": ("hooks", PATH), "other.kservectl.test": ("other", "/x")}
    webhooks = [
        {
            "name": name,
            "clientConfig": {"service": {"name": service, "namespace": NAMESPACE, "path": path, "port": 443}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
        }
        for name, (service, path) in services.items()
    ]
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "ours"}, "webhooks": webhooks}


def allow(request: AdmissionRequest, seen: View) -> Verdict:
    return Verdict()


@dataclass
class Replica:
    """One process: its informers, its server, and the certificate it shows."""

    certificate: ServingCertificate
    server: WebhookServer
    rotation: CertificateRotation
    clock: FakeClock

    async def ask(self, bundle: bytes) -> int:
        """The answer of a caller that trusts `bundle` and makes a connection of its own."""
        connector = aiohttp.TCPConnector(ssl=trusting(bundle))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(f"https://localhost:{self.server.port}{PATH}", json=review({})) as answer,
        ):
            return answer.status

    @property
    def serial(self) -> int:
        assert self.certificate.shown is not None
        return x509.load_pem_x509_certificate(self.certificate.shown).serial_number


class World:
    def __init__(self, cluster: DevCluster, stack: AsyncExitStack) -> None:
        self.cluster = cluster
        self._stack = stack
        self._group = asyncio.TaskGroup()
        # In the past, so that what is made "later" is valid in the present, by which TLS judges.
        self.clock = FakeClock(now=datetime.now(UTC) - CA_LIFETIME * 0.9)

    async def replica(self, endpoint: Endpoint = LOCAL, *, leads: bool = True) -> Replica:
        rng = random.Random(1)
        connection = Connection(ConnectionConfig(self.cluster.url), clock=SystemClock(), rng=rng)
        await self._stack.enter_async_context(connection)
        client = Client(connection)
        factory = InformerFactory(client, clock=SystemClock(), rng=rng)
        certificate = ServingCertificate()
        rotation = CertificateRotation(
            client, factory, certificate, endpoint=endpoint, configurations=["ours"], clock=self.clock, rng=rng
        )
        server = WebhookServer(
            [Validating(PATH, allow)],
            view=view,
            certificate=certificate,
            metrics=WebhookMetrics(CollectorRegistry()),
            clock=SystemClock(),
            host="127.0.0.1",
            port=0,
        )
        self._run(factory.run(), rotation.follow(), server.run())
        if leads:
            self._run(rotation.keep())
        return Replica(certificate, server, rotation, self.clock)

    def _run(self, *coroutines: Any) -> None:
        for coroutine in coroutines:
            task = asyncio.create_task(coroutine)
            self._stack.push_async_callback(_end, task)

    async def create(self, *kinds: Kind) -> None:
        for kind in kinds:
            await self.cluster.create(kind, configuration(kind))

    def bundles(self) -> list[bytes]:
        """What the API server trusts in the entries that call us."""
        found = [self.cluster.get(kind, "ours") for kind in KINDS]
        return [
            base64.b64decode(obj["webhooks"][0]["clientConfig"].get("caBundle") or "")
            for obj in found
            if obj is not None
        ]

    def secret(self) -> Object | None:
        return self.cluster.get(SECRET, SECRET_NAME, NAMESPACE)

    def versions(self) -> list[str]:
        found = [self.secret(), *(self.cluster.get(kind, "ours") for kind in KINDS)]
        return [resource_version(obj) for obj in found if obj is not None]

    async def pass_time(self, span: timedelta) -> None:
        """Let `span` pass for the rotation, in steps short enough that everything in between happens."""
        await self.clock.advance(span.total_seconds())

    async def settled(self, replica: Replica) -> None:
        await eventually(lambda: replica.server.port is not None and trusts(self, replica))


def trusts(world: World, replica: Replica) -> bool:
    """Whether every caller could verify what the replica shows."""
    assert replica.certificate.shown is not None
    leaf = x509.load_pem_x509_certificate(replica.certificate.shown)
    return all(
        any(ca.subject == leaf.issuer for ca in x509.load_pem_x509_certificates(bundle)) if bundle else False
        for bundle in world.bundles()
    )


def count(bundle: bytes) -> int:
    return bundle.count(b"BEGIN CERTIFICATE")


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    outcome = (await asyncio.gather(task, return_exceptions=True))[0]
    assert isinstance(outcome, asyncio.CancelledError), outcome


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(DevCluster(builtin_types(), clock=SystemClock(), seed=1))
        yield World(cluster, stack)


@asynccontextmanager
async def calling(world: World, replica: Replica) -> AsyncIterator[list[int]]:
    """Somebody who calls all the time, each time with what the API server trusts at that moment."""
    answers: list[int] = []

    async def call() -> None:
        while True:
            answers.append(await replica.ask(world.bundles()[0]))

    task = asyncio.create_task(call())
    try:
        yield answers
        seen = len(answers)
        await eventually(lambda: len(answers) > seen + 1 or task.done())
    finally:
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert isinstance(outcome, asyncio.CancelledError), outcome
    assert set(answers) == {200}


async def test_from_nothing_a_caller_can_trust_what_is_served(world: World) -> None:
    world.clock.set_wall(datetime.now(UTC))
    await world.create(*KINDS)
    replica = await world.replica()
    await world.settled(replica)
    for bundle in world.bundles():
        assert await replica.ask(bundle) == 200
        assert count(bundle) == 1
    secret = world.secret()
    assert secret is not None and set(secret["data"]) == {"ca.crt", "ca.key", "ca-previous.crt", "tls.crt", "tls.key"}


async def test_only_entries_that_call_us_are_touched(world: World) -> None:
    await world.create(*KINDS)
    replica = await world.replica(SERVICE)
    await world.settled(replica)
    for kind in KINDS:
        obj = world.cluster.get(kind, "ours")
        assert obj is not None
        before = configuration(kind)["webhooks"]
        assert obj["webhooks"][1]["clientConfig"] == before[1]["clientConfig"]
        config = obj["webhooks"][0]["clientConfig"]
        assert config["service"] == before[0]["clientConfig"]["service"]


async def test_webhooks_are_registered_by_url_and_back_by_service(world: World) -> None:
    await world.create(*KINDS)
    async with AsyncExitStack() as first:
        outside = World(world.cluster, first)
        await outside.settled(await outside.replica(LOCAL))
        obj = world.cluster.get(KINDS[0], "ours")
        assert obj is not None
        assert obj["webhooks"][0]["clientConfig"]["url"] == "https://localhost:9443/check"
        assert "service" not in obj["webhooks"][0]["clientConfig"]
    inside = await world.replica(SERVICE)

    def by_service() -> bool:
        found = [world.cluster.get(kind, "ours") or {} for kind in KINDS]
        return all("service" in obj["webhooks"][0]["clientConfig"] for obj in found)

    await eventually(by_service)
    await world.settled(inside)
    obj = world.cluster.get(KINDS[0], "ours")
    assert obj is not None
    assert obj["webhooks"][0]["clientConfig"]["service"]["path"] == PATH


async def test_what_is_settled_is_written_no_more(world: World) -> None:
    await world.create(*KINDS)
    replica = await world.replica()
    await world.settled(replica)
    before = world.versions()
    await world.pass_time(SERVING_LIFETIME / 2)
    await asyncio.sleep(0.1)
    assert world.versions() == before


async def test_a_configuration_that_comes_later_is_registered(world: World) -> None:
    replica = await world.replica()
    await eventually(lambda: replica.server.port is not None)
    await world.create(*KINDS)
    await world.settled(replica)


async def test_a_wiped_bundle_is_put_back(world: World) -> None:
    await world.create(*KINDS)
    replica = await world.replica()
    await world.settled(replica)
    kept = world.bundles()
    for kind in KINDS:
        await world.cluster.patch(kind, "ours", "", {"webhooks": configuration(kind)["webhooks"]}, patch_type="merge")
    await eventually(lambda: world.bundles() == kept)


async def test_a_deleted_secret_is_made_anew_while_calls_go_on(world: World) -> None:
    world.clock.set_wall(datetime.now(UTC))
    await world.create(*KINDS)
    replica = await world.replica()
    await world.settled(replica)
    serial = replica.serial
    async with calling(world, replica):
        await world.cluster.delete(SECRET, SECRET_NAME, NAMESPACE)
        await eventually(lambda: replica.serial != serial)
    await world.settled(replica)
    assert [count(bundle) for bundle in world.bundles()] == [2, 2]


async def test_a_broken_secret_is_repaired_and_meanwhile_the_old_certificate_shown(world: World) -> None:
    await world.create(*KINDS)
    replica = await world.replica()
    await world.settled(replica)
    serial = replica.serial
    nonsense = {"data": {"tls.crt": "bm9uc2Vuc2U=", "ca.key": "", "tls.key": "bm9uc2Vuc2U="}}
    await world.cluster.patch(SECRET, SECRET_NAME, NAMESPACE, nonsense, patch_type="merge")
    await eventually(lambda: replica.serial != serial)
    await world.settled(replica)


async def test_a_serving_certificate_is_renewed_in_time_and_shown_by_every_replica(world: World) -> None:
    await world.create(*KINDS)
    leader, follower = await world.replica(), await world.replica(leads=False)
    await world.settled(leader)
    await world.settled(follower)
    serial, bundles = leader.serial, world.bundles()
    await world.pass_time(SERVING_LIFETIME * 0.7)
    await eventually(lambda: serial not in {leader.serial, follower.serial})
    assert leader.serial == follower.serial
    assert world.bundles() == bundles


async def test_a_new_authority_replaces_the_old_one_without_a_failed_call(world: World) -> None:
    world.clock.set_wall(datetime.now(UTC) - CA_LIFETIME * 0.7)
    await world.create(*KINDS)
    replica = await world.replica()
    await world.settled(replica)
    old = world.bundles()[0]
    # The serving certificate made at the start has long expired when the authority is due: it is renewed first.
    world.clock.set_wall(datetime.now(UTC) - CA_LIFETIME * 0.04)
    serial = replica.serial
    await world.pass_time(timedelta(hours=7))
    await eventually(lambda: replica.serial != serial)
    assert world.bundles()[0] == old
    world.clock.set_wall(datetime.now(UTC) - timedelta(hours=7))
    serial = replica.serial
    async with calling(world, replica):
        await world.pass_time(timedelta(hours=7))
        await eventually(lambda: replica.serial != serial)
    await world.settled(replica)
    assert [count(bundle) for bundle in world.bundles()] == [2, 2]
    await world.pass_time(OVERLAP + timedelta(hours=7))
    await eventually(lambda: [count(bundle) for bundle in world.bundles()] == [1, 1])
    assert world.bundles()[0] != old


async def test_a_secret_that_cert_manager_keeps_is_served_and_left_alone(world: World) -> None:
    ca = make_ca(datetime.now(UTC))
    theirs = make_serving(ca, ["hooks.kube-system.svc", "localhost"], datetime.now(UTC))
    data = {"ca.crt": ca.certificate, "tls.crt": theirs.certificate, "tls.key": theirs.key}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": SECRET_NAME,
            "namespace": NAMESPACE,
            "annotations": {"cert-manager.io/certificate-name": "serving-cert"},
        },
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }
    await world.cluster.create(SECRET, secret)
    injected = configuration(KINDS[0])
    injected["metadata"]["annotations"] = {"cert-manager.io/inject-ca-from": "kube-system/serving-cert"}
    await world.cluster.create(KINDS[0], injected)
    await world.create(KINDS[1])
    before = world.secret()
    replica = await world.replica()
    await eventually(lambda: replica.server.port is not None and world.bundles()[1] == ca.certificate)
    assert await replica.ask(world.bundles()[1]) == 200
    assert world.bundles()[0] == b"", "cert-manager's own injector writes there"
    assert world.secret() == before


async def test_a_refused_write_is_tried_again_with_growing_pauses(world: World) -> None:
    attempts: list[str] = []

    def refuse(info: RequestInfo) -> Fault | None:
        if info.verb != "create" or info.plural != "secrets":
            return None
        attempts.append(info.path)
        return Fault(answer=Forbidden(403, "Forbidden", "not yours"))

    async def attempted(number: int) -> None:
        await eventually(lambda: len(attempts) == number and world.clock.next_timer is not None)

    forgive = world.cluster.faults.add(refuse)
    await world.create(*KINDS)
    replica = await world.replica()
    pauses: list[float] = []
    for number in range(1, 9):
        await attempted(number)
        pauses.append(world.clock.next_timer or 0.0)
        await world.clock.advance(pauses[-1])
    for pause, expected in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert 0.8 * expected <= pause <= 1.2 * expected
    forgive()
    await world.clock.advance(100)
    await world.settled(replica)
