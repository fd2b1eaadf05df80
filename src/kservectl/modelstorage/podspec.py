"""Changing pods without changing them: every function answers a new pod (or container) and leaves its argument alone.

What is appended is appended once: a volume, mount, port or variable whose name is there already stays as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from kservectl.objects import metadata
from kservectl.objects.metadata import Object

ContainerList = Literal["containers", "initContainers"]


def containers(pod: Object, field: ContainerList = "containers") -> Sequence[Object]:
    return (pod.get("spec") or {}).get(field) or []


def container(pod: Object, name: str, field: ContainerList = "containers") -> Object | None:
    """The container of this name, if there is one."""
    return next((found for found in containers(pod, field) if found.get("name") == name), None)


def with_spec(pod: Object, **fields: object) -> Object:
    """`pod` with these fields of its spec set."""
    return pod | {"spec": (pod.get("spec") or {}) | fields}


def with_annotations(pod: Object, values: Mapping[str, str]) -> Object:
    """`pod` with these annotations, over those it has."""
    notes = {**metadata.annotations(pod), **values}
    return pod | {"metadata": {**metadata.metadata(pod), "annotations": notes}}


def with_changed(
    pod: Object, name: str, change: Callable[[Object], Object], field: ContainerList = "containers"
) -> Object:
    """`pod` with `change` made to the container of this name; unchanged without one."""
    if container(pod, name, field) is None:
        return pod
    changed = [change(found) if found.get("name") == name else found for found in containers(pod, field)]
    return with_spec(pod, **{field: changed})


def with_container(pod: Object, added: Object, field: ContainerList = "containers") -> Object:
    """`pod` with `added` as its last container, unless it has one of the name."""
    if container(pod, added["name"], field) is not None:
        return pod
    return with_spec(pod, **{field: [*containers(pod, field), added]})


def with_volume(pod: Object, volume: Object) -> Object:
    volumes = (pod.get("spec") or {}).get("volumes") or []
    return pod if _named(volumes, volume["name"]) else with_spec(pod, volumes=[*volumes, volume])


def with_mount(target: Object, mount: Object) -> Object:
    mounts = target.get("volumeMounts") or []
    return target if _named(mounts, mount["name"]) else target | {"volumeMounts": [*mounts, mount]}


def with_default_env(target: Object, name: str, value: str) -> Object:
    """`target` with this variable, unless it has one of the name (wherever that takes its value from)."""
    env = target.get("env") or []
    return target if _named(env, name) else target | {"env": [*env, {"name": name, "value": value}]}


def with_env(target: Object, name: str, value: str) -> Object:
    """`target` with this variable, in the place of one of the same name if there is one."""
    return with_env_entry(target, {"name": name, "value": value})


def with_env_entry(target: Object, entry: Object) -> Object:
    """`target` with this entry of `env`, in the place of one of the same name if there is one."""
    env = target.get("env") or []
    if not _named(env, entry["name"]):
        return target | {"env": [*env, entry]}
    return target | {"env": [entry if found.get("name") == entry["name"] else found for found in env]}


def env_value(target: Object, name: str) -> str | None:
    """The literal value of a variable; None when there is none, "" when it comes from elsewhere."""
    found = next((entry for entry in target.get("env") or [] if entry.get("name") == name), None)
    return None if found is None else str(found.get("value") or "")


def _named(items: Sequence[Object], name: str) -> bool:
    return any(item.get("name") == name for item in items)
