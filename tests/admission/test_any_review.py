"""Whatever is sent to the webhooks, well-formed or not: an answer, in time, and no failure of ours."""

import asyncio
import random
from collections import Counter
from typing import Any

import aiohttp
import orjson
import pytest
import structlog

from kservectl.assembly import webhooks
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader
from tests.admission.api import Api
from tests.admission.inferenceservice.services import model, service
from tests.admission.runtimes.runtimes import runtime
from tests.admission.serving import Serving, review, serving
from tests.modelstorage.pods import container, pod

REVIEWS = 10_000
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


def sample(rng: random.Random) -> Object:
    """An object as a user or a controller might send it."""
    labelled = pod(
        container(), notes={INTERNAL + "storage-initializer-sourceuri": "gs://b/m", INTERNAL + "batcher": "1"}
    )
    labelled["metadata"]["labels"] = LABELS
    found: Object = rng.choice([labelled, service(model()), service({"sklearn": {}}), runtime()])
    return found


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


def body(rng: random.Random) -> bytes:
    obj = sample(rng)
    kind = rng.random()
    if kind < 0.7:
        obj = damaged(rng, obj)
    elif kind < 0.8:
        obj = value(rng)
    old = rng.choice([None, obj, sample(rng), value(rng)])
    sent: Any = review(obj, operation=rng.choice(["CREATE", "UPDATE", "DELETE", "CONNECT"]), oldObject=old)
    if rng.random() < 0.1:
        sent = damaged(rng, sent)
    text = orjson.dumps(sent)
    return text[: rng.randint(0, len(text))] if rng.random() < 0.05 else text


async def send(up: Serving, session: aiohttp.ClientSession, rng: random.Random, seen: Counter[int]) -> None:
    for _ in range(REVIEWS // SENDERS):
        path = rng.choice(HOOKS).path
        headers = {"Content-Type": "application/json"}
        async with session.post(up.url(path), data=body(rng), headers=headers) as answer:
            seen[answer.status] += 1
            if answer.status == 200:
                response = orjson.loads(await answer.read())["response"]
                assert response["uid"] and isinstance(response["allowed"], bool)
                assert response["allowed"] or response["status"]["message"]


@pytest.mark.timeout(120)
async def test_ten_thousand_reviews_are_all_answered_and_none_fails() -> None:
    seen: Counter[int] = Counter()
    with structlog.testing.capture_logs() as logs:
        async with (
            serving(*HOOKS, reader=LiveReader(Api())) as up,
            up.session() as session,
            asyncio.TaskGroup() as tasks,
        ):
            for seed in range(SENDERS):
                tasks.create_task(send(up, session, random.Random(seed), seen))
    assert not [entry for entry in logs if entry["log_level"] in ("error", "critical")]
    assert set(seen) == {200, 400}
    assert sum(seen.values()) == REVIEWS and seen[200] > REVIEWS / 4
