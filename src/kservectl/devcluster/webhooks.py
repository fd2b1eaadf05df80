"""Admission webhooks, called as kube-apiserver calls them.

Mutating ones one after another, in the order of their configurations' names, and once more those with reinvocationPolicy
IfNeeded whose object was changed by a later one; validating ones at the same time.
"""

import asyncio
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import structlog

from kservectl.client.errors import ApiError
from kservectl.clock import Clock
from kservectl.devcluster.admission import Attributes, Mutated
from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.refusals import internal_error, refusal
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.storage import Store
from kservectl.devcluster.webhook_call import Caller, CallFailed, Resolver, Verdict, admission_request
from kservectl.devcluster.webhook_rules import ConditionFailed, Rules, Webhook, judge_conditions, webhooks_of
from kservectl.objects.kind import MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION, Kind
from kservectl.objects.metadata import Object


class Webhooks:
    """The `Admission` of the webhook configurations that are stored."""

    def __init__(
        self, store: Store, registry: Registry, *, clock: Clock, resolver: Resolver, random_source: random.Random
    ) -> None:
        self._store = store
        self._registry = registry
        self._rules = Rules(store, registry)
        self._caller = Caller(clock, resolver)
        self._random = random_source
        self._log = structlog.get_logger()

    async def close(self) -> None:
        await self._caller.close()

    async def mutate(self, attributes: Attributes) -> Mutated:
        """Call the mutating webhooks; raises ApiError when one refuses or fails closed."""
        webhooks = self._webhooks(MUTATING_WEBHOOK_CONFIGURATION)
        if not webhooks:
            return Mutated(attributes.object)
        warnings: tuple[str, ...] = ()
        seen: dict[int, Object | None] = {}
        current = attributes
        for again in (False, True):
            for position, webhook in enumerate(webhooks):
                if again and not self._is_due_again(webhook, position, seen, current):
                    continue
                verdict = await self._ask(webhook, current)
                if verdict is None:
                    continue
                warnings += verdict.warnings
                if verdict.object is not None:
                    current = replace(current, object=verdict.object)
                seen[position] = current.object
        return Mutated(current.object, warnings)

    async def validate(self, attributes: Attributes) -> tuple[str, ...]:
        """Call the validating webhooks; raises the refusal of the first in order."""
        webhooks = self._webhooks(VALIDATING_WEBHOOK_CONFIGURATION)
        if not webhooks:
            return ()
        verdicts = await asyncio.gather(
            *(self._ask(webhook, attributes) for webhook in webhooks), return_exceptions=True
        )
        warnings: tuple[str, ...] = ()
        for verdict in verdicts:
            if isinstance(verdict, BaseException):
                raise verdict
            warnings += verdict.warnings if verdict is not None else ()
        return warnings

    def _webhooks(self, kind: Kind) -> Sequence[Webhook]:
        collection = self._store.collection(resource_of(kind))
        return webhooks_of(entry.object for entry in collection.entries()) if len(collection) else ()

    def _is_due_again(
        self, webhook: Webhook, position: int, seen: Mapping[int, Object | None], current: Attributes
    ) -> bool:
        return webhook.reinvoked and position in seen and seen[position] is not current.object

    async def _ask(self, webhook: Webhook, attributes: Attributes) -> Verdict | None:
        """The verdict of one webhook on its own version of the object; None when it was not asked or failed open."""
        version = self._rules.version_to_send(webhook, attributes)
        if version is None:
            return None
        request = self._request(attributes, version)
        try:
            if judge_conditions(webhook, request) == "skip":
                return None
        except ConditionFailed as error:
            if webhook.fails_closed:
                raise internal_error(f'failed calling webhook "{webhook.name}": {error}') from error
            return None
        try:
            verdict = await self._caller.call(webhook, request)
        except CallFailed as error:
            if webhook.fails_closed:
                raise internal_error(f'failed calling webhook "{webhook.name}": {error}') from error
            self._log.warning("webhook failed open", webhook=webhook.name, error=str(error))
            return None
        if not verdict.allowed:
            raise _denied(webhook.name, verdict.status)
        if verdict.object is not None and version is not attributes.served:
            return replace(verdict, object=self._registry.convert(verdict.object, attributes.served.kind))
        return verdict

    def _request(self, attributes: Attributes, version: ServedKind) -> Object:
        obj, old = (
            None if one is None else self._registry.convert(one, version.kind)
            for one in (attributes.object, attributes.old)
        )
        uid = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        return admission_request(uid, attributes, version, obj, old)


def _denied(name: str, status: Mapping[str, Any]) -> ApiError:
    """The refusal that a webhook asks for: its own code and reason, 400 when it names none."""
    said = f'admission webhook "{name}" denied the request'
    message, reason = str(status.get("message") or ""), str(status.get("reason") or "")
    text = f"{said}: {message or reason}" if message or reason else f"{said} without explanation"
    code = int(status.get("code") or 0)
    return refusal(code if code >= 400 else 400, reason, text, details=status.get("details"))
