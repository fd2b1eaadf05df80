"""Whether the version that a service has now is all that runs, and what holds it up."""

from collections.abc import Iterator, Sequence

from kservectl.controllers.inferenceservice import explain
from kservectl.controllers.inferenceservice.canary.names import object_names
from kservectl.controllers.inferenceservice.pod_state import is_ready, pods_of
from kservectl.controllers.inferenceservice.rolled_out import is_observed, is_rolled_out
from kservectl.controllers.inferenceservice.status import READY
from kservectl.objects import metadata
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object
from kservectl.runtime.apply import FIELD_MANAGER
from kservectl.runtime.drift import applied_fields, differences
from kservectl.runtime.outcome import Explanation, Outcome
from kservectl.runtime.view import View


def is_settled(service: Object, outcome: Outcome, view: View) -> bool:
    """Whether `outcome` says Ready, and nothing but the version that it decided runs.

    Ready alone is not enough: while a rolling update is stuck, the pods of the version before still serve.
    """
    if outcome.terminal_error or not _says_ready(outcome.status or service.get("status") or {}):
        return False
    live = _stable(service, view)
    wanted = [obj for obj in outcome.desired if _is_stable(service, obj)]
    by_name = {metadata.name(obj): obj for obj in live}
    return (
        bool(live)
        and all(is_rolled_out(obj) for obj in live)
        and all(_is_as_desired(by_name.get(metadata.name(obj)), obj) for obj in wanted)
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
    return bool(
        obj.get("kind", DEPLOYMENT.kind) == DEPLOYMENT.kind
        and not metadata.is_deleting(obj)
        and metadata.name(obj) not in object_names(service)
    )


def _is_as_desired(live: Object | None, desired: Object) -> bool:
    if live is None:
        return False
    if applied_fields(live, FIELD_MANAGER) is None:  # no server was asked to apply it: a decision on files, say
        return bool(live["spec"].get("template") == desired["spec"].get("template"))
    return not any(found.path.startswith("spec.") for found in differences(live, desired, FIELD_MANAGER))
