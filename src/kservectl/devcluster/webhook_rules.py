"""Which webhooks hear of a request: rules, scope, selectors, equivalent versions and match conditions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import cel

from kservectl.devcluster.admission import Attributes
from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.selectors import matches_label_selector
from kservectl.devcluster.storage import Store
from kservectl.objects.kind import NAMESPACE, Kind
from kservectl.objects.metadata import Object, ObjectKey, labels

_EXEMPT_GROUP = "admissionregistration.k8s.io"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook of a configuration, with its defaults filled in."""

    configuration: str
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.spec["name"])

    @property
    def fails_closed(self) -> bool:
        return bool(self.spec.get("failurePolicy", "Fail") == "Fail")

    @property
    def timeout(self) -> float:
        return float(self.spec.get("timeoutSeconds") or 10)

    @property
    def reinvoked(self) -> bool:
        return bool(self.spec.get("reinvocationPolicy") == "IfNeeded")


class ConditionFailed(Exception):
    """A match condition could not be evaluated."""


class Rules:
    """Decides for each webhook whether, and with which version of the object, it is called."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def version_to_send(self, webhook: Webhook, attributes: Attributes) -> ServedKind | None:
        """The version in which the webhook wants the request; None when it is not concerned."""
        if attributes.served.kind.group == _EXEMPT_GROUP:
            return None
        version = self._matching_version(webhook, attributes)
        if version is None:
            return None
        spec = webhook.spec
        if not self._in_selected_namespace(spec.get("namespaceSelector"), attributes):
            return None
        return version if _is_selected(spec.get("objectSelector"), attributes) else None

    def _matching_version(self, webhook: Webhook, attributes: Attributes) -> ServedKind | None:
        rules: Sequence[Mapping[str, Any]] = webhook.spec.get("rules") or ()
        if any(_rule_matches(rule, attributes, attributes.served.kind) for rule in rules):
            return attributes.served
        if webhook.spec.get("matchPolicy", "Equivalent") == "Exact":
            return None
        same = [
            one
            for one in self._registry.served
            if resource_of(one.kind) == resource_of(attributes.served.kind) and one.kind != attributes.served.kind
        ]
        return next((one for one in same if any(_rule_matches(rule, attributes, one.kind) for rule in rules)), None)

    def _in_selected_namespace(self, selector: Mapping[str, Any] | None, attributes: Attributes) -> bool:
        if not selector:
            return True
        if attributes.served.kind == NAMESPACE:
            seen = attributes.object or attributes.old or {}
            return matches_label_selector(selector, labels(seen))
        if not attributes.served.kind.namespaced:
            return True
        namespace = self._store.collection(resource_of(NAMESPACE)).get(ObjectKey("", attributes.namespace))
        return matches_label_selector(selector, labels(namespace.object) if namespace is not None else {})


def _is_selected(selector: Mapping[str, Any] | None, attributes: Attributes) -> bool:
    if not selector:
        return True
    seen = [obj for obj in (attributes.object, attributes.old) if obj is not None]
    return any(matches_label_selector(selector, labels(obj)) for obj in seen)


def _rule_matches(rule: Mapping[str, Any], attributes: Attributes, kind: Kind) -> bool:
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") is not kind.namespaced:
        return False
    return (
        _listed(attributes.operation, rule.get("operations"))
        and _listed(kind.group, rule.get("apiGroups"))
        and _listed(kind.version, rule.get("apiVersions"))
        and any(_resource_matches(one, kind.plural, attributes.subresource) for one in rule.get("resources") or ())
    )


def _listed(value: str, allowed: Iterable[str] | None) -> bool:
    return any(one in {"*", value} for one in allowed or ())


def _resource_matches(pattern: str, plural: str, subresource: str) -> bool:
    resource, _, sub = pattern.partition("/")
    return resource in {"*", plural} and (sub in {"*", subresource} if "/" in pattern else not subresource)


Verdict = Literal["call", "skip"]


def judge_conditions(webhook: Webhook, request: Mapping[str, Any]) -> Verdict:
    """Whether all match conditions hold for an AdmissionRequest; raises ConditionFailed when that cannot be told."""
    failures: list[str] = []
    context = {"object": request.get("object"), "oldObject": request.get("oldObject"), "request": dict(request)}
    for condition in webhook.spec.get("matchConditions") or ():
        try:
            if _program(condition["expression"]).execute(context) is not True:
                return "skip"
        except Exception as error:  # the CEL library raises whatever its evaluation met
            failures.append(f"{condition['name']}: {error}")
    if failures:
        raise ConditionFailed("; ".join(failures))
    return "call"


@lru_cache(maxsize=256)
def _program(expression: str) -> Any:
    return cel.compile(expression)


def webhooks_of(configurations: Iterable[Object]) -> list[Webhook]:
    """The webhooks of configurations, in the order in which the API server calls them."""
    ordered = sorted(configurations, key=lambda one: str(one["metadata"]["name"]))
    return [Webhook(one["metadata"]["name"], spec) for one in ordered for spec in one.get("webhooks") or ()]
