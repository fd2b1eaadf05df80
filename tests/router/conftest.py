"""The service behind the routers under test."""

from collections.abc import AsyncIterator

import pytest

from tests.router.routing import Upstream, serving_upstream


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with serving_upstream() as served:
        yield served
