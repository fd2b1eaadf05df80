"""The HTTPS server that the API server asks before it stores an object.

Every review that was decided is answered with HTTP 200, refusals too; so is one that cannot be decoded but for its uid. Other
statuses mean that nothing was decided: 400 not a review, 404 no such path, 405 not POST, 408 too slow, 413 too large, 415 not
JSON, 500 a handler failed, 503 not ready.

A handler is a plain function of the request and a View, and must be idempotent. It does no I/O, so that a dry run needs
no case of its own; what it must see beyond the caches the server reads for it (`runtime.reading`), within the review's deadline.
The server knows no kind of object.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial

import orjson
import structlog
from aiohttp import web

from kservectl.admission import review
from kservectl.admission.listener import Listener
from kservectl.admission.metrics import WebhookMetrics
from kservectl.admission.review import AdmissionRequest, Denied, MalformedReview, Verdict
from kservectl.admission.tls import ServingCertificate
from kservectl.clock import Clock
from kservectl.objects.jsonpatch import json_patch
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader, Reference, Unreadable
from kservectl.runtime.view import View

MAX_BODY = 7 * 1024 * 1024
"""Bytes of a review: two objects of the largest size that a cluster stores, and what is around them."""

_DEFAULT_TIMEOUT = 10.0
_TIMEOUT_MARGIN = 1.0
_LONGEST_TIMEOUT = 30.0
_KEEP_ALIVE = 120.0
_LINGER = 1.0
"""Seconds in which the rest of a refused body is read away, so that its sender gets to read the answer."""


@dataclass(frozen=True, slots=True)
class Mutated:
    """The object as it should be stored, with warnings that are shown to the user."""

    object: Object
    warnings: tuple[str, ...] = ()


Mutate = Callable[[AdmissionRequest, View], Object | Mutated | Denied]
"""Answers the object as it should be stored; what it was given must not be changed in place."""

Needs = Callable[[AdmissionRequest, View], Collection[Reference]]
"""What a handler must see of the cluster; what the View holds already may be among it."""

Validate = Callable[[AdmissionRequest, View], Verdict | Denied]


@dataclass(frozen=True, slots=True)
class Mutating:
    """A mutating handler at a path, and what it needs to see that no cache holds."""

    path: str
    mutate: Mutate
    needs: Needs | None = None


@dataclass(frozen=True, slots=True)
class Validating:
    """A validating handler at a path."""

    path: str
    validate: Validate


Webhook = Mutating | Validating


class WebhookServer:
    """Serves `webhooks` on `host`:`port` with `certificate`; port 0 takes a free one.

    `view` makes the View for one request. `not_ready` says in a sentence why requests cannot be decided yet (caches that
    are not filled), or "".
    """

    def __init__(
        self,
        webhooks: Sequence[Webhook],
        *,
        view: Callable[[], View],
        certificate: ServingCertificate,
        metrics: WebhookMetrics,
        clock: Clock,
        host: str = "",
        port: int = 9443,
        not_ready: Callable[[], str] = lambda: "",
        reader: LiveReader | None = None,
        drain_seconds: float = 10.0,
    ) -> None:
        self._view = view
        self._certificate = certificate
        self._metrics = metrics
        self._clock = clock
        self._host = host
        self._port = port
        self._not_ready = not_ready
        self._reader = reader
        self._drain_seconds = drain_seconds
        self._log = structlog.get_logger(__name__)
        self._listening: int | None = None
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._webhooks = {webhook.path: webhook for webhook in webhooks}
        for path in self._webhooks:
            metrics.announce(path)
        if reader is None and any(isinstance(webhook, Mutating) and webhook.needs for webhook in webhooks):
            raise ValueError("a webhook needs to read what no cache holds, and there is no reader")

    @property
    def paths(self) -> Sequence[str]:
        return tuple(self._webhooks)

    @property
    def port(self) -> int | None:
        """The port it listens on; None while it does not."""
        return self._listening

    def problem(self) -> str:
        """Why the server cannot answer, in a sentence; "" when it can. For `/readyz`."""
        if not self._certificate.loaded.is_set():
            return "the webhook server has no certificate yet"
        if self._listening is None:
            return "the webhook server does not listen yet"
        return self._not_ready()

    async def run(self) -> None:
        """Listen as soon as there is a certificate, until cancelled; reviews in flight are answered before it returns."""
        await self._certificate.loaded.wait()
        self._metrics.watch_expiry("serving", lambda: self._certificate.seconds_left(self._clock.now()))
        application = web.Application(client_max_size=MAX_BODY)
        for path, webhook in self._webhooks.items():
            application.router.add_post(path, partial(self._serve, webhook))
        runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=_KEEP_ALIVE,
            lingering_time=_LINGER,
            shutdown_timeout=self._drain_seconds,
        )
        await runner.setup()
        listener = Listener(runner, self._certificate.context)
        try:
            self._listening = await listener.start(self._host or None, self._port)
            self._log.info("webhook server listens", port=self._listening, paths=list(self._webhooks))
            await asyncio.Event().wait()
        finally:
            self._listening = None
            listener.close()
            await self._drain()
            await runner.cleanup()

    async def _drain(self) -> None:
        """Let the reviews that have begun to arrive end."""
        with suppress(TimeoutError):  # who has not ended by then is cut off
            async with self._clock.timeout(self._drain_seconds):
                await self._idle.wait()

    async def _serve(self, webhook: Webhook, http: web.Request) -> web.StreamResponse:
        path = webhook.path
        started = self._clock.monotonic()
        self._metrics.in_flight.labels(path).inc()
        self._in_flight += 1
        self._idle.clear()
        code = 500
        try:
            answer = await self._answer(webhook, http)
        except web.HTTPException as refused:
            code = refused.status
            raise
        else:
            code = answer.status
            if self._listening is None:
                answer.force_close()  # the next review belongs to another replica
            return answer
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()
            self._metrics.in_flight.labels(path).dec()
            self._metrics.requests.labels(path, str(code)).inc()
            self._metrics.latency.labels(path).observe(self._clock.monotonic() - started)

    async def _answer(self, webhook: Webhook, http: web.Request) -> web.Response:
        if http.content_type != "application/json":
            return _refused(415, f"send application/json, not {http.content_type}", unread=True)
        problem = self._not_ready()
        if problem:
            return _refused(503, problem, unread=True)
        if (http.content_length or 0) > MAX_BODY:
            return _refused(413, f"a review may have at most {MAX_BODY} bytes", unread=True)
        # A handler is a plain function and cannot be interrupted: what can take long is the waiting for others.
        deadline = self._clock.monotonic() + _deadline(http.query.get("timeout", ""))
        try:
            async with self._until(deadline):
                body = await http.read()
        except TimeoutError:
            return _refused(408, "the review did not arrive in time", unread=True)
        except ConnectionError:
            return _refused(400, "the caller went away before the review had arrived", unread=True)
        try:
            request = review.decode(body)
        except MalformedReview as refused:
            if refused.uid:
                return web.Response(body=review.malformed(refused), content_type="application/json")
            return _refused(400, str(refused))
        try:
            answer = await self._review(webhook, request, deadline)
        except (RecursionError, orjson.JSONEncodeError):  # the encoder has a limit of its own
            deep = Denied(f"{_name(request)} is nested too deeply", code=400, reason="BadRequest")
            answer = self._deny(webhook, request, deep)
        except Exception:
            # The border to code that is handed in: whatever goes wrong there must cost this one request only.
            self._log.exception("webhook failed", path=webhook.path, **_about(request))
            return _refused(500, f"the webhook failed on {_name(request)}; its log tells more under uid {request.uid}")
        return web.Response(body=answer, content_type="application/json")

    async def _review(self, webhook: Webhook, request: AdmissionRequest, deadline: float) -> bytes:
        view = self._view()
        if isinstance(webhook, Mutating) and webhook.needs is not None and self._reader is not None:
            try:
                async with self._until(deadline):
                    view = await self._reader.complete(partial(webhook.needs, request), view)
            except TimeoutError:
                message = f"what is needed to decide about {_name(request)} could not be read in time; try again"
                return self._deny(webhook, request, Denied(message, code=504, reason="Timeout"))
            except Unreadable as problem:
                return self._deny(webhook, request, Denied(str(problem), code=500, reason="InternalError"))
        return self._decide(webhook, request, view)

    def _until(self, deadline: float) -> AbstractAsyncContextManager[object]:
        return self._clock.timeout(max(deadline - self._clock.monotonic(), 0.0))

    def _decide(self, webhook: Webhook, request: AdmissionRequest, view: View) -> bytes:
        if isinstance(webhook, Validating):
            verdict = webhook.validate(request, view)
            if isinstance(verdict, Denied):
                return self._deny(webhook, request, verdict)
            if verdict.errors:
                self._metrics.reviewed(webhook.path, "refused")
                self._log.info("refused", path=webhook.path, errors=len(verdict.errors), **_about(request))
                return review.invalid(request, verdict)
            return self._allow(webhook, request, warnings=verdict.warnings)
        if request.object is None:
            return self._allow(webhook, request)
        mutated = webhook.mutate(request, view)
        if isinstance(mutated, Denied):
            return self._deny(webhook, request, mutated)
        obj, warnings = (mutated.object, mutated.warnings) if isinstance(mutated, Mutated) else (mutated, ())
        patch = [] if obj is request.object else json_patch(request.object, obj)
        return self._allow(webhook, request, patch=patch, warnings=warnings)

    def _allow(
        self, webhook: Webhook, request: AdmissionRequest, *, patch: Sequence[Object] = (), warnings: Sequence[str] = ()
    ) -> bytes:
        self._metrics.reviewed(webhook.path, "allowed")
        return review.allow(request, patch=patch, warnings=warnings)

    def _deny(self, webhook: Webhook, request: AdmissionRequest, denied: Denied) -> bytes:
        self._metrics.reviewed(webhook.path, "failed" if denied.code >= 500 else "refused")
        self._log.info("refused", path=webhook.path, reason=denied.reason, **_about(request))
        return review.deny(request, denied)


def _deadline(asked: str) -> float:
    """Seconds until an answer is late: what the API server's `timeout` query says (`10s`), less a margin."""
    number = asked.removesuffix("s")
    # An odd value is as good as none: the caller's own limit holds anyway.
    seconds = float(number) if number.isdecimal() else _DEFAULT_TIMEOUT
    return max(min(seconds, _LONGEST_TIMEOUT) - _TIMEOUT_MARGIN, 0.1)


def _refused(code: int, sentence: str, *, unread: bool = False) -> web.Response:
    response = web.Response(status=code, text=sentence)
    if unread:
        response.force_close()  # what is still to come of the body is not worth reading
    return response


def _name(request: AdmissionRequest) -> str:
    return (
        f"{request.kind} {request.namespace}/{request.name}" if request.namespace else f"{request.kind} {request.name}"
    )


def _about(request: AdmissionRequest) -> dict[str, object]:
    return {
        "uid": request.uid,
        "operation": request.operation,
        "object": _name(request),
        "dry_run": request.dry_run,
    }
