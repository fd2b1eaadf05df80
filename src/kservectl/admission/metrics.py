"""Counts and times of admission requests, under controller-runtime's metric names, so that existing dashboards work."""

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class WebhookMetrics:
    """The `controller_runtime_webhook_*` metrics of a process; `webhook` is the path, as in controller-runtime."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "controller_runtime_webhook_requests_total",
            "Total number of admission requests by HTTP status code.",
            ("webhook", "code"),
            registry=registry,
        )
        self.latency = Histogram(
            "controller_runtime_webhook_latency_seconds",
            "Histogram of the latency of processing admission requests.",
            ("webhook",),
            registry=registry,
        )
        self.in_flight = Gauge(
            "controller_runtime_webhook_requests_in_flight",
            "Current number of admission requests being served.",
            ("webhook",),
            registry=registry,
        )
        self._reviews = Counter(
            "kservectl_webhook_reviews_total",
            "Reviews by their verdict: allowed, refused (the object is at fault), failed (something else is).",
            ("webhook", "verdict"),
            registry=registry,
        )
        self._expiry = Gauge(
            "kservectl_certificate_expiry_seconds",
            "Seconds until a certificate of the webhook server expires; negative once it has.",
            ("kind",),
            registry=registry,
        )

    def announce(self, webhook: str) -> None:
        """Show this webhook's metrics from the start, as zeros, so that rates see its first request."""
        for code in ("200", "500"):
            self.requests.labels(webhook, code)
        for verdict in ("allowed", "refused", "failed"):
            self._reviews.labels(webhook, verdict)
        self.latency.labels(webhook)
        self.in_flight.labels(webhook)

    def reviewed(self, webhook: str, verdict: Literal["allowed", "refused", "failed"]) -> None:
        """A review got its verdict."""
        self._reviews.labels(webhook, verdict).inc()

    def watch_expiry(self, kind: str, seconds_left: Callable[[], float]) -> None:
        """Show what `seconds_left` answers at the moment of each scrape, under this `kind`."""
        self._expiry.labels(kind).set_function(seconds_left)
