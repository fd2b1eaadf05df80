"""Reads a cluster as the manager would, has its controllers decide, and gathers what would come of it. Writes nothing.

Caches are filled as the manager fills them, so decisions see what its decisions would see. The client refuses every write; only
the questions about rights, which change nothing, go past that.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, INFERENCE_SERVICE, SERVING_RUNTIME
from kservectl.assembly import CONTROLLERS, KSERVE, LEASE_NAME, webhooks
from kservectl.client.client import Client
from kservectl.client.errors import ClientError, NotFound
from kservectl.clock import Clock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.contract import InvalidObject, TypeSystem
from kservectl.devcluster.types import builtin_types
from kservectl.informers import InformerFactory
from kservectl.manifests.names import MANAGER
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CUSTOM_RESOURCE_DEFINITION,
    LEASE,
    MUTATING_WEBHOOK_CONFIGURATION,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.preflight import admitted, rights, surroundings
from kservectl.preflight.forecast import Forecaster
from kservectl.preflight.report import Finding, Forecast, Report
from kservectl.runtime.controller import Controller
from kservectl.runtime.outcome import Child, Outcome
from kservectl.runtime.sources import Sources
from kservectl.runtime.view import View

_SYNC_SECONDS = 120.0
_AT_ONCE = 8
_WEBHOOK_KINDS = (MUTATING_WEBHOOK_CONFIGURATION, VALIDATING_WEBHOOK_CONFIGURATION)
_LOG = structlog.get_logger(component="preflight")

Progress = Callable[[str], None]
"""Told in a few words what is being done."""


class WouldWrite(Exception):
    """Something tried to write although a preflight only reads: a mistake of ours."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What to look at: `namespaces` (none for all), and the rights of `account` in the system namespace ("" for nobody's)."""

    settings: Settings
    namespaces: Sequence[str] = ()
    account: str = MANAGER

    @property
    def system_namespace(self) -> str:
        return self.settings.system_namespace


@dataclass(frozen=True, slots=True)
class _Decided:
    controller: Controller
    owner: Object
    outcome: Outcome
    view: View


async def inspect(client: Client, clock: Clock, inspection: Inspection, progress: Progress) -> Report:
    """Raises ClientError and CacheSyncTimeout when the cluster cannot be read."""
    reading = client.guarded_by(_refuse)
    progress("looking at definitions, webhooks and rights")
    definitions = await _listed(reading, CUSTOM_RESOURCE_DEFINITION)
    findings = [
        *surroundings.definition_findings(definitions),
        *await _around(reading, clock, inspection),
        *await _rights(client, inspection),
    ]
    served = {metadata.name(each) for each in definitions}
    if INFERENCE_SERVICE.resource not in served:
        return Report(tuple(findings))
    controllers = [build(inspection.settings) for build in CONTROLLERS.values()]
    controllers = [each for each in controllers if each.kind.resource in served]
    forecaster = Forecaster(_types(definitions, controllers), KSERVE, clock.now())
    factory = InformerFactory(reading, clock=clock, rng=random.Random())  # noqa: S311 - spreads load, guards no secret
    sources = [
        Sources(each, factory, clock=clock, namespaces=inspection.namespaces, predecessors=KSERVE.managers)
        for each in controllers
    ]
    async with asyncio.TaskGroup() as group:
        running = group.create_task(factory.run(), name="informers")
        progress("reading the cluster")
        for each in sources:
            await each.wait_synced(_SYNC_SECONDS)
        decided, undecided = await _decide(list(zip(controllers, sources, strict=True)), progress)
        unseen = await _unseen(reading, forecaster, decided, progress)
        found = [*undecided, *await _forecast(forecaster, decided, unseen, progress)]
        found += _admission(sources[0].view(), inspection.system_namespace)
        running.cancel()
    return Report(tuple(findings), tuple(_together(found)))


async def _around(client: Client, clock: Clock, inspection: Inspection) -> list[Finding]:
    namespace = inspection.system_namespace
    configurations = [{**obj, "kind": kind.kind} for kind in _WEBHOOK_KINDS for obj in await _listed(client, kind)]
    paths = {webhook.path for webhook in webhooks(namespace)}
    try:
        lease = await client.get(LEASE, LEASE_NAME, namespace)
    except NotFound:
        lease = None
    return [
        *surroundings.webhook_findings(configurations, namespace, paths),
        *surroundings.lease_findings(lease, namespace, clock.now()),
    ]


async def _rights(client: Client, inspection: Inspection) -> list[Finding]:
    account, namespace = inspection.account, inspection.system_namespace
    if not account:
        return []
    slots = asyncio.Semaphore(_AT_ONCE)

    async def is_allowed(right: rights.Right) -> bool:
        async with slots:
            body = rights.review(right, account, namespace)
            return rights.is_allowed(await client.raw("POST", rights.REVIEW_PATH, body=body))

    needed = rights.needed(namespace, inspection.namespaces)
    answers = await asyncio.gather(*map(is_allowed, needed), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, ClientError):
            about = f"ServiceAccount {namespace}/{account}"
            return [Finding("warning", about, f"what it may do could not be asked: {answer}")]
        if isinstance(answer, BaseException):
            raise answer
    refused = [right for right, answer in zip(needed, answers, strict=True) if answer is False]
    return rights.findings(refused, account, namespace)


async def _decide(
    pairs: Sequence[tuple[Controller, Sources]], progress: Progress
) -> tuple[list[_Decided], list[Forecast]]:
    """What each controller decides of each of its objects, and those of which none can be decided."""
    decided: list[_Decided] = []
    failed: list[Forecast] = []
    for controller, sources in pairs:
        keys = sorted(sources.primary.store.keys())
        for position, key in enumerate(keys, 1):
            owner, view = sources.primary.store.get(key), sources.view()
            if owner is None:
                continue
            progress(f"deciding {controller.name} {position}/{len(keys)}")
            try:
                decided.append(_Decided(controller, owner, controller.reconcile(owner, view), view))
            except Exception as problem:  # one object that cannot be decided holds up no other, as in the manager
                _LOG.debug("decision failed", object=f"{controller.kind} {key}", exc_info=True)
                told = Finding("blocker", f"{controller.kind.kind} {key}", f"it cannot be decided: {problem!r}")
                failed.append(Forecast(controller.kind, key, findings=(told,)))
            await asyncio.sleep(0)
    return decided, failed


async def _unseen(
    client: Client, forecaster: Forecaster, decided: Iterable[_Decided], progress: Progress
) -> Mapping[Child, Object]:
    """What stands under names that are wanted and that the caches do not show."""
    wanted = {
        child
        for each in decided
        for child in forecaster.wanted_unseen(each.controller, each.owner, each.outcome, each.view)
    }
    if not wanted:
        return {}
    progress(f"looking whether {len(wanted)} names are free")
    slots = asyncio.Semaphore(_AT_ONCE)

    async def look(kind: Kind, key: ObjectKey) -> Object | None:
        async with slots:
            try:
                return await client.get(kind, key.name, key.namespace)
            except NotFound:
                return None

    async with asyncio.TaskGroup() as group:
        tasks = {child: group.create_task(look(*child)) for child in wanted}
    return {child: obj for child, task in tasks.items() if (obj := task.result()) is not None}


async def _forecast(
    forecaster: Forecaster, decided: Sequence[_Decided], unseen: Mapping[Child, Object], progress: Progress
) -> list[Forecast]:
    found = []
    for position, each in enumerate(decided, 1):
        progress(f"comparing {position}/{len(decided)}")
        found.append(forecaster.forecast(each.controller, each.owner, each.outcome, each.view, unseen))
        await asyncio.sleep(0)
    return found


def _admission(view: View, system_namespace: str) -> list[Forecast]:
    """What the webhooks say of everything in the caches."""
    validators = admitted.validators(system_namespace)
    kinds = [build(Settings()).kind for build in CONTROLLERS.values()]
    found = []
    for kind in dict.fromkeys((*kinds, SERVING_RUNTIME, CLUSTER_SERVING_RUNTIME)):
        if kind.plural in validators:
            for obj in view.list(kind):
                told = tuple(admitted.findings(kind, obj, view, validators[kind.plural]))
                found.append(Forecast(kind, metadata.key(obj), findings=told))
    return found


def _together(forecasts: Iterable[Forecast]) -> list[Forecast]:
    """One forecast for each object: several controllers may decide about one, and the webhooks have a say too."""
    found: dict[tuple[str, ObjectKey], Forecast] = {}
    for each in forecasts:
        name = (each.kind.kind, each.key)
        if (known := found.get(name)) is None:
            found[name] = each
        else:
            found[name] = replace(
                known,
                changes=(*known.changes, *each.changes),
                findings=(*known.findings, *each.findings),
                kept=known.kept + each.kept,
            )
    return [found[name] for name in sorted(found)]


def _types(definitions: Iterable[Object], controllers: Iterable[Controller]) -> TypeSystem:
    """The kinds of all children, custom ones as the cluster defines them."""
    types = builtin_types()
    wanted = {owned.kind.resource for controller in controllers for owned in controller.owns}
    for definition in definitions:
        if metadata.name(definition) in wanted:
            try:
                types.add_definition(definition)
            except InvalidObject as problem:
                _LOG.warning("schema is not understood", definition=metadata.name(definition), problem=str(problem))
                types.add_definition(_without_schema(definition))
    return types


def _without_schema(definition: Object) -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    versions = [{**version, "schema": {"openAPIV3Schema": anything}} for version in definition["spec"]["versions"]]
    return {**definition, "spec": {**definition["spec"], "versions": versions}}


async def _listed(client: Client, kind: Kind) -> Sequence[Object]:
    found: Sequence[Object] = (await client.list(kind))["items"]
    return found


def _refuse() -> None:
    raise WouldWrite("a preflight reads only")
