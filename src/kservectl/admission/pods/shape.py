"""Whether a pod's spec has the types that injectors rely on. An API server sends no other, but anybody can reach a port."""

from collections.abc import Iterator, Mapping
from typing import Any

from kservectl.objects.metadata import Object


def malformed_field(pod: Object) -> str:
    """The path of the first field that has the wrong type; "" when all are right."""
    return next(_wrong(pod), "")


def _wrong(pod: Object) -> Iterator[str]:
    yield from _wrong_fields(pod, "", dict, "spec")
    spec = _map(pod, "spec")
    yield from _wrong_fields(spec, "spec.", dict, "nodeSelector", "securityContext")
    for field in ("volumes", "imagePullSecrets"):
        yield from _wrong_list(spec, "spec.", field)
    for field in ("containers", "initContainers"):
        yield from _wrong_list(spec, "spec.", field)
        for index, container in enumerate(spec.get(field) or ()):
            yield from _wrong_container(container, f"spec.{field}[{index}].")


def _wrong_container(container: Mapping[str, Any], path: str) -> Iterator[str]:
    for field in ("env", "ports", "volumeMounts"):
        yield from _wrong_list(container, path, field)
    yield from _wrong_fields(container, path, list, "args")
    if any(not isinstance(word, str) for word in container.get("args") or ()):
        yield f"{path}args"
    yield from _wrong_fields(container, path, dict, "resources", "securityContext", "readinessProbe")
    yield from _wrong_fields(_map(container, "resources"), f"{path}resources.", dict, "limits")
    security = _map(container, "securityContext")
    yield from _wrong_fields(security, f"{path}securityContext.", dict, "capabilities")
    yield from _wrong_fields(_map(security, "capabilities"), f"{path}securityContext.capabilities.", list, "add")
    yield from _wrong_fields(_map(container, "readinessProbe"), f"{path}readinessProbe.", dict, "httpGet", "tcpSocket")


def _wrong_list(parent: Mapping[str, Any], path: str, field: str) -> Iterator[str]:
    """A list that is none, or an item of it that is no object, or has a name that is no text."""
    yield from _wrong_fields(parent, path, list, field)
    for index, item in enumerate(parent.get(field) or ()):
        if not isinstance(item, dict) or not isinstance(item.get("name"), str | None):
            yield f"{path}{field}[{index}]"


def _wrong_fields(parent: Mapping[str, Any], path: str, wanted: type, *fields: str) -> Iterator[str]:
    for field in fields:
        if not isinstance(parent.get(field), wanted | None):
            yield path + field


def _map(parent: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """`parent[field]`; only asked for once `_wrong_fields` has found nothing, since the first wrong field is the last."""
    return parent.get(field) or {}
