"""A running devcluster on the plain types, and an HTTP session for it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from tests.devcluster.plain_types import PlainTypes


@pytest.fixture
async def cluster() -> AsyncIterator[DevCluster]:
    async with DevCluster(PlainTypes(), clock=SystemClock(), seed=1) as running:
        yield running


@pytest.fixture
async def http(cluster: DevCluster) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cluster.url) as session:
        yield session
