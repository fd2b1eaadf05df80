"""The Deployment of a component.

Pod fields that Kubernetes would default are written out where KServe writes them, so that both make the same pod template.
`replicas` is only set when nobody else scales the component.
"""

from collections.abc import Sequence
from typing import Any

from kservectl.api.config_keys import DefaultRollout
from kservectl.controllers.inferenceservice.component import MAIN_CONTAINER, TRANSFORMER_CONTAINER
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.kind import DEPLOYMENT
from kservectl.objects.metadata import Object

DEFAULT_PORT = 8080

_PROBED = (MAIN_CONTAINER, TRANSFORMER_CONTAINER)
_REFERENCE_DEFAULTS = {"fieldRef": {"apiVersion": "v1"}, "resourceFieldRef": {"divisor": "0"}}
_KEY_DEFAULTS = {"protocol": "TCP"}
_DEFAULT_ROLLOUT = "25%"
_REVISION_HISTORY = 10
_PROGRESS_DEADLINE = 600


def build(workload: Workload, *, replicas: int | None, rollout: DefaultRollout | None) -> Object:
    """The Deployment. `replicas` is None when an autoscaler owns them; `rollout` overrides the default strategy's numbers."""
    spec: Object = {
        "selector": {"matchLabels": workload.metadata.selector},
        "template": {"metadata": workload.metadata.to_wire(), "spec": _with_defaults(workload.pod)},
    }
    strategy = workload.component.spec.deployment_strategy
    if strategy is not None:
        spec["strategy"] = strategy.to_object()
    else:
        spec["strategy"] = _strategy(rollout)
        spec["revisionHistoryLimit"] = _REVISION_HISTORY
        spec["progressDeadlineSeconds"] = _PROGRESS_DEADLINE
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": workload.metadata.to_wire(),
        "spec": spec,
    }


def _strategy(rollout: DefaultRollout | None) -> Object:
    return {
        "type": "RollingUpdate",
        "rollingUpdate": {
            "maxSurge": _amount(rollout.max_surge if rollout else ""),
            "maxUnavailable": _amount(rollout.max_unavailable if rollout else ""),
        },
    }


def _amount(configured: int | str) -> int | str:
    """A number of pods as a number: Kubernetes takes a text only for a percentage."""
    if isinstance(configured, str):
        text = configured.strip()
        return int(text) if text.isascii() and text.isdigit() else text or _DEFAULT_ROLLOUT
    return configured


def _with_defaults(pod: Object) -> Object:
    filled: Object = {
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
        **{name: value for name, value in pod.items() if value is not None},
    }
    if pod.get("imagePullSecrets"):
        filled["imagePullSecrets"] = last_of_each(pod["imagePullSecrets"], "name")
    filled["containers"] = [_container(container, probed=True) for container in pod.get("containers") or ()]
    if pod.get("initContainers"):
        filled["initContainers"] = [_container(container, probed=False) for container in pod["initContainers"]]
    return filled


def _container(container: Object, *, probed: bool) -> Object:
    filled: Object = {
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
        **{name: value for name, value in container.items() if value is not None},
    }
    for field, keys in (("env", ("name",)), ("ports", ("containerPort", "protocol"))):
        if filled.get(field):
            filled[field] = last_of_each(filled[field], *keys)
    if filled.get("env"):
        filled["env"] = [_from_whole_reference(entry) for entry in filled["env"]]
    if probed and filled.get("name") in _PROBED and not filled.get("readinessProbe"):
        filled["readinessProbe"] = {
            "tcpSocket": {"port": _first_port(container)},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        }
    return filled


def _from_whole_reference(entry: Object) -> Object:
    """A variable that takes its value from the pod, in full: such a reference is one value to server-side apply."""
    source = entry.get("valueFrom") or {}
    for field, default in _REFERENCE_DEFAULTS.items():
        if source.get(field):
            return {**entry, "valueFrom": {**source, field: {**default, **source[field]}}}
    return entry


def last_of_each(items: Sequence[Object], *keys: str) -> list[Object]:
    """Of items with the same keys only the last, which is the one that counts: server-side apply takes no repetitions."""
    last: dict[tuple[str, ...], Object] = {}
    for item in items:
        identity = tuple(str(item.get(key) or _KEY_DEFAULTS.get(key, "")) for key in keys)
        last.pop(identity, None)
        last[identity] = item
    return list(last.values())


def _first_port(container: Object) -> Any:
    ports = container.get("ports") or ()
    return ports[0].get("containerPort") or DEFAULT_PORT if ports else DEFAULT_PORT
