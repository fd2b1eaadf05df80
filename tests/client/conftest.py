"""A scripted server and a client of it, on a clock that the test moves."""

import random
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig
from kservectl.client.connection import Connection
from kservectl.client.metrics import ClientMetrics
from tests.client.scripted_server import ScriptedServer
from tests.fake_clock import FakeClock


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as running:
        yield running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def client(server: ScriptedServer, clock: FakeClock, registry: CollectorRegistry) -> AsyncIterator[Client]:
    config = ConnectionConfig(server.url)
    async with Connection(config, clock=clock, rng=random.Random(1), metrics=ClientMetrics(registry)) as connection:
        yield Client(connection)
