"""Decide what is to be done on a node: one plain function from its LocalModelNode, the caches and the disk to an Outcome."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER, LOCAL_MODEL_NODE_GROUP
from kservectl.controllers.localmodel.affinity import matches
from kservectl.controllers.localmodelnode import jobs
from kservectl.controllers.localmodelnode.credentials import credentials_of
from kservectl.controllers.localmodelnode.disk_state import Content, DiskState, Effect, EmptyRubbish, Folder, Remove
from kservectl.controllers.localmodelnode.download_job import download_job
from kservectl.controllers.localmodelnode.jobs import ERROR
from kservectl.controllers.localmodelnode.judging import Case, Judgement, judge
from kservectl.controllers.localmodelnode.listed import ListedModel, listed_models
from kservectl.controllers.localmodelnode.node_view import NodeView
from kservectl.controllers.localmodelnode.settings import NodeSettings
from kservectl.controllers.localmodelnode.status import past_of, status_of, status_without_disk
from kservectl.controllers.localmodelnode.turns import DEFAULT_PARALLEL, in_turn
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, JOB, NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import EventRecord, Outcome, Reference
from kservectl.runtime.view import View

NO_GROUP = "NoNodeGroup"
NOT_CONFIGURED = "DownloadNotConfigured"

_LOOK_SECONDS = 10.0
"""How often the disk is looked at while something is being downloaded: nothing tells how far it is but the disk."""


_AFTER_EFFECTS = 1.0
"""Seconds until the disk is looked at after it was changed: what was removed may make room for what waits."""


@dataclass(frozen=True, slots=True)
class _World:
    """What every step of one decision reads."""

    node: Object
    view: NodeView
    settings: NodeSettings
    config: Config
    jobs: Sequence[Object]


def reconcile(node: Object, view: View, settings: NodeSettings) -> Outcome:
    """The Outcome for the LocalModelNode of this node; nothing for any other. `view` has to be a NodeView."""
    if metadata.name(node) != settings.node or metadata.is_deleting(node):
        return Outcome(complete=False)
    if not isinstance(view, NodeView):
        raise TypeError("the node agent decides by a NodeView")
    config = Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, settings.system_namespace))
    if config.missing:
        where = f"ConfigMap {settings.system_namespace}/{CONFIG_MAP_NAME}"
        return Outcome(
            complete=False, terminal_error=f"{where} does not exist; nothing is downloaded or removed without it"
        )
    try:
        period = float(max(config.local_model.reconcilation_frequency_in_secs, 1))
    except ConfigError as error:
        where = f"key {error.key} of ConfigMap {settings.system_namespace}/{CONFIG_MAP_NAME}"
        return Outcome(complete=False, terminal_error=f"{where} cannot be used: {error.message}")
    models = listed_models(node)
    if view.disk.problem:
        status = status_without_disk(node, [model.key for model in models], view.disk.problem, view.now)
        return Outcome(complete=False, status=status, requeue_after=min(period, _LOOK_SECONDS))
    found = view.list(JOB, settings.job_namespace, {jobs.NODE_LABEL: settings.node})
    world = _World(node, view, settings, config, found)
    return _decided(world, models, period)


def _decided(world: _World, models: Sequence[ListedModel], period: float) -> Outcome:
    disk, node, now = world.view.disk, world.node, world.view.now
    dropped = [job for job in world.jobs if jobs.model_key(job) and not _is_wanted(job, models)]
    own = {
        model.key: jobs.of_model(model, (job for job in world.jobs if not metadata.is_deleting(job)))
        for model in models
    }
    judgements, desired = _with_jobs(world, _in_turn(world, [_judged(world, model, own) for model in _leaders(models)]))
    spread = _shared(judgements, models)
    effects = _effects(spread, models, disk)
    return Outcome(
        desired=tuple(desired),
        complete=False,  # a Job that ended stays for its TTL, and is nobody's wish any more
        delete=tuple(Reference(JOB, metadata.namespace(job), metadata.name(job)) for job in dropped if _is_there(job)),
        status=status_of(node, spread, _jobs_of_leaders(models, own), disk, now),
        effects=effects,
        events=_events(node, spread),
        requeue_after=_AFTER_EFFECTS if effects else _next_look(world, judgements, period),
    )


def _is_wanted(job: Object, models: Sequence[ListedModel]) -> bool:
    key = jobs.model_key(job)
    return any(model.key == key and not jobs.is_outdated(job, model) for model in models)


def _is_there(job: Object) -> bool:
    return not metadata.is_deleting(job)


def _leaders(models: Sequence[ListedModel]) -> Sequence[ListedModel]:
    """One model for each folder: the first that can be downloaded. The others share what comes of it."""
    found: dict[str, ListedModel] = {}
    for model in models:
        leader = found.setdefault(model.storage_key, model)
        if leader.problem and not model.problem:
            found[model.storage_key] = model
    return list(found.values())


def _jobs_of_leaders(
    models: Sequence[ListedModel], own: Mapping[str, Sequence[Object]]
) -> Mapping[str, Sequence[Object]]:
    leaders = {model.storage_key: model for model in _leaders(models)}
    return {model.key: own[leaders[model.storage_key].key] for model in models}


def _shared(judgements: Sequence[Judgement], models: Sequence[ListedModel]) -> Sequence[Judgement]:
    """A judgement for every listed model, from that of the leader of its folder."""
    by_folder = {judgement.model.storage_key: judgement for judgement in judgements}
    return [replace(by_folder[model.storage_key], model=model) for model in models]


def _judged(world: _World, model: ListedModel, own: Mapping[str, Sequence[Object]]) -> Judgement:
    folder = world.view.disk.folders.get(model.storage_key, Folder(Content.ABSENT))
    before = past_of(world.node.get("status") or {}, model.key)
    return judge(Case(model, folder, own[model.key], before, world.view.now, f"{world.settings.node}/{model.key}"))


def _in_turn(world: _World, judgements: Sequence[Judgement]) -> Sequence[Judgement]:
    running = [job for job in world.jobs if jobs.model_key(job) and not jobs.is_over(job)]
    parallel = (world.node.get("spec") or {}).get("maxParallelDownloads") or DEFAULT_PARALLEL
    return in_turn(judgements, running, world.view.disk, int(parallel))


def _with_jobs(world: _World, judgements: Sequence[Judgement]) -> tuple[list[Judgement], list[Object]]:
    """The Jobs for those that are to be launched; what has none after all says why."""
    decided, made = [], []
    for judgement in judgements:
        if judgement.launch:
            judgement, job = _with_job(world, judgement)
            made += [job] if job is not None else []
        decided.append(judgement)
    return decided, made


def _with_job(world: _World, judgement: Judgement) -> tuple[Judgement, Object | None]:
    model, settings = judgement.model, world.settings
    group = model.group or _group_of(world)
    if not group:
        message = f"did not find matching nodegroup for node: {settings.node}"
        return replace(judgement, state=ERROR, launch=False, reason=NO_GROUP, message=message), None
    containers = world.view.list(CLUSTER_STORAGE_CONTAINER) if world.view.served(CLUSTER_STORAGE_CONTAINER) else ()
    try:
        credentials = credentials_of(model, world.config, settings.job_namespace, world.view)
        job = download_job(model, settings, group, judgement.attempts, world.config, containers, credentials)
    except (PodRefused, ConfigError) as error:
        return replace(judgement, state=ERROR, launch=False, reason=NOT_CONFIGURED, message=str(error)), None
    if credentials.problem:
        judgement = replace(judgement, message=f"credentials were left out: {credentials.problem}")
    return judgement, job


def _group_of(world: _World) -> str:
    """The first node group that this node belongs to; "" for none."""
    node = world.view.get(NODE, world.settings.node)
    if node is None or not world.view.served(LOCAL_MODEL_NODE_GROUP):
        return ""
    for group in world.view.list(LOCAL_MODEL_NODE_GROUP):
        volume = (group.get("spec") or {}).get("persistentVolumeSpec") or {}
        if matches(volume.get("nodeAffinity"), node):
            return metadata.name(group)
    return ""


def _effects(judgements: Sequence[Judgement], models: Sequence[ListedModel], disk: DiskState) -> tuple[Effect, ...]:
    wanted = {model.storage_key for model in models}
    unwanted = [
        key for key, folder in disk.folders.items() if key not in wanted and folder.content is not Content.STRANGE
    ]
    own = dict.fromkeys(effect for judgement in judgements for effect in judgement.effects)
    removed = [*map(Remove, unwanted), *(effect for effect in own if isinstance(effect, Remove))]
    return (*own, *map(Remove, unwanted), *([EmptyRubbish()] if removed or disk.rubbish else []))


def _events(node: Object, judgements: Sequence[Judgement]) -> tuple[EventRecord, ...]:
    """What people want to know of: a copy that failed in a new way, and one that is there now."""
    found = []
    for judgement in judgements:
        before = past_of(node.get("status") or {}, judgement.model.key)
        key = judgement.model.key
        if judgement.state == ERROR and (before.state != ERROR or before.reason != judgement.reason):
            found.append(EventRecord("Warning", judgement.reason, f"Model {key}: {judgement.message}", "Download"))
        elif judgement.state == jobs.DOWNLOADED and before.state not in ("", jobs.DOWNLOADED):
            found.append(EventRecord("Normal", "ModelDownloaded", f"Model {key} is on the disk", "Download"))
    return tuple(found)


def _next_look(world: _World, judgements: Sequence[Judgement], period: float) -> float:
    waits = [timedelta(seconds=period)]
    if any(jobs.model_key(job) and not jobs.is_over(job) for job in world.jobs) or any(
        judgement.launch or judgement.state == jobs.DOWNLOADING for judgement in judgements
    ):
        waits.append(timedelta(seconds=_LOOK_SECONDS))
    waits += [each.next_attempt - world.view.now for each in judgements if each.next_attempt is not None]
    return max(1.0, min(waits).total_seconds())
