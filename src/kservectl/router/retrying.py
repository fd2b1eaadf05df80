"""Trying a call again.

A call whose connection could not be made has done nothing, and is tried again twice. A step that sets `retries` says that its
service may be asked the same thing twice: it is tried again that often, also where the connection broke off, where there was
no answer in time, and after the answers 502, 503 and 504.

All retries of a router come out of one budget, a fifth of its calls and a few more: a service that is down is not asked three
times as much for it. Waits are short and drawn at random.
"""

import random
from collections.abc import Callable

from kservectl.clock import Clock
from kservectl.router.answer import Answer, StepError
from kservectl.router.call import Call, Caller

_UNASKED = 2
_PASSING = (502, 503, 504)
_FIRST_WAIT, _LONGEST_WAIT = 0.025, 0.5


class RetryBudget:
    """Earns `ratio` of a retry with each call, up to `reserve`, with which it starts."""

    def __init__(self, ratio: float = 0.2, reserve: float = 10.0) -> None:
        self._ratio = ratio
        self._reserve = self._left = reserve

    def earn(self) -> None:
        """A call begins."""
        self._left = min(self._left + self._ratio, self._reserve)

    def spend(self) -> bool:
        """Whether one retry can be afforded, which is then paid."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


class RetryingCaller:
    """A Caller on top of `call`. `told` hears of every retry that was due: whether the budget allowed it."""

    def __init__(
        self, call: Caller, *, clock: Clock, rng: random.Random, budget: RetryBudget, told: Callable[[bool], None]
    ) -> None:
        self._call = call
        self._clock = clock
        self._rng = rng
        self._budget = budget
        self._told = told

    async def __call__(self, call: Call) -> Answer:
        self._budget.earn()
        left, wait = _UNASKED if call.retries is None else call.retries, _FIRST_WAIT
        while True:
            try:
                answer = await self._call(call)
                if call.retries is None or answer.status not in _PASSING or not self._may_retry(left):
                    return answer
            except StepError as error:
                mended = error.unsent or (call.retries is not None and error.passing)
                if not mended or (call.relay and call.relay.begun) or not self._may_retry(left):
                    raise
            left -= 1
            await self._clock.sleep(self._rng.uniform(0.0, wait))
            wait = min(wait * 2, _LONGEST_WAIT)

    def _may_retry(self, left: int) -> bool:
        if left <= 0:
            return False
        allowed = self._budget.spend()
        self._told(allowed)
        return allowed
