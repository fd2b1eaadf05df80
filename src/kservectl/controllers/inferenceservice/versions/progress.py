"""Whether the version that a service has now is all that runs, and what holds it up."""

from collections.abc import Iterator, Sequence

from kservectl.api.kinds import KNATIVE_SERVICE
from kservectl.controllers.inferenceservice import explain
from kservectl.controllers.inferenceservice.canary.names import object_names
from kservectl.controllers.inferenceservice.pod_state import is_ready, pods_of
from kservectl.controllers.inferenceservice.rolled_out import is_observed, is_rolled_out, runs_newest_revision
from kservectl.controllers.inferenceservice.status import READY
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.drift import applied_fields, differences
from kservectl.runtime.outcome import Explanation, Outcome
from kservectl.runtime.view import View
from kservectl.runtime.writes import FIELD_MANAGER

_RUNNING = (DEPLOYMENT, KNATIVE_SERVICE)


def is_settled(service: Object, outcome: Outcome, view: View) -> bool:
    """Whether `outcome` says Ready, and nothing but the version that it decided runs.

    Ready alone is not enough: while a rolling update is stuck, the pods of the version before still serve.
    """
    if outcome.terminal_error or not _says_ready(outcome.status or service.get("status") or {}):
        return False
    deployments, serverless = _stable(service, view), view.owned(KNATIVE_SERVICE, metadata.uid(service))
    live = {(DEPLOYMENT, metadata.name(obj)): obj for obj in deployments}
    live |= {(KNATIVE_SERVICE, metadata.name(obj)): obj for obj in serverless}
    wanted = [
        (kind, obj) for kind in _RUNNING for obj in outcome.desired if _is(kind, obj) and _is_stable(service, obj)
    ]
    return (
        bool(live)
        and all(is_rolled_out(obj) for obj in deployments)
        and all(runs_newest_revision(obj) for obj in serverless)
        and all(_is_as_desired(live.get((kind, metadata.name(obj))), obj) for kind, obj in wanted)
    )


def is_given_up(service: Object, view: View) -> bool:
    """Whether a Deployment of the stable version has not progressed for as long as its own deadline allows."""
    return any(
        condition.get("type") == "Progressing"
        and condition.get("status") == "False"
        and condition.get("reason") == "ProgressDeadlineExceeded"
        for obj in _stable(service, view)
        if is_observed(obj)
        for condition in (obj.get("status") or {}).get("conditions") or ()
    )


def troubles(service: Object, view: View) -> Iterator[Explanation]:
    """What keeps pods of the stable version from becoming ready."""
    for obj in _stable(service, view):
        pods = pods_of(metadata.name(obj), metadata.namespace(obj), view)
        yield from explain.pods([pod for pod in pods if not is_ready(pod)])


def _says_ready(status: Object) -> bool:
    return any(entry.get("type") == READY and entry.get("status") == "True" for entry in status.get("conditions") or ())


def _stable(service: Object, view: View) -> Sequence[Object]:
    return [obj for obj in view.owned(DEPLOYMENT, metadata.uid(service)) if _is_stable(service, obj)]


def _is_stable(service: Object, obj: Object) -> bool:
    return not metadata.is_deleting(obj) and metadata.name(obj) not in object_names(service)


def _is(kind: Kind, obj: Object) -> bool:
    return (obj["apiVersion"], obj["kind"]) == (kind.api_version, kind.kind)


def _is_as_desired(live: Object | None, desired: Object) -> bool:
    if live is None:
        return False
    if applied_fields(live, FIELD_MANAGER) is None:  # no server was asked to apply it: a decision on files, say
        return bool(live["spec"].get("template") == desired["spec"].get("template"))
    found = differences(live, {"spec": desired["spec"]}, FIELD_MANAGER)
    return not any(each.path.startswith("spec.") for each in found)
