"""Reading the Jobs that download models: whose they are, how far, and when a failed one is tried again."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from kservectl.clock import parse_time
from kservectl.controllers.localmodelnode.listed import ListedModel, key_of
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

MODEL_LABEL = "model"
NODE_LABEL = "node"
NAMESPACE_LABEL = "modelNamespace"

ATTEMPT_ANNOTATION = "localmodel.kserve.io/attempt"
FOLDER_ANNOTATION = "localmodel.kserve.io/storage-key"

PENDING = "ModelDownloadPending"
DOWNLOADING = "ModelDownloading"
DOWNLOADED = "ModelDownloaded"
ERROR = "ModelDownloadError"

_FIRST_WAIT = 30.0
_LONGEST_WAIT = 1800.0


def model_key(job: Object) -> str:
    """The status key of the model that `job` downloads; "" for a Job that downloads none."""
    labels = metadata.labels(job)
    return key_of(labels[MODEL_LABEL], labels.get(NAMESPACE_LABEL, "")) if labels.get(MODEL_LABEL) else ""


def of_model(model: ListedModel, jobs: Iterable[Object]) -> Sequence[Object]:
    """The Jobs for `model`, the newest first. Those for a namesake with another URI are none of them."""
    return sorted(
        (job for job in jobs if model_key(job) == model.key and not is_outdated(job, model)),
        key=lambda job: (str(metadata.metadata(job).get("creationTimestamp") or ""), attempt(job), metadata.name(job)),
        reverse=True,
    )


def is_outdated(job: Object, model: ListedModel) -> bool:
    """Whether `job` downloads what `model` was before it was deleted and made anew with another URI."""
    return metadata.annotations(job).get(FOLDER_ANNOTATION, model.storage_key) != model.storage_key


def state(job: Object) -> str:
    """The state of a model by its newest Job, as KServe tells it."""
    status = job.get("status") or {}
    if status.get("succeeded"):
        return DOWNLOADED
    if status.get("failed"):
        return ERROR
    return DOWNLOADING if status.get("ready") else PENDING


def is_over(job: Object) -> bool:
    """Whether no pod of it will run any more."""
    return has_succeeded(job) or failed_at(job) is not None or metadata.is_deleting(job)


def has_succeeded(job: Object) -> bool:
    return state(job) == DOWNLOADED


def attempt(job: Object) -> int:
    """The how-manieth try it is; 1 for a Job that does not say."""
    text = metadata.annotations(job).get(ATTEMPT_ANNOTATION, "")
    return int(text) if text.isascii() and text.isdecimal() else 1


def failed_at(job: Object) -> datetime | None:
    """When the Job was given up; None while its pods are tried again, or it did not fail."""
    condition = _condition(job, "Failed")
    return _time(condition.get("lastTransitionTime"), job) if condition else None


def ended_at(job: Object) -> datetime | None:
    """When it succeeded or was given up."""
    completed = (job.get("status") or {}).get("completionTime")
    return _time(completed, job) if completed else failed_at(job)


def failure(job: Object) -> str:
    """Why it failed, as far as the Job itself says."""
    name, status = f"{metadata.namespace(job)}/{metadata.name(job)}", job.get("status") or {}
    condition = _condition(job, "Failed")
    if condition is None:
        return f"a pod of Job {name} failed ({status.get('failed')} so far); the Job tries again"
    return f"Job {name} failed: {condition.get('message') or condition.get('reason') or 'its pods failed'}"


def started_at(job: Object) -> str:
    """When its pod was started, as the Job says; "" when it was not."""
    return str((job.get("status") or {}).get("startTime") or "")


def wait_before(attempt: int, seed: str) -> timedelta:
    """How long to wait before try number `attempt`: doubled each time, up to half an hour, and not the same everywhere.

    `seed` names who waits; the same one always gives the same answer.
    """
    if attempt <= 1:
        return timedelta(0)
    seconds = min(_FIRST_WAIT * 2 ** min(attempt - 2, 16), _LONGEST_WAIT)
    share = int.from_bytes(hashlib.sha256(f"{seed}/{attempt}".encode()).digest()[:4]) / 2**32
    return timedelta(seconds=round(seconds * (0.8 + 0.4 * share)))


def _condition(job: Object, type_: str) -> Object | None:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition.get("type") == type_ and condition.get("status") == "True":
            found: Object = condition
            return found
    return None


def _time(text: object, job: Object) -> datetime:
    return parse_time(str(text or metadata.metadata(job).get("creationTimestamp")))
