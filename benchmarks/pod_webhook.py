"""How fast the pod webhook is: reviews a second, latencies over TLS, and the server's CPU for each, next to a handler that does
nothing.

    python -m benchmarks.pod_webhook [--reviews N] [--connections N]

The sender is a process of its own, and the server reads ServiceAccount and Secrets from memory, so that what is measured is
the webhook: TLS, HTTP, JSON, the decision and the patch. The two handlers take turns in rounds, so that both see the same
machine.
"""

import argparse
import asyncio
import json
import multiprocessing
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
from prometheus_client import CollectorRegistry

from benchmarks.http_load import Measured, send, together
from benchmarks.usage import usage
from kservectl.admission.certificates import make_ca, make_serving
from kservectl.admission.metrics import WebhookMetrics
from kservectl.admission.pods.handler import MUTATOR_PATH, webhooks
from kservectl.admission.server import Mutating, WebhookServer
from kservectl.admission.tls import ServingCertificate
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER, INFERENCE_SERVICE
from kservectl.client.client import Client
from kservectl.clock import SystemClock
from kservectl.manifests.configuration import config_map
from kservectl.manifests.storage import storage_container
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader
from kservectl.runtime.view import StaticView

NOTHING_PATH = "/nothing"

_ROUNDS = 5
_SERVICE = "iris"


class _Memory(Client):
    """An API server without a network: one account with one Secret."""

    def __init__(self) -> None:
        """Has no connection to make."""

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        meta = {"name": name, "namespace": namespace}
        if kind.kind == "ServiceAccount":
            return {"metadata": meta, "secrets": [{"name": "s3"}]}
        return {"metadata": meta, "data": {"AWS_SECRET_ACCESS_KEY": "eA=="}}


def pod() -> Object:
    """A pod of a service that downloads its model and logs its payloads, as the API server shows it."""
    internal = "internal.serving.kserve.io/"
    probe = {"tcpSocket": {"port": 8080}, "timeoutSeconds": 1, "periodSeconds": 10}
    server: Object = {
        "name": "kserve-container",
        "image": "kserve/sklearnserver:latest",
        "args": ["--model_name=iris", "--model_dir=/mnt/models", "--http_port=8080"],
        "env": [{"name": f"VARIABLE_{number}", "value": "x"} for number in range(10)],
        "readinessProbe": probe,
        "resources": {"limits": {"cpu": "1", "memory": "2Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}},
    }
    annotations = {internal + "storage-initializer-sourceuri": "s3://bucket/model", internal + "logger": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "iris-predictor-",
            "labels": {"serving.kserve.io/inferenceservice": _SERVICE, "component": "predictor"},
            "annotations": annotations,
        },
        "spec": {"containers": [server], "serviceAccountName": "default"},
    }


def review() -> bytes:
    request: Object = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "default",
        "operation": "CREATE",
        "object": pod(),
    }
    return orjson.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request})


def view() -> StaticView:
    service: Object = {"apiVersion": INFERENCE_SERVICE.api_version, "kind": INFERENCE_SERVICE.kind}
    service |= {"metadata": {"name": _SERVICE, "namespace": "default"}, "spec": {"predictor": {"logger": {}}}}
    configuration = config_map()
    configuration["metadata"] |= {"uid": "1", "resourceVersion": "1"}  # a version, by which it is parsed once only
    kinds = (CONFIG_MAP, INFERENCE_SERVICE, CLUSTER_STORAGE_CONTAINER)
    return StaticView([configuration, service, storage_container()], kinds=kinds, now=datetime.now(UTC))


async def _serve(ready: Any, stop: Any) -> None:
    now = datetime.now(UTC)
    ca = make_ca(now)
    pair = make_serving(ca, ("localhost", "127.0.0.1"), now)
    certificate = ServingCertificate()
    certificate.load(pair.certificate, pair.key)
    seen = view()
    server = WebhookServer(
        (*webhooks("kserve"), Mutating(NOTHING_PATH, lambda request, view: request.object or {})),
        view=lambda: seen,
        certificate=certificate,
        metrics=WebhookMetrics(CollectorRegistry()),
        clock=SystemClock(),
        host="127.0.0.1",
        port=0,
        reader=LiveReader(_Memory()),
    )
    running = asyncio.create_task(server.run())
    while server.port is None:  # noqa: ASYNC110 - a socket that opens has no event to wait for
        await asyncio.sleep(0.01)
    ready.send((server.port, ca.certificate))
    await asyncio.to_thread(stop.recv)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _server(ready: Any, stop: Any) -> None:
    import uvloop

    uvloop.run(_serve(ready, stop))


async def _send(session: aiohttp.ClientSession, url: str, body: bytes, reviews: int, connections: int) -> Measured:
    async def ask() -> None:
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            response = orjson.loads(await answer.read())["response"]
        if not response["allowed"]:
            raise RuntimeError(f"the review was refused: {response['status']['message']}")

    return await send(ask, reviews, connections)


async def _measure(
    pid: int, port: int, ca: bytes, reviews: int, connections: int
) -> tuple[dict[str, Measured], dict[str, float]]:
    """What each handler was measured at, and the CPU seconds that the server spent in all on its reviews."""
    trusting = ssl.create_default_context(cadata=ca.decode())
    connector = aiohttp.TCPConnector(ssl=trusting, limit=connections)
    rounds: dict[str, list[Measured]] = {NOTHING_PATH: [], MUTATOR_PATH: []}
    spent = dict.fromkeys(rounds, 0.0)
    body = review()
    async with aiohttp.ClientSession(connector=connector) as session:
        for number in range(_ROUNDS + 1):
            for path, measured in rounds.items():
                url = f"https://localhost:{port}{path}"
                before = usage(pid).cpu_seconds
                found = await _send(session, url, body, reviews // _ROUNDS, connections)
                if number:  # the first round warms up
                    measured.append(found)
                    spent[path] += usage(pid).cpu_seconds - before
    return {path: together(measured) for path, measured in rounds.items()}, spent


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reviews", type=int, default=5000, help="for each handler (default: 5000)")
    parser.add_argument("--connections", type=int, default=8, help="open at once (default: 8)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    ready, told = multiprocessing.Pipe(duplex=False)
    stop, ask = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=_server, args=(told, stop), daemon=True)
    process.start()
    try:
        port, ca = ready.recv()
        pid = process.pid or 0
        measured, spent = asyncio.run(_measure(pid, port, ca, options.reviews, options.connections))
    finally:
        ask.send("stop")
        process.join(10)
    results = {
        path: {
            "reviews_per_second": round(one.rate),
            **{f"p{at}_ms": round(one.percentile(at), 2) for at in (50, 99)},
            "cpu_ms": round(spent[path] / len(one.latencies) * 1000, 2),
        }
        for path, one in measured.items()
    }
    if options.json:
        print(json.dumps(results))
        return
    print(f"{'handler':<14}{'reviews/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'CPU ms':>10}")
    for path, row in results.items():
        print(f"{path:<14}{row['reviews_per_second']:>12}{row['p50_ms']:>10}{row['p99_ms']:>10}{row['cpu_ms']:>10}")


if __name__ == "__main__":
    main()
