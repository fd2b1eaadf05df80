"""One call of one webhook: the AdmissionReview that goes out, and what came back, checked.

Errors are worded as kube-apiserver words them, since people search for these texts.
"""

import base64
import binascii
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jsonpatch
import orjson

from kservectl.clock import Clock
from kservectl.devcluster.admission import Attributes
from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.webhook_rules import Webhook
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

Resolver = Callable[[str, str, int], str | None]
"""The base URL (`https://127.0.0.1:9443`) behind a Service, by namespace, name and port; None when there is none."""

_VERSIONS = ("v1", "v1beta1")


class CallFailed(Exception):
    """The webhook gave no usable answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a webhook said. `object` is the patched one, or None when it changed nothing."""

    allowed: bool
    status: Mapping[str, Any]
    warnings: tuple[str, ...]
    object: Object | None


class Caller:
    """Calls webhooks over one HTTP session. Close it when done."""

    def __init__(self, clock: Clock, resolver: Resolver) -> None:
        self._clock = clock
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        session, self._session = self._session, None  # who asks meanwhile opens another
        if session is not None:
            await session.close()

    async def call(self, webhook: Webhook, request: Mapping[str, Any]) -> Verdict:
        """Ask a webhook about an AdmissionRequest; raises CallFailed."""
        version = next((one for one in webhook.spec.get("admissionReviewVersions") or ("v1",) if one in _VERSIONS), "")
        if not version:
            raise CallFailed("webhook does not accept known AdmissionReview versions (v1, v1beta1)")
        review = {"kind": "AdmissionReview", "apiVersion": f"admission.k8s.io/{version}", "request": request}
        answered = await self._post(webhook, orjson.dumps(review))
        return _read(answered, version, request)

    async def _post(self, webhook: Webhook, body: bytes) -> Any:
        config = webhook.spec.get("clientConfig") or {}
        shown, url, server_name = self._address(config, webhook.timeout)
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with (
                self._clock.timeout(webhook.timeout),
                self._session.post(
                    url,
                    data=body,
                    headers={"Content-Type": "application/json", "User-Agent": "kube-apiserver-admission"},
                    ssl=_trust(config.get("caBundle") or "") if url.startswith("https") else True,
                    server_hostname=server_name,
                ) as response,
            ):
                raw = await response.read()
                if response.status != 200:
                    text = raw.decode(errors="replace")
                    raise CallFailed(
                        f"failed to call webhook: the server rejected our request: {response.status} {text}"
                    )
        except TimeoutError as error:
            raise CallFailed(f'failed to call webhook: Post "{shown}": context deadline exceeded') from error
        except (aiohttp.ClientError, ssl.SSLError, OSError) as error:
            raise CallFailed(f'failed to call webhook: Post "{shown}": {_why(error)}') from error
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise CallFailed(f"received invalid webhook response: couldn't get version/kind: {error}") from error

    def _address(self, config: Mapping[str, Any], timeout: float) -> tuple[str, str, str | None]:
        """The URL to show, the URL to call, and the name that its certificate has to carry (None: the URL's own)."""
        suffix = f"timeout={timeout:g}s"
        if config.get("url"):
            url = str(config["url"])
            url += ("&" if urlsplit(url).query else "?") + suffix
            return url, url, None
        service = config.get("service") or {}
        namespace, name = str(service.get("namespace", "")), str(service.get("name", ""))
        port = int(service.get("port") or 443)
        path = "/" + str(service.get("path") or "").lstrip("/")
        shown = f"https://{name}.{namespace}.svc:{port}{path}?{suffix}"
        base = self._resolver(namespace, name, port)
        if base is None:
            raise CallFailed(f'failed to call webhook: Post "{shown}": service "{name}" not found')
        url = f"{base.rstrip('/')}{path}?{suffix}"
        return shown, url, f"{name}.{namespace}.svc" if url.startswith("https") else None


@lru_cache(maxsize=64)
def _trust(bundle: str) -> ssl.SSLContext:
    """A TLS context that trusts the authority of a caBundle, or the system's without one."""
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
    except (binascii.Error, UnicodeDecodeError, ssl.SSLError) as error:
        raise CallFailed(
            "failed to call webhook: unable to load root certificates: unable to parse bytes as PEM block"
        ) from error


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: x509: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionRefusedError):
            return f"dial tcp {error.host}:{error.port}: connect: connection refused"
        return f"dial tcp {error.host}:{error.port}: {error.os_error}"
    return "EOF" if isinstance(error, aiohttp.ServerDisconnectedError) else str(error)


def admission_request(
    uid: str, attributes: Attributes, version: ServedKind, obj: Object | None, old: Object | None
) -> Object:
    """The AdmissionRequest about objects that are in the version to send already."""
    kind, asked = version.kind, attributes.served.kind
    request: Object = {
        "uid": uid,
        "kind": _kind(kind),
        "resource": _resource(kind),
        "requestKind": _kind(asked),
        "requestResource": _resource(asked),
        "operation": attributes.operation,
        "userInfo": attributes.user.to_json(),
        "object": obj,
        "oldObject": old,
        "dryRun": attributes.dry_run,
        "options": attributes.options or None,
    }
    if attributes.subresource:
        request |= {"subResource": attributes.subresource, "requestSubResource": attributes.subresource}
    if attributes.name:
        request["name"] = attributes.name
    if kind.namespaced:
        request["namespace"] = attributes.namespace
    elif kind.plural == "namespaces" and attributes.name:
        request["namespace"] = attributes.name
    return request


def _kind(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _resource(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}


def _read(review: Any, version: str, request: Mapping[str, Any]) -> Verdict:
    """The verdict in an AdmissionReview; raises CallFailed for anything that is not one."""
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise CallFailed("received invalid webhook response: webhook response was absent")
    if version == "v1":
        wanted = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}
        if any(review.get(field) != value for field, value in wanted.items()):
            found = f"apiVersion {review.get('apiVersion')!r}, kind {review.get('kind')!r}"
            raise CallFailed(
                f"received invalid webhook response: expected webhook response of admission.k8s.io/v1, got {found}"
            )
        if response.get("uid") != request["uid"]:
            raise CallFailed(
                f'received invalid webhook response: expected response.uid="{request["uid"]}", got "{response.get("uid", "")}"'
            )
    allowed = response.get("allowed") is True
    patched = _patched(response, version, request) if allowed else None
    return Verdict(allowed, response.get("status") or {}, tuple(response.get("warnings") or ()), patched)


def _patched(response: Mapping[str, Any], version: str, request: Mapping[str, Any]) -> Object | None:
    encoded = response.get("patch")
    if not encoded:
        return None
    if version == "v1" and response.get("patchType") != "JSONPatch":
        raise CallFailed(
            "received invalid webhook response: webhook returned response.patch but not response.patchType"
        )
    try:
        operations = orjson.loads(base64.b64decode(encoded))
        patched = jsonpatch.apply_patch(request["object"], operations)
    except (ValueError, TypeError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise CallFailed(f"the patch in the webhook response does not apply: {error}") from error
    if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
        raise CallFailed("the patch in the webhook response leaves no object with metadata")
    return None if patched == request["object"] else patched
