"""What would be created, decided with no cluster at all.

An object goes the way it would go through an API server: schema, defaulting, validation, then the same reconcile function
that the manager runs. What the rest of a cluster would do (Deployments become available, gateways accept routes) is assumed
to go well, and the decision is made again until it stands.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kservectl.admission.inferencegraph import validator as inferencegraph
from kservectl.admission.inferenceservice.defaulting import default
from kservectl.admission.inferenceservice.validation.validator import validate
from kservectl.admission.policies import enforcement
from kservectl.admission.review import AdmissionRequest, Verdict
from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_GRAPH, INFERENCE_SERVICE, KNATIVE_SERVICE
from kservectl.clock import rfc3339
from kservectl.controllers.inferencegraph import controller as graph_controller
from kservectl.controllers.inferenceservice import controller as service_controller
from kservectl.controllers.inferenceservice.settings import AUTOSCALER_CONFIG, Settings
from kservectl.devcluster.contract import InvalidObject, Malformed, TypeSystem, UnknownFields
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    Kind,
)
from kservectl.objects.metadata import Object
from kservectl.runtime.controller import Controller
from kservectl.runtime.outcome import Explanation, Outcome
from kservectl.runtime.view import StaticView

_BUILDERS: Mapping[Kind, Callable[[Settings], Controller]] = {
    INFERENCE_SERVICE: service_controller.build,
    INFERENCE_GRAPH: graph_controller.build,
}
"""The controllers of what can be rendered, in the order in which one kind may need the other."""

_CONTROLLERS = [build(Settings()) for build in _BUILDERS.values()]
_KINDS: Sequence[Kind] = tuple(
    dict.fromkeys(
        [
            *(controller.kind for controller in _CONTROLLERS),
            # Versions that were Ready are what a cluster remembers, not what a file leads to.
            *(owned.kind for each in _CONTROLLERS for owned in each.owns if owned.kind != CONTROLLER_REVISION),
            *(watched.kind for each in _CONTROLLERS for watched in each.watches),
        ]
    )
)
"""What the controllers' caches hold: all of it counts as served."""

_MOST_ROUNDS = 6


class CannotRender(Exception):
    """An object would be refused, or nothing can be decided for it; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """What one InferenceService or InferenceGraph leads to: `stored` as it would be, and the objects made for it, in order."""

    stored: Object
    objects: tuple[Object, ...]
    warnings: tuple[str, ...] = ()
    explanations: tuple[Explanation, ...] = ()


class Renderer:
    """Renders InferenceServices and InferenceGraphs amid `surroundings`: runtimes, storage containers, the ConfigMap, and
    whatever else there is. A graph finds the services that were rendered before it.

    Of two surroundings of one name the later one counts, so that a user's own come after the built-in ones.
    """

    def __init__(self, surroundings: Iterable[Object], types: TypeSystem, settings: Settings, now: datetime) -> None:
        self._types = types
        self._settings = settings
        self._now = now
        self._surroundings = [self._checked(obj) for obj in (_knative_configuration(settings), *surroundings)]

    def render(self, manifest: Object) -> Rendering:
        """Raises CannotRender."""
        controller = _BUILDERS[_kind_of(manifest) or INFERENCE_SERVICE](self._settings)
        stored, warnings = self._admitted(manifest)
        children: tuple[Object, ...] = ()
        outcome = Outcome()
        for _ in range(_MOST_ROUNDS):
            outcome = controller.reconcile(stored, self._view(stored, children))
            if outcome.terminal_error is not None:
                raise CannotRender(f"{metadata.describe(stored)}: {outcome.terminal_error}")
            status = outcome.status if outcome.status is not None else stored.get("status")
            if outcome.desired == children and status == stored.get("status"):
                break
            children, stored = outcome.desired, {**stored, "status": status}
        if controller.kind == INFERENCE_GRAPH and not (
            outcome.desired or outcome.complete
        ):  # its services are not here
            raise CannotRender(
                f"{metadata.describe(stored)}: {'; '.join(each.message for each in outcome.explanations)}"
            )
        self._surroundings.append(stored)
        objects = tuple(self._placed(child, stored) for child in outcome.desired)
        return Rendering(stored, objects, tuple(warnings), outcome.explanations)

    def _checked(self, obj: Object) -> Object:
        kind = _kind_of(obj)
        if kind is None:
            return obj
        try:
            prepared = self._types.prepare(kind, obj, field_validation="Strict").object
            self._types.validate(kind, prepared, None)
        except UnknownFields as error:
            raise CannotRender(f"{metadata.describe(obj)}: {'; '.join(error.errors)}") from error
        except (InvalidObject, Malformed) as error:
            raise CannotRender(f"{metadata.describe(obj)}: {error}") from error
        return prepared

    def _admitted(self, manifest: Object) -> tuple[Object, Sequence[str]]:
        """The manifest as an API server with kservectl's webhooks would store it."""
        placed = {**manifest, "metadata": {"namespace": "default", **(manifest.get("metadata") or {})}}
        checked = self._checked(placed)
        if _kind_of(checked) == INFERENCE_GRAPH:
            return self._accepted(checked, inferencegraph.validate(checked, None))
        configuration = self._view(None, ()).get(CONFIG_MAP, CONFIG_MAP_NAME, self._settings.system_namespace)
        config = Config.of(configuration)
        try:
            defaulted = default(checked, config, creating=True)
            verdict = validate(defaulted, None, config)
            creation = AdmissionRequest.about(INFERENCE_SERVICE, defaulted, uid="render")
            policy = enforcement.judge(INFERENCE_SERVICE.plural, creation, defaulted, config)
        except ConfigError as error:
            raise CannotRender(f"{metadata.describe(placed)}: key {error.key} of {CONFIG_MAP_NAME}: {error}") from error
        both = Verdict((*verdict.errors, *policy.errors), (*verdict.warnings, *policy.warnings))
        return self._accepted(defaulted, both)

    def _accepted(self, admitted: Object, verdict: Verdict) -> tuple[Object, Sequence[str]]:
        if verdict.errors:
            problems = "; ".join(map(str, verdict.errors))
            raise CannotRender(f"{metadata.describe(admitted)}: {problems}")
        uid = f"render/{admitted['kind']}/{metadata.key(admitted)}"
        identity = {"uid": uid, "generation": 1, "resourceVersion": "1"}
        stored = self._checked(admitted)
        return {**stored, "metadata": {**stored["metadata"], **identity}}, verdict.warnings

    def _view(self, service: Object | None, children: Iterable[Object]) -> StaticView:
        objects = list(self._surroundings)
        if service is not None:
            objects.append(service)
            objects += [_thriving(self._owned(child, service), self._now) for child in children]
        return StaticView(objects, kinds=_KINDS, now=self._now)

    def _owned(self, child: Object, service: Object) -> Object:
        placed = self._placed(child, service)
        inner = {**placed["metadata"], "generation": 1, "ownerReferences": [metadata.controller_reference(service)]}
        return {**placed, "metadata": inner}

    def _placed(self, child: Object, service: Object) -> Object:
        return {**child, "metadata": {"namespace": metadata.namespace(service), **child["metadata"]}}


def is_renderable(obj: Object) -> bool:
    """Whether `obj` is of a kind that leads to other objects."""
    return _kind_of(obj) in _BUILDERS


def _kind_of(obj: Object) -> Kind | None:
    wanted = (str(obj.get("apiVersion")), str(obj.get("kind")))
    return next((kind for kind in _KINDS if (kind.api_version, kind.kind) == wanted), None)


def _knative_configuration(settings: Settings) -> Object:
    """Knative Serving as it is installed: what its own configuration leaves out has a default."""
    meta = {"name": AUTOSCALER_CONFIG, "namespace": settings.knative_autoscaler_namespace}
    return {"apiVersion": "v1", "kind": CONFIG_MAP.kind, "metadata": meta, "data": {}}


def _thriving(child: Object, now: datetime) -> Object:
    """`child` with the status that it has once all went well."""
    make = _STATUSES.get((str(child["apiVersion"]), str(child["kind"])))
    return {**child, "status": make(child, rfc3339(now))} if make is not None else child


def _available(deployment: Object, moment: str) -> Object:
    replicas = int((deployment.get("spec") or {}).get("replicas", 1))
    conditions = [
        {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        },
        {
            "type": "Progressing",
            "status": "True",
            "reason": "NewReplicaSetAvailable",
            "message": "The rollout is complete.",
        },
    ]
    return {
        "observedGeneration": 1,
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [{**entry, "lastTransitionTime": moment, "lastUpdateTime": moment} for entry in conditions],
    }


def _accepted(route: Object, moment: str) -> Object:
    conditions = [
        {"type": type_, "status": "True", "reason": type_, "message": "", "lastTransitionTime": moment}
        for type_ in ("Accepted", "ResolvedRefs")
    ]
    parents = (route.get("spec") or {}).get("parentRefs") or ()
    return {
        "parents": [{"parentRef": parent, "controllerName": "render", "conditions": conditions} for parent in parents]
    }


def _serving(service: Object, moment: str) -> Object:
    name, namespace = metadata.name(service), metadata.namespace(service)
    revision = f"{name}-00001"
    conditions = [
        {"type": type_, "status": "True", "lastTransitionTime": moment}
        for type_ in ("ConfigurationsReady", "Ready", "RoutesReady")
    ]
    routed = {"latestRevision": True, "percent": 100, "revisionName": revision}
    return {
        "observedGeneration": 1,
        "conditions": conditions,
        "latestCreatedRevisionName": revision,
        "latestReadyRevisionName": revision,
        "traffic": [routed],
        "url": f"http://{name}.{namespace}.example.com",
        "address": {"url": f"http://{name}.{namespace}.svc.cluster.local"},
    }


_STATUSES: Mapping[tuple[str, str], Any] = {
    (DEPLOYMENT.api_version, DEPLOYMENT.kind): _available,
    (HTTP_ROUTE.api_version, HTTP_ROUTE.kind): _accepted,
    (KNATIVE_SERVICE.api_version, KNATIVE_SERVICE.kind): _serving,
}
