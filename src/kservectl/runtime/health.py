"""Whether this process lives (`/healthz`, `/livez`) and may be sent work (`/readyz`), as Kubernetes' probes ask.

Each check is a plain function that answers what is wrong, in a sentence, or nothing. The answers have the form of the API
server's own: 200 `ok`, or 500 and one line a check; `?verbose` gives the lines in either case.
"""

from collections.abc import Callable, Mapping

import structlog
from aiohttp import web
from prometheus_client import Gauge

from kservectl.clock import Clock

Check = Callable[[], str]
"""Answers the empty string when all is well, otherwise what is wrong."""


class Health:
    """The checks of a process."""

    def __init__(self) -> None:
        self._live: dict[str, Check] = {"ping": lambda: ""}
        self._ready: dict[str, Check] = {}

    def add_live(self, name: str, check: Check) -> None:
        """A check whose failure means that the process should be restarted."""
        self._live[name] = check

    def add_ready(self, name: str, check: Check) -> None:
        """A check whose failure means that the process should get no requests for now."""
        self._ready[name] = check

    @property
    def live(self) -> bool:
        return not any(_problems(self._live).values())

    @property
    def ready(self) -> bool:
        """Whether nothing stands in the way of taking requests; what keeps a process from living does too."""
        return self.live and not any(_problems(self._ready).values())

    def application(self) -> web.Application:
        """The HTTP application that answers the probes."""

        async def live(request: web.Request) -> web.Response:
            return _answer(request, self._live)

        async def ready(request: web.Request) -> web.Response:
            return _answer(request, {**self._live, **self._ready})

        app = web.Application()
        app.router.add_get("/healthz", live)
        app.router.add_get("/livez", live)
        app.router.add_get("/readyz", ready)
        return app


class LoopWatchdog:
    """Measures how late the event loop is; what blocks it blocks every watch, review and probe."""

    def __init__(self, *, clock: Clock, gauge: Gauge | None = None, interval: float = 0.5, limit: float = 1.0) -> None:
        self._clock = clock
        self._gauge = gauge
        self._interval = interval
        self._limit = limit
        self._lag = 0.0
        self._expected: float | None = None
        self._log = structlog.get_logger(component="watchdog")

    async def run(self) -> None:
        while True:
            self._expected = self._clock.monotonic() + self._interval
            await self._clock.sleep(self._interval)
            self._lag = max(0.0, self._clock.monotonic() - self._expected)
            if self._gauge is not None:
                self._gauge.set(self._lag)
            if self._lag > self._limit:
                self._log.warning("the event loop was blocked", seconds=round(self._lag, 3))

    def check(self) -> str:
        """Fails while the loop's last turn, or the one that is due, is later than the limit."""
        overdue = 0.0 if self._expected is None else self._clock.monotonic() - self._expected
        late = max(self._lag, overdue)
        return f"the event loop is {late:.1f} s late" if late > self._limit else ""


def _problems(checks: Mapping[str, Check]) -> dict[str, str]:
    problems = {}
    for name, check in checks.items():
        try:
            problems[name] = check()
        except Exception as error:  # a check that fails is a check that says no
            problems[name] = f"{type(error).__name__}: {error}"
    return problems


def _answer(request: web.Request, checks: Mapping[str, Check]) -> web.Response:
    problems = _problems(checks)
    failed = any(problems.values())
    lines = [f"[-]{name} failed: {problem}" if problem else f"[+]{name} ok" for name, problem in problems.items()]
    verdict = f"{request.path.strip('/')} check {'failed' if failed else 'passed'}"
    if failed or "verbose" in request.query:
        return web.Response(text="\n".join((*lines, verdict)) + "\n", status=500 if failed else 200)
    return web.Response(text="ok")
