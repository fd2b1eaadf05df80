"""A webhook server on a loopback port with a certificate of its own, and how to ask it."""

import asyncio
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry

from kservectl.admission.certificates import Pair, make_ca, make_serving
from kservectl.admission.metrics import WebhookMetrics
from kservectl.admission.server import Webhook, WebhookServer
from kservectl.admission.tls import ServingCertificate
from kservectl.clock import Clock, SystemClock
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader
from kservectl.runtime.view import StaticView, View

NAMES = ("localhost", "127.0.0.1")


def view() -> View:
    return StaticView([], kinds=[], now=datetime.now(UTC))


def review(obj: Any = None, *, operation: str = "CREATE", version: str = "v1", **more: Any) -> Object:
    """An AdmissionReview about `obj`, as an API server sends it."""
    return {
        "apiVersion": f"admission.k8s.io/{version}",
        "kind": "AdmissionReview",
        "request": {
            "uid": str(uuid.uuid4()),
            "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
            "resource": {"group": "", "version": "v1", "resource": "configmaps"},
            "name": "box",
            "namespace": "default",
            "operation": operation,
            "userInfo": {"username": "somebody"},
            "object": obj,
            "oldObject": None,
            "dryRun": False,
            **more,
        },
    }


def trusting(*cas: bytes) -> ssl.SSLContext:
    """A client that trusts these CAs and no other."""
    return ssl.create_default_context(cadata="".join(ca.decode() for ca in cas))


@dataclass
class Serving:
    """A server that is up."""

    server: WebhookServer
    certificate: ServingCertificate
    ca: Pair
    registry: CollectorRegistry
    task: asyncio.Task[None]

    def url(self, path: str) -> str:
        return f"https://localhost:{self.server.port}{path}"

    @asynccontextmanager
    async def session(self, *cas: bytes) -> AsyncIterator[aiohttp.ClientSession]:
        connector = aiohttp.TCPConnector(ssl=trusting(*(cas or (self.ca.certificate,))))
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
            yield session

    async def ask(self, path: str, body: Any, **more: Any) -> Any:
        async with self.session() as session, session.post(self.url(path), json=body, **more) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def status(self, path: str, data: bytes, content_type: str = "application/json", query: str = "") -> int:
        headers = {"Content-Type": content_type}
        async with (
            self.session() as session,
            session.post(self.url(path) + query, data=data, headers=headers) as answer,
        ):
            return answer.status


@asynccontextmanager
async def serving(
    *webhooks: Webhook,
    not_ready: Callable[[], str] = lambda: "",
    clock: Clock | None = None,
    names: Sequence[str] = NAMES,
    reader: LiveReader | None = None,
    seen: View | None = None,
) -> AsyncIterator[Serving]:
    now = datetime.now(UTC)
    ca = make_ca(now)
    pair = make_serving(ca, names, now)
    certificate = ServingCertificate()
    certificate.load(pair.certificate, pair.key)
    registry = CollectorRegistry()
    server = WebhookServer(
        webhooks,
        view=view if seen is None else lambda: seen,
        certificate=certificate,
        metrics=WebhookMetrics(registry),
        clock=clock or SystemClock(),
        host="127.0.0.1",
        port=0,
        not_ready=not_ready,
        reader=reader,
        drain_seconds=5.0,
    )
    task = asyncio.create_task(server.run())
    async with asyncio.timeout(10):
        while server.port is None:  # noqa: ASYNC110 - a socket that opens has no event to wait for
            await asyncio.sleep(0.002)
    try:
        yield Serving(server, certificate, ca, registry, task)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
