"""A webhook server for tests: answers AdmissionReviews with what a plain function says, and remembers the requests."""

import base64
import datetime
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Review = dict[str, Any]
Answer = Callable[[Review], dict[str, Any]]
"""From the `request` of a review to the `response`, without its uid."""


@dataclass
class WebhookServer:
    url: str = ""
    bundle: str = ""
    answer: Answer = lambda request: {"allowed": True}
    requests: list[Review] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        review = json.loads(await request.read())
        self.requests.append(review["request"])
        self.paths.append(str(request.rel_url))
        response = {"uid": review["request"]["uid"], **self.answer(review["request"])}
        return web.json_response({"kind": "AdmissionReview", "apiVersion": review["apiVersion"], "response": response})


@asynccontextmanager
async def webhook_server(tls: ssl.SSLContext, bundle: str) -> AsyncIterator[WebhookServer]:
    server = WebhookServer(bundle=bundle)
    app = web.Application()
    app.router.add_post("/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    server.url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """A response that allows and patches."""
    encoded = base64.b64encode(json.dumps(operations).encode()).decode()
    return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def webhook(name: str, server: WebhookServer, **more: Any) -> dict[str, Any]:
    """A webhook for all ConfigMaps."""
    rule = {"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
    return {
        "name": f"{name}.example.com",
        "clientConfig": {"url": f"{server.url}/{name}", "caBundle": server.bundle},
        "rules": [rule],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "objectSelector": {"matchExpressions": [{"key": "unseen", "operator": "DoesNotExist"}]},
        **more,
    }


def self_signed(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """A server context with a certificate for `name`, and the caBundle that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([_alternative(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(pem + private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "both.pem")
    return context, base64.b64encode(pem).decode()


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
