"""`status.modelStatus` of a predictor in Knative mode: judged by the pods of the revision that was created last.

A revision without pods has either failed, not started yet, or been scaled to zero after its model was loaded; Knative's
conditions tell which.
"""

from collections.abc import Sequence

from kservectl.controllers.inferenceservice import model_status
from kservectl.controllers.inferenceservice.knative.component_status import Served
from kservectl.controllers.inferenceservice.pod_state import pods_with
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

REVISION_LABEL = "serving.knative.dev/revision"


def pods(served: Served, view: View) -> list[Object]:
    """The pods of the newest revision, newest first."""
    revision = served.status.get("latestCreatedRevisionName")
    if served.live is None or not revision:
        return []
    return pods_with({REVISION_LABEL: str(revision)}, metadata.namespace(served.live), view)


def evaluate(before: Object, served: Served, found: Sequence[Object], *, service_ready: bool) -> Object:
    """The model's status, from `before` and the pods `found` of the newest revision."""
    ready = service_ready and served.runs_newest
    if found:
        return model_status.evaluate(before, found, service_ready=ready)
    target = "FailedToLoad" if served.has_failed else "Loaded" if ready else "Pending"
    return model_status.without_pods(before, target)
