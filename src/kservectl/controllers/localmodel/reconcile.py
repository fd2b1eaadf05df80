"""Decide what a cache needs: one plain function for both kinds, from the object and the caches to an Outcome.

    leaving? → configuration → node groups → copies → volumes → who uses it → status

Which nodes keep a copy is written by the controller of nodes (`placement`), because caches share LocalModelNodes.
"""

from kservectl.api.errors import Malformed
from kservectl.api.kinds import INFERENCE_SERVICE, LLM_INFERENCE_SERVICE, LOCAL_MODEL_NODE, LOCAL_MODEL_NODE_GROUP
from kservectl.api.localmodel import LocalModelCache
from kservectl.api.reasons import next_step
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.localmodel import cache as caches
from kservectl.controllers.localmodel import copies, group, usage, volumes
from kservectl.controllers.localmodel.cache import Cache
from kservectl.controllers.localmodel.configuration import Unconfigured, local_model
from kservectl.controllers.localmodel.copies import ERROR, Copy
from kservectl.controllers.localmodel.scope import Scope
from kservectl.controllers.localmodel.status import (
    GROUPS_FOUND,
    READY,
    VOLUMES_READY,
    CacheStatus,
    Finding,
)
from kservectl.objects import metadata
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation, Outcome, Reference
from kservectl.runtime.view import View


def reconcile(obj: Object, view: View, *, scope: Scope, settings: Settings) -> Outcome:
    """The Outcome for a cache. Never raises for anything that a person wrote."""
    cache = caches.read(obj)
    if cache.is_leaving:
        return _leaving(cache, view, scope)
    status = CacheStatus(cache, view.now)
    try:
        _check(cache)
        config = local_model(view, settings)
    except Malformed as error:
        return _stuck(status, scope, Finding(GROUPS_FOUND, FALSE, "InvalidSpec", f"the spec cannot be read: {error}"))
    except Unconfigured as error:
        return _stuck(status, scope, Finding(GROUPS_FOUND, FALSE, "ConfigurationInvalid", str(error)))
    of = group.named(cache.groups, view)
    if of.missing:
        return _stuck(status, scope, _missing(of.missing))
    status.find(Finding(GROUPS_FOUND))
    found = copies.copies(cache, of, view)
    status.copies(found)
    managed = not config.disable_volume_management
    needed = usage.needed_groups(cache, of.found, view) if managed else {}
    wanted = volumes.volumes(cache, of.found, needed, config.job_namespace, view)
    status.find(_volumes(wanted.taken))
    if managed:
        kinds = (INFERENCE_SERVICE, LLM_INFERENCE_SERVICE)
        status.used_by(*(usage.services(kind, cache.name, cache.namespace, view) for kind in kinds))
    return Outcome(
        desired=wanted.desired,
        shared=wanted.unowned,
        complete=managed,
        delete=tuple(volumes.unowned_of(cache, view, besides=wanted.desired)) if managed else (),
        status=status.to_wire(),
        finalizers=(scope.finalizer,),
        events=status.events(),
        requeue_after=status.wait,
        explanations=(*_explained(status), *_of_nodes(found)),
    )


def _leaving(cache: Cache, view: View, scope: Scope) -> Outcome:
    """Let the cache go once no node is told to keep it. Orders for nodes that are gone go with it."""
    told = copies.nodes_told(cache, view) if view.served(LOCAL_MODEL_NODE) else []
    gone = [order for order in told if view.get(NODE, metadata.name(order)) is None]
    waiting = [metadata.name(order) for order in told if order not in gone]
    stale = tuple(Reference(LOCAL_MODEL_NODE, "", metadata.name(order)) for order in gone)
    if waiting:
        why = f"{cache.key} is being deleted and still listed for {len(waiting)} node(s), such as {waiting[0]}."
        step = f"Look at localmodelnode/{waiting[0]}; its spec is written by the controller localmodelplacement."
        return Outcome(complete=False, delete=stale, explanations=(Explanation(READY, why, next_step=step),))
    return Outcome(complete=False, finalizers=(), delete=(*stale, *volumes.unowned_of(cache, view)))


def _check(cache: Cache) -> None:
    LocalModelCache.parse({"spec": cache.obj.get("spec")})


def _stuck(status: CacheStatus, scope: Scope, finding: Finding) -> Outcome:
    """Tell what is in the way, and leave everything else as it is."""
    status.fields.update({name: value for name, value in status.cache.status.items() if name != "conditions"})
    status.find(finding)
    return Outcome(
        complete=False,
        status=status.to_wire(),
        finalizers=(scope.finalizer,),
        events=status.events(),
        terminal_error=finding.message,
        explanations=_explained(status),
    )


def _missing(names: tuple[str, ...]) -> Finding:
    plural = LOCAL_MODEL_NODE_GROUP.plural
    return Finding(
        GROUPS_FOUND,
        FALSE,
        "NodeGroupNotFound",
        f"there is no LocalModelNodeGroup {', '.join(names)}",
        f"Create it, or name one of: kubectl get {plural}. The cache goes on by itself.",
    )


def _volumes(taken: tuple[str, ...]) -> Finding:
    if not taken:
        return Finding(VOLUMES_READY)
    return Finding(VOLUMES_READY, FALSE, "NameTaken", "; ".join(taken), next_step("NameTaken"))


def _explained(status: CacheStatus) -> tuple[Explanation, ...]:
    return tuple(
        Explanation(finding.condition, f"{finding.condition} is True.", ok=True)
        if finding.status == TRUE
        else Explanation(finding.condition, finding.message + ".", next_step=finding.next_step, reason=finding.reason)
        for finding in status.findings
    )


def _of_nodes(found: list[Copy]) -> tuple[Explanation, ...]:
    """One sentence for each node that failed, as far as there are not too many."""
    failed = [copy for copy in found if copy.state == ERROR and copy.message]
    return tuple(Explanation(f"Node/{copy.node}", f"{copy.message}.") for copy in failed[:5])
