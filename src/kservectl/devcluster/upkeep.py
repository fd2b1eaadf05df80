"""The loop of the cluster's own controllers: one name after the other, again with a growing delay when it failed.

A webhook that refuses or is away, and an object that changed under the controller's hands, are reasons to try again.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from kservectl.client.errors import ApiError, Conflict, NotFound
from kservectl.clock import Clock
from kservectl.workqueue.queue import WorkQueue
from kservectl.workqueue.rate_limiting import KeyBackoff, RateLimiter

_LONGEST_DELAY = 30.0


class Upkeep:
    """What one controller has to look at. `add` may be called at any time; `run` works it off until cancelled, and goes on
    where it was when it is called again."""

    def __init__(self, name: str, clock: Clock) -> None:
        limiter: RateLimiter[str] = RateLimiter(backoff=KeyBackoff(cap=_LONGEST_DELAY))
        self._queue: WorkQueue[str] = WorkQueue(name, clock=clock, limiter=limiter)
        self._log = structlog.get_logger().bind(controller=name)

    def add(self, key: str) -> None:
        self._queue.add(key)

    async def run(self, settle: Callable[[str], Awaitable[None]]) -> None:
        """Call `settle` with every key that was added."""
        while True:
            key = await self._queue.get()
            try:
                await settle(key)
            except asyncio.CancelledError:
                self._queue.add(key)
                raise
            except (NotFound, Conflict) as error:
                self._log.debug("changed meanwhile, looked at again", key=key, error=str(error))
                self._queue.add_rate_limited(key, share=False)
            except ApiError as error:
                self._log.warning("not settled, tried again later", key=key, error=str(error))
                self._queue.add_rate_limited(key, share=False)
            except Exception:
                self._log.exception("not settled, tried again later", key=key)
                self._queue.add_rate_limited(key, share=False)
            else:
                self._queue.forget(key)
            finally:
                self._queue.done(key)
