"""A running devcluster on the built-in types, and an HTTP session for it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.types import builtin_types


@pytest.fixture
async def cluster() -> AsyncIterator[DevCluster]:
    async with DevCluster(builtin_types(), clock=SystemClock(), seed=1) as running:
        yield running


@pytest.fixture
async def http(cluster: DevCluster) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cluster.url) as session:
        yield session
