"""Whether a pod has the types that injectors rely on. An API server sends no other, but anybody can reach a port."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kservectl.objects.metadata import Object

_NAMED_LISTS = ("env", "volumeMounts", "ports")


def malformed_field(pod: Object) -> str:
    """The path of the first field that has the wrong type; "" when all are right."""
    return next(_wrong(pod), "")


def _wrong(pod: Object) -> Iterator[str]:
    meta, spec = pod.get("metadata"), pod.get("spec")
    for path, value in (("metadata", meta), ("spec", spec)):
        if not isinstance(value, dict | None):
            yield path
            return
    yield from _wrong_metadata(meta or {})
    yield from _wrong_spec(spec or {})


def _wrong_metadata(meta: Mapping[str, Any]) -> Iterator[str]:
    for field in ("labels", "annotations"):
        values = meta.get(field)
        if not isinstance(values, dict | None) or any(not isinstance(value, str) for value in (values or {}).values()):
            yield f"metadata.{field}"
    for field in ("name", "namespace"):
        if not isinstance(meta.get(field), str | None):
            yield f"metadata.{field}"


def _wrong_spec(spec: Mapping[str, Any]) -> Iterator[str]:
    for field in ("volumes", "imagePullSecrets"):
        yield from _wrong_list(spec, field, f"spec.{field}")
    for field in ("nodeSelector",):
        if not isinstance(spec.get(field), dict | None):
            yield f"spec.{field}"
    for field in ("containers", "initContainers"):
        yield from _wrong_list(spec, field, f"spec.{field}")
        containers = spec.get(field)
        for index, container in enumerate(containers if isinstance(containers, list) else ()):
            if isinstance(container, dict):
                yield from _wrong_container(container, f"spec.{field}[{index}]")


def _wrong_container(container: Mapping[str, Any], path: str) -> Iterator[str]:
    for field in _NAMED_LISTS:
        yield from _wrong_list(container, field, f"{path}.{field}")
    for field in ("resources", "securityContext", "readinessProbe"):
        value = container.get(field)
        if not isinstance(value, dict | None):
            yield f"{path}.{field}"
    args = container.get("args")
    if not isinstance(args, list | None) or any(not isinstance(word, str) for word in args or ()):
        yield f"{path}.args"
    limits = (container.get("resources") or {}).get("limits") if isinstance(container.get("resources"), dict) else None
    if not isinstance(limits, dict | None):
        yield f"{path}.resources.limits"
    probe = container.get("readinessProbe")
    for member in ("httpGet", "tcpSocket"):
        if isinstance(probe, dict) and not isinstance(probe.get(member), dict | None):
            yield f"{path}.readinessProbe.{member}"


def _wrong_list(parent: Mapping[str, Any], field: str, path: str) -> Iterator[str]:
    """A list that is none, or an item of it that is no object, or has a name that is no text."""
    items = parent.get(field)
    if not isinstance(items, list | None):
        yield path
        return
    found: Sequence[Any] = items or ()
    for index, item in enumerate(found):
        if not isinstance(item, dict) or not isinstance(item.get("name"), str | None):
            yield f"{path}[{index}]"
