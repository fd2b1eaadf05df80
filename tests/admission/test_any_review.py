"""Whatever is sent to the webhooks, well-formed or not, small or large: an answer, in time, and no failure of ours."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
import pytest
import structlog

from kservectl.admission.pods.handler import MUTATOR_PATH
from kservectl.api import kinds
from kservectl.api.config_security_policy import RESOURCES
from kservectl.assembly import webhooks
from kservectl.manifests.configuration import config_map
from kservectl.manifests.runtimes import runtimes
from kservectl.manifests.storage import storage_container
from kservectl.objects.kind import CONFIG_MAP, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader
from kservectl.runtime.view import StaticView, View
from tests.admission.api import Api
from tests.admission.inferenceservice.services import cache, model, service
from tests.admission.runtimes.runtimes import runtime, worker
from tests.admission.serving import Serving, review, serving
from tests.modelstorage.pods import container, pod

REVIEWS = 6_400
"""For each of two configurations."""

SENDERS = 16
HOOKS = webhooks("kserve")
INTERNAL = "internal.serving.kserve.io/"
WORDS = [
    *(
        "metadata",
        "spec",
        "status",
        "labels",
        "annotations",
        "name",
        "namespace",
        "containers",
        "initContainers",
        "env",
    ),
    *(
        "predictor",
        "transformer",
        "model",
        "storageUri",
        "storageUris",
        "workerSpec",
        "supportedModelFormats",
        "canary",
    ),
    *("deletionTimestamp", "volumes", "resources", "limits", "readinessProbe", "httpGet", "ports", "priority"),
    *("serving.kserve.io/inferenceservice", INTERNAL + "storage-initializer-sourceuri", INTERNAL + "logger"),
]
LEAVES = [
    None,
    True,
    False,
    0,
    -1,
    1.5,
    "",
    "x",
    "gs://b/m",
    "oci://i",
    "pvc://",
    "kserve-container",
    "2026-01-01T00:00:00Z",
]
LABELS = {"serving.kserve.io/inferenceservice": "x"}


POLICY = {
    "allowedRegistries": ["ghcr.io"],
    "allowedUriSchemes": ["s3", "pvc"],
    "requiredLimits": ["cpu"],
    "maxGPUs": 1,
    "defaultSecurityContext": "restricted",
    "policies": [
        {
            "name": "each",
            "resources": list(RESOURCES),
            "variables": [{"name": "named", "expression": "object.metadata.name"}],
            "validations": [
                {"expression": "variables.named != 'x'", "messageExpression": "'not ' + variables.named"},
                {"expression": "object.spec.containers.all(c, c.env.all(e, e.name.matches('^[A-Z]+$')))"},
            ],
        }
    ],
}


def labelled(**notes: str) -> Object:
    made = pod(container(), notes={INTERNAL + name.replace("_", "-"): value for name, value in notes.items()})
    made["metadata"]["labels"] = LABELS
    return made


GRAPH: Object = {
    "metadata": {"name": "graph"},
    "spec": {"nodes": {"root": {"routerType": "Splitter", "steps": [{"serviceName": "a", "weight": 100}]}}},
}
TRAINED_MODEL: Object = {
    "metadata": {"name": "m"},
    "spec": {"inferenceService": "x", "model": {"framework": "sklearn", "storageUri": "gs://b", "memory": "1Gi"}},
}
WIDE: Object = {"metadata": {"name": "wide"}, "spec": {"containers": [{"env": [{"name": "A"}] * 5000}] * 3}}
DEEP = b'"deep"'
"""Stands for lists in lists, deeper than JSON is written here."""

NESTED: Object = {
    "metadata": {"name": "nested", "labels": LABELS},
    "spec": {"predictor": {"sklearn": {"x": "deep"}}, "containers": [{"name": "kserve-container", "x": "deep"}]},
}
SAMPLES: list[Object] = [
    labelled(storage_initializer_sourceuri="gs://b/m", batcher="1"),
    labelled(storage_initializer_sourceuri="oci+fetch://i", logger="1"),
    service(model()),
    service({"sklearn": {}}, transformer={"containers": [container()]}, explainer={"art": {"type": "x"}}),
    service(model(), canary=[{"trafficPercent": 5, "predictor": {"name": "next", **model()}}]),
    runtime(workerSpec=worker()),
    GRAPH,
    TRAINED_MODEL,
    cache("c", "gs://b", ["g"]),
    cache("c", "gs://b", ["g"], "default"),
]


def sample(rng: random.Random) -> Object:
    """An object as a user or a controller might send it; now and then one that is far too large."""
    if rng.random() < 0.01:
        return rng.choice([WIDE, {"metadata": {"name": "long"}, "spec": ["x" * 1_000_000]}, NESTED])
    return rng.choice(SAMPLES)


def cluster(*, guarded: bool) -> View:
    """What the webhooks see: what is installed, and some of everything that they look at."""
    configuration = config_map()
    if guarded:
        configuration["data"]["securityPolicy"] = orjson.dumps(POLICY).decode()
    stored = runtime("stored") | {"metadata": {"name": "stored", "namespace": "default"}}
    objects = [configuration, storage_container(), stored, *runtimes(), *(each for each in SAMPLES if "kind" in each)]
    named = [kind for kind in vars(kinds).values() if isinstance(kind, Kind)]
    return StaticView(objects, kinds=[CONFIG_MAP, *named], now=datetime(2026, 1, 1, tzinfo=UTC))


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 5 or kind < 0.3:
        return rng.choice(LEAVES)
    if kind < 0.75:
        return {rng.choice(WORDS): value(rng, depth + 1) for _ in range(rng.randint(0, 4))}
    return [value(rng, depth + 1) for _ in range(rng.randint(0, 3))]


def damaged(rng: random.Random, part: Any) -> Any:
    """`part` with something in it replaced, dropped or added."""
    if isinstance(part, dict) and part and rng.random() < 0.9:
        name = rng.choice(sorted(part))
        return {**part, name: damaged(rng, part[name])}
    if isinstance(part, list) and part and rng.random() < 0.9:
        return [*part[1:], damaged(rng, part[0])]
    return value(rng)


def body(rng: random.Random, resource: str) -> bytes:
    obj = sample(rng)
    kind = rng.random()
    if kind < 0.7:
        obj = damaged(rng, obj)
    elif kind < 0.8:
        obj = value(rng)
    old = rng.choice([None, obj, sample(rng), value(rng)])
    if kind > 0.95:  # an update as an API server sends it
        old = obj
    operation = rng.choice(["CREATE", "UPDATE", "DELETE", "CONNECT"])
    sent: Any = review(
        obj, operation=operation, oldObject=old, resource={"resource": resource}, dryRun=rng.random() < 0.3
    )
    if rng.random() < 0.1:
        sent = damaged(rng, sent)
    depth = rng.randint(50, 1100)
    text = orjson.dumps(sent).replace(DEEP, b"[" * depth + b"1" + b"]" * depth)
    return text[: rng.randint(0, len(text))] if rng.random() < 0.05 else text


async def send(up: Serving, session: aiohttp.ClientSession, rng: random.Random, seen: Counter[int]) -> None:
    for _ in range(REVIEWS // SENDERS):
        path = rng.choice(HOOKS).path
        resource = "pods" if path == MUTATOR_PATH else path.rpartition("-")[2] + "s"
        headers = {"Content-Type": "application/json"}
        async with session.post(up.url(path), data=body(rng, resource), headers=headers) as answer:
            seen[answer.status] += 1
            if answer.status == 200:
                response = orjson.loads(await answer.read())["response"]
                assert response["uid"] and isinstance(response["allowed"], bool)
                assert response["allowed"] or response["status"]["message"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "guarded"])
async def test_thousands_of_reviews_are_all_answered_and_none_fails(guarded: bool) -> None:
    seen: Counter[int] = Counter()
    with structlog.testing.capture_logs() as logs:
        async with (
            serving(*HOOKS, reader=LiveReader(Api()), seen=cluster(guarded=guarded)) as up,
            up.session() as session,
            asyncio.TaskGroup() as tasks,
        ):
            for seed in range(SENDERS):
                tasks.create_task(send(up, session, random.Random(seed), seen))
    assert [entry for entry in logs if entry["log_level"] in ("error", "critical")] == []
    assert set(seen) == {200, 400}
    assert sum(seen.values()) == REVIEWS and seen[200] > REVIEWS / 4
