"""Counts and times of API requests, under client-go's metric names, so that existing dashboards work."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_DURATIONS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

NO_ANSWER = "<error>"
"""The `code` of a request that no answer came to, as client-go writes it."""


class ClientMetrics:
    """The `rest_client_*` metrics of a process, and its own; registered in `registry`; one instance serves all connections."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "rest_client_requests_total",
            "Number of HTTP requests, partitioned by status code, method, and host.",
            ("code", "method", "host"),
            registry=registry,
        )
        self._durations = Histogram(
            "rest_client_request_duration_seconds",
            "Request latency in seconds. Broken down by verb, and host.",
            ("verb", "host"),
            buckets=_DURATIONS,
            registry=registry,
        )
        self._retries = Counter(
            "rest_client_request_retries_total",
            "Number of request retries, partitioned by status code, verb, and host.",
            ("code", "verb", "host"),
            registry=registry,
        )

        self._concurrency = Gauge(
            "kservectl_request_concurrency_limit",
            "Requests that may be under way at once, which a server that refuses some for overload lowers.",
            ("host",),
            registry=registry,
        )

    def concurrency(self, host: str) -> Callable[[float], None]:
        """Takes the limit of requests at once, whenever it changes."""
        return self._concurrency.labels(host).set

    def answered(self, method: str, host: str, code: str, seconds: float) -> None:
        """One attempt ended: `code` is the HTTP status or NO_ANSWER; `seconds` until the status line of the answer."""
        self._requests.labels(code, method, host).inc()
        self._durations.labels(method, host).observe(seconds)

    def retried(self, method: str, host: str, code: str) -> None:
        """An attempt that ended with `code` is followed by another one."""
        self._retries.labels(code, method, host).inc()
