"""Many services at once, created by somebody who does not give up when a webhook is away."""

import asyncio
from collections.abc import Sequence

from e2e.api import Api, is_ready
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.client.errors import AlreadyExists, ClientError
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_AGAIN_SECONDS = 0.2


async def create_all(api: Api, services: Sequence[Object], *, at_once: int = 5, seconds: float = 60.0) -> None:
    """Create each; one that is refused because no webhook answers is tried again until the time is over."""
    slots = asyncio.Semaphore(at_once)

    async def create(service: Object) -> None:
        async with slots:
            while True:
                try:
                    await api.create(INFERENCE_SERVICE, service)
                except AlreadyExists:
                    return  # an answer was lost on the way
                except ClientError as error:
                    if "webhook" not in str(error):
                        raise AssertionError(f"{metadata.describe(service)}: {error}") from error
                    await asyncio.sleep(_AGAIN_SECONDS)
                else:
                    return

    async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
        for service in services:
            group.create_task(create(service))


async def all_ready(api: Api, namespace: str, number: int, *, seconds: float) -> None:
    """Wait until there are this many services and all are Ready."""
    await api.until_all(
        INFERENCE_SERVICE,
        namespace,
        lambda found: len(found) == number and all(is_ready(each) for each in found),
        f"{number} services are Ready",
        seconds=seconds,
    )
