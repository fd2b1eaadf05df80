"""What the restricted Pod Security Standard asks for, written where a pod does not say otherwise.

https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted. What a container says on purpose stays: one
that runs as root, is privileged or adds capabilities (Istio's init container, say) is for Pod Security admission to judge.
"""

from kservectl.admission.pods.context import PodContext
from kservectl.modelstorage.podspec import ContainerList, containers, with_spec
from kservectl.objects.metadata import Object

_SECCOMP = {"type": "RuntimeDefault"}
_LISTS: tuple[ContainerList, ...] = ("containers", "initContainers")


def inject_security_context(pod: Object, context: PodContext) -> Object:
    policy = context.config.security_policy
    if policy.default_security_context != "restricted" or context.namespace in policy.exempt_namespaces:
        return pod
    common = _part(pod.get("spec") or {})
    changed: dict[str, object] = {}
    if common.get("seccompProfile") is None:
        changed["securityContext"] = common | {"seccompProfile": _SECCOMP}
    for field in _LISTS:
        found = containers(pod, field)
        if found:
            changed[field] = [
                each if each.get("name") in policy.exempt_containers else _restricted(each, common) for each in found
            ]
    return with_spec(pod, **changed)


def _restricted(container: Object, common: Object) -> Object:
    own = _part(container)
    wanted = dict(own)
    if own.get("privileged") is not True and not _added(own):
        _set_if_absent(wanted, "allowPrivilegeEscalation", False)
        if "drop" not in (own.get("capabilities") or {}):
            wanted["capabilities"] = {**(own.get("capabilities") or {}), "drop": ["ALL"]}
    if own.get("runAsNonRoot", common.get("runAsNonRoot")) is None and not _is_root(own, common):
        wanted["runAsNonRoot"] = True
    return container | {"securityContext": wanted} if wanted != own else container


def _is_root(own: Object, common: Object) -> bool:
    user = own.get("runAsUser")
    return (common.get("runAsUser") if user is None else user) == 0


def _added(own: Object) -> bool:
    """Whether capabilities are added that the standard does not allow."""
    added = (own.get("capabilities") or {}).get("add") or []
    return any(name != "NET_BIND_SERVICE" for name in added)


def _part(parent: Object) -> Object:
    found: Object = parent.get("securityContext") or {}
    return found


def _set_if_absent(body: Object, field: str, value: object) -> None:
    if body.get(field) is None:
        body[field] = value
