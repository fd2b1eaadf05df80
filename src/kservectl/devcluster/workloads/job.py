"""Jobs: their pods, and Complete or Failed once these have ended."""

from kservectl.clock import parse_time, rfc3339
from kservectl.devcluster.workloads.conditions import condition, status_of
from kservectl.devcluster.workloads.replicaset import pod_from, pod_name
from kservectl.objects import metadata
from kservectl.objects.kind import JOB, NODE, POD
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome, Reference
from kservectl.runtime.view import View


def reconcile(job: Object, view: View) -> Outcome:
    """The pods of a Job and its status; a finished Job goes after its TTL."""
    if metadata.is_deleting(job):
        return Outcome(complete=False)
    spec = job["spec"]
    if status_of(job, "Complete") == "True" or status_of(job, "Failed") == "True":
        return _after_the_end(job, view)
    completions = int(spec.get("completions") or spec.get("parallelism") or 1)
    allowed = int(spec.get("backoffLimit", 6))
    pods = [pod for pod in view.owned(POD, metadata.uid(job)) if not metadata.is_deleting(pod)]
    phases = [(pod.get("status") or {}).get("phase") for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    status: Object = dict(job.get("status") or {})
    status.setdefault("startTime", rfc3339(view.now))
    counts = {"active": len(pods) - succeeded - failed, "succeeded": succeeded, "failed": failed}
    for name, count in counts.items():
        status.pop(name, None)
        if count:
            status[name] = count
    if succeeded >= completions:
        message = "Reached expected number of succeeded pods"
        status["completionTime"] = rfc3339(view.now)
        status["conditions"] = [
            condition(job, type_, True, view.now, reason="CompletionsReached", message=message)
            for type_ in ("SuccessCriteriaMet", "Complete")
        ]
    elif failed > allowed:
        message = "Job has reached the specified backoff limit"
        status["conditions"] = [
            condition(job, type_, True, view.now, reason="BackoffLimitExceeded", message=message)
            for type_ in ("FailureTarget", "Failed")
        ]
    attempts = completions + min(failed, allowed)
    template = _template(job)
    desired = tuple(pod_from(job, template, pod_name(job, index), view.list(NODE)) for index in range(attempts))
    return Outcome(desired=desired, status=status)


def _template(job: Object) -> Object:
    template = job["spec"]["template"]
    inner = template.get("metadata") or {}
    labels = {
        **(inner.get("labels") or {}),
        "batch.kubernetes.io/job-name": metadata.name(job),
        "job-name": metadata.name(job),
    }
    return {**template, "metadata": {**inner, "labels": labels}}


def _after_the_end(job: Object, view: View) -> Outcome:
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    ended = (job.get("status") or {}).get("completionTime")
    if ttl is None or ended is None:
        return Outcome(complete=False)
    remaining = ttl - (view.now - parse_time(ended)).total_seconds()
    if remaining > 0:
        return Outcome(complete=False, requeue_after=remaining)
    return Outcome(complete=False, delete=(Reference(JOB, metadata.namespace(job), metadata.name(job)),))
