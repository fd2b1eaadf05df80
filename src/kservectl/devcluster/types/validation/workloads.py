"""Rules of Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and CronJobs."""

from collections.abc import Iterable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.validation import numbers
from kservectl.devcluster.types.validation.pods import check_template
from kservectl.devcluster.types.validation.selectors import check_selector, matches
from kservectl.objects.metadata import Object


def check_deployment(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found = [*_check_selected(spec, "deployment"), *_always_restarts(spec)]
    for field in ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        found.extend(numbers.at_least(f"spec.{field}", spec.get(field), 0))
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds", 0)
    if deadline is not None and deadline <= ready:
        found.append(say.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    found.extend(_check_strategy(spec.get("strategy") or {}))
    return [*found, *_unchanged(new, old, ("selector",))]


def check_replica_set(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found = [*_check_selected(spec, "ReplicaSet"), *_always_restarts(spec)]
    for field in ("replicas", "minReadySeconds"):
        found.extend(numbers.at_least(f"spec.{field}", spec.get(field), 0))
    return [*found, *_unchanged(new, old, ("selector",))]


def check_stateful_set(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found = [*_check_selected(spec, "statefulset"), *_always_restarts(spec)]
    found.extend(numbers.at_least("spec.replicas", spec.get("replicas"), 0))
    policies = ("OrderedReady", "Parallel")
    found.extend(numbers.one_of("spec.podManagementPolicy", spec.get("podManagementPolicy"), policies))
    if old is not None:
        mutable = (
            "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
        )  # fmt: skip
        before = {name: value for name, value in old["spec"].items() if name not in mutable}
        if before != {name: value for name, value in spec.items() if name not in mutable}:
            listed = ", ".join(f"'{name}'" for name in mutable[:-1])
            text = f"updates to statefulset spec for fields other than {listed} and '{mutable[-1]}' are forbidden"
            found.append(say.forbidden("spec", text))
    return found


def check_daemon_set(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found = [*_check_selected(spec, "daemonset"), *_always_restarts(spec)]
    return [*found, *_unchanged(new, old, ("selector",))]


def check_job(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found = list(_check_job_spec(spec, "spec"))
    if old is not None:
        fixed = ["completions", "selector", "completionMode", "backoffLimitPerIndex", "podFailurePolicy"]
        if not (old["spec"].get("suspend") and not (old.get("status") or {}).get("startTime")):
            fixed.append("template")
        found.extend(_unchanged(new, old, fixed))
    return found


def check_cron_job(new: Object, old: Object | None) -> list[Cause]:
    spec = new["spec"]
    found: list[Cause] = []
    schedule = spec.get("schedule", "")
    if schedule and not schedule.startswith("@") and len(schedule.split()) != 5:
        detail = f"expected exactly 5 fields, found {len(schedule.split())}: [{schedule}]"
        found.append(say.invalid("spec.schedule", schedule, detail))
    policies = ("Allow", "Forbid", "Replace")
    found.extend(numbers.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), policies))
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        found.extend(numbers.at_least(f"spec.{field}", spec.get(field), 0))
    found.extend(_check_job_spec(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec"))
    if (name := new["metadata"].get("name")) and len(name) > 52:
        found.append(say.invalid("metadata.name", name, "must be no more than 52 characters"))
    return found


def _check_job_spec(spec: Object, path: str) -> Iterable[Cause]:
    for field in ("parallelism", "completions", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds"):
        yield from numbers.at_least(f"{path}.{field}", spec.get(field), 0)
    modes = ("Indexed", "NonIndexed")
    yield from numbers.one_of(f"{path}.completionMode", spec.get("completionMode"), modes)
    template = spec.get("template") or {}
    yield from check_template(template, f"{path}.template")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy == "Always":
        yield say.required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _check_selected(spec: Object, kind: str) -> Iterable[Cause]:
    """A selector that selects the pods of its own template, and the template."""
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels: Mapping[str, str] = (template.get("metadata") or {}).get("labels") or {}
    if selector is not None:
        yield from check_selector(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield say.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
    if selector is None or not matches(selector, labels):
        detail = "`selector` does not match template `labels`"
        yield say.invalid("spec.template.metadata.labels", labels, detail)
    yield from check_template(template, "spec.template")


def _always_restarts(spec: Object) -> Iterable[Cause]:
    policy = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if policy not in (None, "Always"):
        yield say.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))


def _check_strategy(strategy: Object) -> Iterable[Cause]:
    yield from numbers.one_of("spec.strategy.type", strategy.get("type"), ("Recreate", "RollingUpdate"))
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        yield say.forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    if strategy.get("type") != "RollingUpdate" or rolling is None:
        return
    path = "spec.strategy.rollingUpdate"
    for field in ("maxUnavailable", "maxSurge"):
        yield from numbers.int_or_percent(f"{path}.{field}", rolling.get(field))
    if _is_zero(rolling.get("maxUnavailable")) and _is_zero(rolling.get("maxSurge")):
        yield say.invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")


def _is_zero(value: Any) -> bool:
    return value in (0, "0%", "0")


def _unchanged(new: Object, old: Object | None, fields: Iterable[str]) -> Iterable[Cause]:
    """Fields of the spec that an update must leave as they are."""
    if old is None:
        return
    for field in fields:
        after, before = new["spec"].get(field), (old.get("spec") or {}).get(field)
        if before is not None and after != before:
            yield say.invalid(f"spec.{field}", after, "field is immutable")
