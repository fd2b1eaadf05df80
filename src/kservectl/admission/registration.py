"""What a webhook configuration must say so that the API server finds this webhook server and trusts it.

Pure: looks at a Mutating- or ValidatingWebhookConfiguration and answers the patch that puts it right, or None. Only
`clientConfig` is touched, and only in entries that call this server.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from kservectl.objects import metadata
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the API server finds the webhook server: a Service, or `url` (scheme, host and port) if that is not empty."""

    service: str
    namespace: str
    url: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if self.url and (parts.scheme != "https" or not parts.hostname or parts.path.strip("/")):
            raise ValueError(f"{self.url!r} is not https://HOST[:PORT], which the API server needs to call webhooks")

    @property
    def extra_names(self) -> tuple[str, ...]:
        """What a certificate must cover besides the Service's names."""
        if not self.url:
            return ()
        return tuple(dict.fromkeys((str(urlsplit(self.url).hostname), "localhost", "127.0.0.1")))


def ca_bundles(configuration: Object, endpoint: Endpoint) -> list[bytes]:
    """The caBundle (PEM) of each entry that calls this server; empty where it is missing or unreadable."""
    return [_bundle(config) for config in _client_configs(configuration) if _is_ours(config, endpoint)]


def leads_here(configuration: Object, endpoint: Endpoint) -> bool:
    """Whether every entry of this server calls `endpoint` and trusts some CA."""
    return all(
        bool(bundle := _bundle(webhook.get("clientConfig") or {})) and _registered(webhook, endpoint, bundle) == webhook
        for webhook in configuration.get("webhooks") or []
        if _is_ours(webhook.get("clientConfig") or {}, endpoint)
    )


def patch(configuration: Object, endpoint: Endpoint, ca_bundle: bytes) -> Object | None:
    """The merge patch that makes every entry of this server lead to `endpoint` and trust `ca_bundle`; None if all do.

    It carries the resourceVersion that was looked at: a merge patch replaces the list as a whole, and a change in between
    must not be lost.
    """
    webhooks = configuration.get("webhooks") or []
    wanted = [_registered(webhook, endpoint, ca_bundle) for webhook in webhooks]
    if wanted == webhooks:
        return None
    return {"metadata": {"resourceVersion": metadata.resource_version(configuration)}, "webhooks": wanted}


def _registered(webhook: Object, endpoint: Endpoint, ca_bundle: bytes) -> Object:
    config: Mapping[str, Any] = webhook.get("clientConfig") or {}
    if not _is_ours(config, endpoint):
        return webhook
    encoded = base64.b64encode(ca_bundle).decode("ascii")
    service: Mapping[str, Any] = config.get("service") or {}
    path = _path(config)
    if endpoint.url:
        return webhook | {"clientConfig": {"url": endpoint.url.rstrip("/") + path, "caBundle": encoded}}
    found = {"name": endpoint.service, "namespace": endpoint.namespace, "path": path, "port": service.get("port", 443)}
    return webhook | {"clientConfig": {"service": found, "caBundle": encoded}}


def _is_ours(config: Mapping[str, Any], endpoint: Endpoint) -> bool:
    """An entry that calls our Service, or that a run outside the cluster has pointed at a URL."""
    service = config.get("service")
    if not service:
        return bool(config.get("url"))
    return bool(service.get("name") == endpoint.service and service.get("namespace") == endpoint.namespace)


def _path(config: Mapping[str, Any]) -> str:
    service: Mapping[str, Any] = config.get("service") or {}
    return str(service.get("path") or urlsplit(str(config.get("url") or "")).path or "/")


def _client_configs(configuration: Object) -> Sequence[Mapping[str, Any]]:
    return [webhook.get("clientConfig") or {} for webhook in configuration.get("webhooks") or []]


def _bundle(config: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(config.get("caBundle") or ""), validate=True)
    except binascii.Error:
        return b""
