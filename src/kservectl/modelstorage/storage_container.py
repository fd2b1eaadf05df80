"""Which ClusterStorageContainer downloads a URI, and how its container is laid over the standard one."""

from collections.abc import Sequence

from kservectl.api.storagecontainer import INIT_CONTAINER, LOCAL_MODEL_DOWNLOAD_JOB
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import linear_regex, metadata
from kservectl.objects.metadata import Object
from kservectl.objects.strategic import UnmergeablePatch, strategic_merge

NAME_ANNOTATION = "internal.serving.kserve.io/storage-container-name"


def storage_container(uri: str, name: str, candidates: Sequence[Object]) -> Object | None:
    """The one called `name`, which must be usable for `uri`; without a name the first that is, if any."""
    if name:
        return _named(uri, name, candidates)
    return _first(uri, candidates, INIT_CONTAINER)


def job_container(uri: str, candidates: Sequence[Object]) -> Object | None:
    """The first one that downloads `uri` in Jobs to nodes' caches, if any; raises PodRefused for a broken expression."""
    return _first(uri, candidates, LOCAL_MODEL_DOWNLOAD_JOB)


def downloads_several(chosen: Object) -> bool:
    """Whether one container of `chosen` can be given several URIs."""
    return (chosen.get("spec") or {}).get("supportsMultiModelDownload") is True


def merged(init: Object, chosen: Object) -> Object:
    """`init` with the container of `chosen` laid over it. The name stays: others find the container by it."""
    overlay = {
        key: value for key, value in ((chosen.get("spec") or {}).get("container") or {}).items() if key != "name"
    }
    try:
        answer = strategic_merge(init, overlay, "Container")
    except UnmergeablePatch as problem:
        raise PodRefused(
            f'the container of ClusterStorageContainer "{metadata.name(chosen)}" cannot be used: {problem}'
        ) from problem
    if answer.get("env"):
        # A value and a source of it exclude each other; the one that was laid over wins.
        own = {entry.get("name"): entry for entry in overlay.get("env") or []}
        answer["env"] = [own[entry.get("name")] if _has_both(entry) else entry for entry in answer["env"]]
    return answer


def _first(uri: str, candidates: Sequence[Object], workload: str) -> Object | None:
    for candidate in candidates:
        if not candidate.get("disabled") and _workload(candidate) == workload and _covers(candidate, uri):
            return candidate
    return None


def _named(uri: str, name: str, candidates: Sequence[Object]) -> Object:
    found = next((candidate for candidate in candidates if metadata.name(candidate) == name), None)
    subject = f'ClusterStorageContainer "{name}"'
    if found is None:
        raise PodRefused(f"{subject} not found")
    if found.get("disabled"):
        raise PodRefused(f"{subject} is disabled")
    if _workload(found) != INIT_CONTAINER:
        message = f'{subject} has workloadType "{_workload(found)}"; explicit selection requires "{INIT_CONTAINER}"'
        raise PodRefused(message)
    if not _covers(found, uri):
        raise PodRefused(f'{subject} does not support storageUri "{uri}"')
    return found


def _workload(candidate: Object) -> str:
    return (candidate.get("spec") or {}).get("workloadType") or INIT_CONTAINER


def _covers(candidate: Object, uri: str) -> bool:
    for entry in (candidate.get("spec") or {}).get("supportedUriFormats") or []:
        if entry.get("prefix"):
            if uri.startswith(entry["prefix"]):
                return True
        elif entry.get("regex"):
            try:
                if linear_regex.search(entry["regex"], uri):
                    return True
            except linear_regex.InvalidPattern as problem:
                message = f"error checking storage container {metadata.name(candidate)}: {entry['regex']!r}: {problem}"
                raise PodRefused(message) from problem
    return False


def _has_both(entry: Object) -> bool:
    return entry.get("value") is not None and entry.get("valueFrom") is not None
