"""Defaults of pods and pod templates, as the API server fills them in when it decodes one.

All functions fill a freshly decoded object in place; what is set is left alone.
"""

from typing import Any

from kservectl.objects.metadata import Object


def default_pod(pod: Object) -> None:
    """A pod by itself: what templates get, and what only pods get (requests from limits, and admission's additions)."""
    spec = pod["spec"]
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        _requests_from_limits(container)
        if spec.get("hostNetwork"):
            _expose_on_host(container)
    pod["status"].setdefault("phase", "Pending")
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("serviceAccountName", "default")
    default_pod_spec(spec)
    _admit(spec)


def default_pod_template(template: Object) -> None:
    default_pod_spec(template["spec"])


def default_pod_spec(spec: Object) -> None:
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("securityContext", {})
    spec.setdefault("schedulerName", "default-scheduler")
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field, ()):
            _default_container(container)
    for volume in spec.get("volumes", ()):
        _default_volume(volume)


def pull_policy(image: str) -> str:
    """`Always` for the tag latest, which is also the tag of an image without one; else `IfNotPresent`."""
    if not image or "@" in image:
        return "IfNotPresent"
    _, _, last = image.rpartition("/")
    _, _, tag = last.partition(":")
    return "Always" if tag in ("", "latest") else "IfNotPresent"


_NOT_READY = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
_UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute"}


def _admit(spec: Object) -> None:
    """The built-in admission plugins Priority and DefaultTolerationSeconds."""
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = spec.setdefault("tolerations", [])
    for toleration in (_NOT_READY, _UNREACHABLE):
        if not any(_tolerates(given, toleration["key"]) for given in tolerations):
            tolerations.append({**toleration, "tolerationSeconds": 300})


def _tolerates(toleration: Object, key: str) -> bool:
    return toleration.get("key") in (key, None) and toleration.get("effect") in ("NoExecute", None)


def _requests_from_limits(container: Object) -> None:
    resources = container.get("resources") or {}
    if limits := resources.get("limits"):
        resources["requests"] = {**limits, **resources.get("requests", {})}


def _expose_on_host(container: Object) -> None:
    for port in container.get("ports", ()):
        if "containerPort" in port:
            port.setdefault("hostPort", port["containerPort"])


def _default_container(container: Object) -> None:
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    for port in container.get("ports", ()):
        port.setdefault("protocol", "TCP")
    for variable in container.get("env", ()):
        if source := variable.get("valueFrom"):
            _default_field_source(source)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            _default_probe(probe)
    for hook in container.get("lifecycle", {}).values():
        if isinstance(hook, dict):
            _default_http_get(hook)


def _default_field_source(source: Object) -> None:
    if (field := source.get("fieldRef")) is not None:
        field.setdefault("apiVersion", "v1")
    if (resource := source.get("resourceFieldRef")) is not None:
        resource.setdefault("divisor", "0")


def _default_probe(probe: Object) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    _default_http_get(probe)
    if (call := probe.get("grpc")) is not None:
        call.setdefault("service", "")


def _default_http_get(handler: Object) -> None:
    if (get := handler.get("httpGet")) is not None:
        get.setdefault("path", "/")
        get.setdefault("scheme", "HTTP")


def _default_volume(volume: Object) -> None:
    if len(volume) == 1 and "name" in volume:
        volume["emptyDir"] = {}
    for source in ("secret", "configMap", "downwardAPI", "projected"):
        if source in volume:
            volume[source].setdefault("defaultMode", 420)
    for item in volume.get("downwardAPI", {}).get("items", ()):
        _default_field_source(item)
    for projection in volume.get("projected", {}).get("sources", ()):
        _default_projection(projection)
    if (path := volume.get("hostPath")) is not None:
        path.setdefault("type", "")
    claim: Any = volume.get("ephemeral", {}).get("volumeClaimTemplate")
    if claim is not None:
        claim["spec"].setdefault("volumeMode", "Filesystem")


def _default_projection(projection: Object) -> None:
    if (token := projection.get("serviceAccountToken")) is not None:
        token.setdefault("expirationSeconds", 3600)
    for item in projection.get("downwardAPI", {}).get("items", ()):
        _default_field_source(item)
