"""Rules of containers: names, images, ports, environment, mounts, probes, resources."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.names import config_key, dns_label, dns_subdomain, env_name, port_name
from kservectl.devcluster.types.validation import numbers
from kservectl.objects.metadata import Object

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_ENV_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def check_containers(
    containers: Sequence[Object], volumes: Mapping[str, Object], path: str, taken: set[str], *, init: bool = False
) -> Iterable[Cause]:
    """Containers of one list; `taken` are the names used so far in the pod, and grows."""
    for position, container in enumerate(containers):
        where = f"{path}[{position}]"
        name = container.get("name")
        if name:
            if problem := dns_label(name):
                yield say.invalid(f"{where}.name", name, problem)
            if name in taken:
                yield say.duplicate(f"{where}.name", name)
            taken.add(name)
        yield from _check_container(container, volumes, where)
        if init:
            yield from _check_init(container, where)


def _check_container(container: Object, volumes: Mapping[str, Object], path: str) -> Iterable[Cause]:
    if not container.get("image"):
        yield say.required(f"{path}.image")
    policy = container.get("imagePullPolicy")
    yield from numbers.one_of(f"{path}.imagePullPolicy", policy, ("Always", "IfNotPresent", "Never"))
    messages = container.get("terminationMessagePolicy")
    yield from numbers.one_of(f"{path}.terminationMessagePolicy", messages, ("File", "FallbackToLogsOnError"))
    yield from _check_ports(container.get("ports", ()), f"{path}.ports")
    yield from _check_env(container.get("env", ()), f"{path}.env")
    yield from _check_env_from(container.get("envFrom", ()), f"{path}.envFrom")
    yield from _check_mounts(container.get("volumeMounts", ()), volumes, f"{path}.volumeMounts")
    yield from numbers.resources(container.get("resources", {}), f"{path}.resources")
    for name in _PROBES:
        if (probe := container.get(name)) is not None:
            yield from _check_probe(probe, f"{path}.{name}", must_be_one=name != "readinessProbe")
    for hook, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, dict):
            yield from _check_handler(handler, f"{path}.lifecycle.{hook}", (*_HANDLERS, "sleep"))


def _check_init(container: Object, path: str) -> Iterable[Cause]:
    """An init container runs to its end, unless it restarts for ever and so is a sidecar."""
    policy = container.get("restartPolicy")
    if policy == "Always":
        return
    for name in (*_PROBES, "lifecycle"):
        if container.get(name) is not None:
            yield say.forbidden(f"{path}.{name}", "may not be set for init containers without restartPolicy=Always")


def _check_ports(ports: Sequence[Object], path: str) -> Iterable[Cause]:
    seen: set[str] = set()
    for position, port in enumerate(ports):
        where = f"{path}[{position}]"
        if name := port.get("name"):
            if problem := port_name(name):
                yield say.invalid(f"{where}.name", name, problem)
            if name in seen:
                yield say.duplicate(f"{where}.name", name)
            seen.add(name)
        if port.get("containerPort") == 0:
            yield say.required(f"{where}.containerPort")
        else:
            yield from numbers.port_number(f"{where}.containerPort", port.get("containerPort"))
        yield from numbers.port_number(f"{where}.hostPort", port.get("hostPort"))
        yield from numbers.one_of(f"{where}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))


def _check_env(variables: Sequence[Object], path: str) -> Iterable[Cause]:
    for position, variable in enumerate(variables):
        where = f"{path}[{position}]"
        name = variable.get("name", "")
        if name and (problem := env_name(name)):
            yield say.invalid(f"{where}.name", name, problem)
        source = variable.get("valueFrom")
        if source is None:
            continue
        given = [field for field in _ENV_SOURCES if field in source]
        if not given:
            choices = ", ".join(f"`{field}`" for field in ("fieldRef", "resourceFieldRef", "configMapKeyRef"))
            yield say.invalid(f"{where}.valueFrom", "", f"must specify one of: {choices} or `secretKeyRef`")
        elif variable.get("value"):
            yield say.invalid(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")
        elif len(given) > 1:
            yield say.invalid(f"{where}.valueFrom", "", "may not have more than one field specified at a time")
        for field in ("configMapKeyRef", "secretKeyRef"):
            if (reference := source.get(field)) is not None:
                yield from _check_key_reference(reference, f"{where}.valueFrom.{field}")


def _check_key_reference(reference: Object, path: str) -> Iterable[Cause]:
    name = reference.get("name", "")
    if problem := dns_subdomain(name):
        yield say.invalid(f"{path}.name", name, problem)
    if (key := reference.get("key")) and (problem := config_key(key)):
        yield say.invalid(f"{path}.key", key, problem)


def _check_env_from(sources: Sequence[Object], path: str) -> Iterable[Cause]:
    for position, source in enumerate(sources):
        given = [field for field in ("configMapRef", "secretRef") if field in source]
        where = f"{path}[{position}]"
        if not given:
            yield say.invalid(where, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            yield say.invalid(where, "", "may not have more than one field specified at a time")
        elif not source[given[0]].get("name"):
            yield say.required(f"{where}.{given[0]}.name")


def _check_mounts(mounts: Sequence[Object], volumes: Mapping[str, Object], path: str) -> Iterable[Cause]:
    seen: set[str] = set()
    for position, mount in enumerate(mounts):
        where = f"{path}[{position}]"
        name, mount_path = mount.get("name"), mount.get("mountPath")
        if name and name not in volumes:
            yield say.not_found(f"{where}.name", name)
        if mount_path in seen:
            yield say.invalid(f"{where}.mountPath", mount_path, "must be unique")
        seen.add(str(mount_path))
        for field in ("subPath", "subPathExpr"):
            sub = mount.get(field) or ""
            if sub.startswith("/"):
                yield say.invalid(f"{where}.{field}", sub, "must be a relative path")
            if ".." in sub.split("/"):
                yield say.invalid(f"{where}.{field}", sub, "must not contain '..'")
        if mount.get("subPath") and mount.get("subPathExpr"):
            yield say.invalid(
                f"{where}.subPathExpr", mount["subPathExpr"], "subPathExpr and subPath are mutually exclusive"
            )


def _check_probe(probe: Object, path: str, *, must_be_one: bool) -> Iterable[Cause]:
    yield from _check_handler(probe, path, _HANDLERS)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        yield from numbers.at_least(f"{path}.{field}", probe.get(field), 0)
    if must_be_one and probe.get("successThreshold", 1) != 1:
        yield say.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _check_handler(handler: Object, path: str, known: Sequence[str]) -> Iterable[Cause]:
    given = [name for name in known if name in handler]
    if not given:
        yield say.required(path, "must specify a handler type")
    for extra in given[1:]:
        yield say.forbidden(f"{path}.{extra}", "may not specify more than 1 handler type")
    if "exec" in handler and not handler["exec"].get("command"):
        yield say.required(f"{path}.exec.command")
    if (get := handler.get("httpGet")) is not None:
        yield from numbers.port(f"{path}.httpGet.port", get.get("port"))
        yield from numbers.one_of(f"{path}.httpGet.scheme", get.get("scheme"), ("HTTP", "HTTPS"))
    for name in ("tcpSocket", "grpc"):
        if (call := handler.get(name)) is not None:
            yield from _check_call(call, f"{path}.{name}")


def _check_call(call: Any, path: str) -> Iterable[Cause]:
    yield from numbers.port(f"{path}.port", call.get("port"))
