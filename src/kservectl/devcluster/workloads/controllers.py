"""The simulated workloads as controllers for a Manager, whose client should write as FIELD_MANAGER."""

from collections.abc import Callable, Iterable, Sequence

from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.devcluster.workloads import (
    autoscaler,
    deployment,
    gateway,
    job,
    knative,
    node_agent,
    pod,
    replicaset,
    volume,
)
from kservectl.devcluster.workloads.gateway import GATEWAY, HTTP_ROUTE
from kservectl.devcluster.workloads.pod import Pace
from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.kind import (
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.runtime.controller import Controller, Owned, Watched
from kservectl.runtime.predicates import not_only_status
from kservectl.runtime.view import View

FIELD_MANAGER = "devcluster"


def controllers(pace: Pace | None = None) -> Sequence[Controller]:
    """All of them; pods live at the given pace."""
    pace = pace or Pace()
    return (
        Controller("devcluster-deployment", DEPLOYMENT, deployment.reconcile, owns=(Owned(REPLICA_SET),), workers=2),
        Controller(
            "devcluster-replicaset",
            REPLICA_SET,
            replicaset.reconcile,
            owns=(Owned(POD),),
            watches=(Watched(NODE, _none),),
            on_failure=replicaset.refused,
            workers=4,
        ),
        Controller("devcluster-pod", POD, pod.reconciler(pace), watches=(Watched(NODE, _none),), workers=4),
        Controller(
            "devcluster-job", JOB, job.reconcile, owns=(Owned(POD),), watches=(Watched(NODE, _none),), workers=2
        ),
        Controller(
            "devcluster-autoscaler",
            HORIZONTAL_POD_AUTOSCALER,
            autoscaler.reconcile,
            owns=(Owned(DEPLOYMENT, shared_by=_autoscalers_of),),
            workers=2,
        ),
        Controller(
            "devcluster-knative-service",
            knative.SERVICE,
            knative.reconcile_service,
            owns=(Owned(knative.REVISION, optional=True),),
            workers=2,
            optional=True,
        ),
        Controller(
            "devcluster-knative-revision",
            knative.REVISION,
            knative.reconcile_revision,
            owns=(Owned(DEPLOYMENT),),
            workers=2,
            optional=True,
        ),
        Controller("devcluster-gateway", GATEWAY, gateway.reconcile_gateway, workers=1, optional=True),
        Controller(
            "devcluster-httproute",
            HTTP_ROUTE,
            gateway.reconcile_route,
            watches=(
                Watched(GATEWAY, _all_of(HTTP_ROUTE), optional=True),
                Watched(SERVICE, _routes_to),
            ),
            workers=2,
            optional=True,
        ),
        Controller(
            "devcluster-volume",
            PERSISTENT_VOLUME,
            volume.reconcile_volume,
            watches=(Watched(PERSISTENT_VOLUME_CLAIM, _volume_of),),
            workers=2,
        ),
        Controller(
            "devcluster-claim",
            PERSISTENT_VOLUME_CLAIM,
            volume.reconcile_claim,
            owns=(Owned(PERSISTENT_VOLUME, shared_by=_claims_of),),
            workers=2,
        ),
        node_agents(pace),
    )


def node_agents(pace: Pace) -> Controller:
    """The agents of all nodes that cache models; of use on its own where a cluster has everything else."""
    return Controller(
        "devcluster-node-agent",
        LOCAL_MODEL_NODE,
        node_agent.reconciler(pace.download),
        watches=(Watched(NODE, _same_name),),
        predicate=not_only_status,
        workers=4,
        optional=True,
    )


def _none(change: Change, view: View) -> Iterable[ObjectKey]:
    return ()


def _same_name(change: Change, view: View) -> Iterable[ObjectKey]:
    return () if change.old is not None and change.new is not None else (change.key,)


def _volume_of(change: Change, view: View) -> Iterable[ObjectKey]:
    name = (change.object.get("spec") or {}).get("volumeName")
    return (ObjectKey("", str(name)),) if name else ()


def _claims_of(change: Change, view: View) -> Iterable[ObjectKey]:
    name = metadata.name(change.object)
    return [
        metadata.key(claim)
        for claim in view.list(PERSISTENT_VOLUME_CLAIM)
        if (claim.get("spec") or {}).get("volumeName") == name
    ]


def _all_of(kind: Kind) -> Callable[[Change, View], Iterable[ObjectKey]]:
    return lambda change, view: [metadata.key(obj) for obj in view.list(kind)]


def _autoscalers_of(change: Change, view: View) -> Iterable[ObjectKey]:
    return [
        metadata.key(obj)
        for obj in view.list(HORIZONTAL_POD_AUTOSCALER, change.key.namespace)
        if (obj["spec"].get("scaleTargetRef") or {}).get("name") == change.key.name
    ]


def _routes_to(change: Change, view: View) -> Iterable[ObjectKey]:
    if change.old is not None and change.new is not None:
        return ()  # a route asks whether its Services exist, and nothing else of them
    return [metadata.key(obj) for obj in view.list(HTTP_ROUTE, change.key.namespace) if _uses(obj, change.key.name)]


def _uses(route: Object, service: str) -> bool:
    rules = (route.get("spec") or {}).get("rules") or ()
    return any(backend.get("name") == service for rule in rules for backend in rule.get("backendRefs") or ())
