"""Waiting in a test for what the cluster's own controllers do."""

import asyncio
from collections.abc import Callable

from kservectl.devcluster.cluster import DevCluster
from kservectl.objects.kind import Kind


async def until(cluster: DevCluster, kind: Kind, true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Return once `true()`; looked at after every change of `kind`. Raises TimeoutError."""
    start = cluster.storage.revision
    if true():
        return
    async with asyncio.timeout(seconds):
        async for _ in cluster.follow(kind, start):
            if true():
                return
