"""The Kubernetes Ingress of a service: one object, a rule for each host, all to port 80 of a component's Service."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kservectl.controllers.inferenceservice.service import PUBLIC_PORT
from kservectl.objects.kind import INGRESS
from kservectl.objects.metadata import Object


class HostRule(NamedTuple):
    """A host name and the Service that answers for it."""

    host: str
    service: str


def build(
    name: str, namespace: str, rules: Sequence[HostRule], *, annotations: Mapping[str, str], class_name: str | None
) -> Object:
    """The Ingress `name` with `rules` in their order."""
    own: Object = {"name": name, "namespace": namespace}
    if annotations:
        own["annotations"] = dict(annotations)
    spec: Object = {"rules": [_rule(rule) for rule in rules]}
    if class_name is not None:
        spec["ingressClassName"] = class_name
    return {"apiVersion": INGRESS.api_version, "kind": INGRESS.kind, "metadata": own, "spec": spec}


def _rule(rule: HostRule) -> Object:
    backend = {"service": {"name": rule.service, "port": {"number": PUBLIC_PORT}}}
    return {"host": rule.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
