"""Keeps the webhook server's self-made certificate in a Secret, served by every replica and trusted by the API server.

`keep` belongs to the leader: it takes one step of `certificates.next_step` after the other, whenever the Secret, a webhook
configuration or the clock gives reason to. A deleted Secret, a wiped caBundle or a lost lease in the middle of a
renewal mend themselves, since every step starts from what is stored. `follow` belongs to every replica: it shows whatever
serving certificate the Secret holds. Neither ever logs what is in the Secret. A Secret that cert-manager keeps (left by an
installation of KServe, say) is served and trusted as it is, and never written.
"""

import asyncio
import base64
import random
from collections.abc import Sequence
from contextlib import suppress

import structlog

from kservectl.admission import registration
from kservectl.admission.certificates import (
    BadCertificate,
    Step,
    Stored,
    from_secret,
    next_step,
    service_names,
    to_secret,
)
from kservectl.admission.registration import Endpoint
from kservectl.admission.tls import ServingCertificate, UnusableCertificate
from kservectl.client.client import Client
from kservectl.client.errors import AlreadyExists, ClientError, Conflict
from kservectl.clock import Clock
from kservectl.informers.factory import InformerFactory
from kservectl.informers.handlers import Change
from kservectl.informers.informer import Informer
from kservectl.objects import metadata
from kservectl.objects.kind import MUTATING_WEBHOOK_CONFIGURATION, SECRET, VALIDATING_WEBHOOK_CONFIGURATION, Kind
from kservectl.objects.metadata import Object, ObjectKey

SECRET_NAME = "kserve-webhook-server-cert"  # noqa: S105 - the name of a Secret, not one

_CERT_MANAGER_SECRET = "cert-manager.io/certificate-name"  # noqa: S105 - an annotation
_CERT_MANAGER_INJECTS = "cert-manager.io/inject-ca-from"
_CONFIGURATION_KINDS = (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION)
_FIRST_RETRY = 1.0
_LONGEST_RETRY = 60.0
_UNTIL_SEEN = 30.0
"""Seconds to wait for the cache to show an own write before looking again."""
_LONGEST_WAIT = 6 * 3600.0
"""Renewals are due by the wall clock, which may jump; so it is looked at this often at least."""


class CertificateRotation:
    """The certificate of one webhook server, for `endpoint`, trusted through the named webhook `configurations`.

    Make it before the informers start: it asks `informers` for what it watches. `guarded` is the client that writes; it
    should refuse once the lease is lost.
    """

    def __init__(
        self,
        client: Client,
        informers: InformerFactory,
        certificate: ServingCertificate,
        *,
        endpoint: Endpoint,
        configurations: Sequence[str],
        clock: Clock,
        rng: random.Random,
        secret_name: str = SECRET_NAME,
    ) -> None:
        self._client = client
        self._certificate = certificate
        self._endpoint = endpoint
        self._configurations = frozenset(configurations)
        self._names = service_names(endpoint.service, endpoint.namespace, endpoint.extra_names)
        self._clock = clock
        self._rng = rng
        self._secret_key = ObjectKey(endpoint.namespace, secret_name)
        self._secrets = informers.informer(
            SECRET, namespaces=(endpoint.namespace,), field_selector=f"metadata.name={secret_name}"
        )
        self._webhooks: dict[Kind, Informer] = {kind: informers.informer(kind) for kind in _CONFIGURATION_KINDS}
        self._reported_foreign = False
        self._kept = asyncio.Event()
        self._followed = asyncio.Event()
        self._secrets.add_handler(self._secret_changed)
        for informer in self._webhooks.values():
            informer.add_handler(self._configuration_changed)
        self._log = structlog.get_logger(__name__)

    def problem(self) -> str:
        """Why the API server would not reach or trust this server, in a sentence; "" when it would. For `/readyz`."""
        elsewhere = [
            metadata.describe({**obj, "kind": kind.kind})
            for kind, obj in self._our_configurations()
            if not registration.leads_here(obj, self._endpoint)
        ]
        return f"not registered yet in {', '.join(elsewhere)}" if elsewhere else ""

    async def follow(self) -> None:
        """Show the Secret's serving certificate, now and after every change of it, until cancelled."""
        while True:
            self._followed.clear()
            self._load()
            await self._followed.wait()

    async def keep(self) -> None:
        """Make, renew and publish certificates until cancelled. Only one replica may run this at a time."""
        for informer in (self._secrets, *self._webhooks.values()):
            await informer.wait_synced()
        failures = 0
        while True:
            self._kept.clear()
            try:
                wait = await self._step()
                failures = 0
            except (Conflict, AlreadyExists):
                wait = _UNTIL_SEEN  # the cache is behind; the change it waits for wakes us
            except (ClientError, BadCertificate) as problem:
                failures += 1
                wait = min(_FIRST_RETRY * 2 ** min(failures - 1, 10), _LONGEST_RETRY) * self._rng.uniform(0.8, 1.2)
                self._log.warning(
                    "webhook certificate is not kept", problem=str(problem), retry_in_seconds=round(wait, 1)
                )
            with suppress(TimeoutError):
                async with self._clock.timeout(wait):
                    await self._kept.wait()

    async def _step(self) -> float:
        """Do what is next; answers the seconds until there may be more to do without any change."""
        secret = self._secrets.store.get(self._secret_key)
        configurations = self._our_configurations()
        if secret is not None and _CERT_MANAGER_SECRET in metadata.annotations(secret):
            return await self._publish_foreign(secret, configurations)
        trusted = [bundle for _, obj in configurations for bundle in registration.ca_bundles(obj, self._endpoint)]
        step = next_step(_stored(secret), trusted, self._names, self._clock.now())
        if step.store is not None:
            self._log.info("webhook certificate changes", secret=str(self._secret_key), why=step.why)
            await self._write(secret, step.store)
            return _UNTIL_SEEN
        return await self._publish(step, configurations)

    async def _publish(self, step: Step, configurations: Sequence[tuple[Kind, Object]]) -> float:
        patched = 0
        for kind, obj in configurations:
            body = registration.patch(obj, self._endpoint, step.bundle)
            if body is not None:
                await self._client.patch(kind, metadata.name(obj), "", body)
                self._log.info("webhook configuration updated", configuration=metadata.describe(obj))
                patched += 1
        return _UNTIL_SEEN if patched or not step.wait else min(step.wait, _LONGEST_WAIT)

    async def _publish_foreign(self, secret: Object, configurations: Sequence[tuple[Kind, Object]]) -> float:
        """Have the CA of a Secret trusted that cert-manager keeps, where cert-manager does not do that too.

        Writing such a Secret would have both of us write it for ever.
        """
        if not self._reported_foreign:
            self._reported_foreign = True
            self._log.info("webhook certificate is kept by cert-manager", secret=str(self._secret_key))
        authority = base64.b64decode((secret.get("data") or {}).get("ca.crt") or "")
        ours = [(kind, obj) for kind, obj in configurations if _CERT_MANAGER_INJECTS not in metadata.annotations(obj)]
        return await self._publish(Step(authority, wait=_LONGEST_WAIT), ours if authority else ())

    async def _write(self, secret: Object | None, stored: Stored) -> None:
        data = {name: base64.b64encode(value).decode("ascii") for name, value in to_secret(stored).items()}
        if secret is None:
            meta = {"name": self._secret_key.name, "namespace": self._secret_key.namespace}
            await self._client.create(
                SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "Opaque", "data": data}
            )
            return
        # Replaced, not patched: the resourceVersion that was looked at must still be the one that is there.
        await self._client.update(SECRET, secret | {"apiVersion": "v1", "kind": "Secret", "data": data})

    def _load(self) -> None:
        serving = _stored(self._secrets.store.get(self._secret_key)).serving
        if serving is None:
            return  # what is shown stays shown until there is something better
        try:
            if self._certificate.load(serving.certificate, serving.key):
                self._log.info("webhook certificate loaded", expires=str(self._certificate.expires))
        except UnusableCertificate as problem:
            self._log.error("webhook certificate cannot be used", secret=str(self._secret_key), problem=str(problem))

    def _our_configurations(self) -> list[tuple[Kind, Object]]:
        return [
            (kind, obj)
            for kind, informer in self._webhooks.items()
            for obj in informer.store.list()
            if metadata.name(obj) in self._configurations
        ]

    def _secret_changed(self, change: Change) -> None:
        self._kept.set()
        self._followed.set()

    def _configuration_changed(self, change: Change) -> None:
        obj = change.new or change.old
        if obj is not None and metadata.name(obj) in self._configurations:
            self._kept.set()


def _stored(secret: Object | None) -> Stored:
    data = (secret or {}).get("data") or {}
    return from_secret({name: base64.b64decode(value or "") for name, value in data.items()})
