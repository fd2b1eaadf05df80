"""A development cluster with its manager under a real Prometheus, and what tests do to it."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from kservectl.assembly import Options, assemble
from kservectl.cli.files import read_objects
from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.metrics import ClientMetrics
from kservectl.clock import SystemClock
from kservectl.devcluster.request import RequestInfo
from kservectl.development.environment import Environment, EnvironmentOptions, local_options, running
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from tests.manifests.monitoring.prometheus import Prometheus, Target, watching

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
_END_SECONDS = 5.0


def service(name: str, **predictor: Any) -> Object:
    """The first sample under another name, with these fields of its predictor besides."""
    (found,) = read_objects([str(SAMPLES / "sklearn-iris.yaml")])
    found["metadata"]["name"] = name
    found["spec"]["predictor"].update(predictor)
    return found


async def model_cache(environment: Environment, source: str = "") -> None:
    """Have the cluster keep models on nodes, and one cache be filled, from `source` if given."""
    change = {"data": {"localModel": json.dumps({"enabled": True, "jobNamespace": "kserve-localmodel-jobs"})}}
    await environment.client.patch(CONFIG_MAP, "inferenceservice-config", "kserve", change)
    names = ("localmodelnodegroup-workers", "localmodelcache-iris")
    group, cache = (read_objects([str(SAMPLES / "caches" / f"{name}.yaml")])[0] for name in names)
    if source:
        cache["spec"]["sourceModelUri"] = source
    await environment.apply([group, cache])


def is_own_write(info: RequestInfo) -> bool:
    """Whether the manager asks for a change."""
    return info.writes and info.query.get("fieldManager") == "kservectl"


def manager_of(environment: Environment) -> Target:
    """The manager of the cluster, to be scraped."""
    assert environment.manager is not None
    port = environment.manager.metrics_port
    assert port is not None
    return Target(port)


@asynccontextmanager
async def watched(folder: Path, options: Options | None = None) -> AsyncIterator[tuple[Environment, Prometheus]]:
    """A cluster with its manager at work, and a Prometheus that scrapes it."""
    async with (
        running(EnvironmentOptions(options=options or local_options())) as environment,
        watching(folder, manager_of(environment)) as prometheus,
    ):
        yield environment, prometheus


@asynccontextmanager
async def starting(environment: Environment, options: Options) -> AsyncIterator[Target]:
    """One more manager, without webhooks, that may never get to work."""
    registry, clock = CollectorRegistry(), SystemClock()
    config, rng = ConnectionConfig(environment.cluster.url), random.Random(1)
    async with Connection(config, clock=clock, rng=rng, metrics=ClientMetrics(registry)) as connection:
        manager = assemble(Client(connection), clock, replace(options, webhooks=None), registry)
        task = asyncio.create_task(manager.run(asyncio.Event()))
        try:
            async with asyncio.timeout(_END_SECONDS):
                while (port := manager.metrics_port) is None:  # noqa: ASYNC110 - nobody tells when it listens
                    await asyncio.sleep(0.01)
            yield Target(port)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
