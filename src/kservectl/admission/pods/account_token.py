"""The token of the pod's ServiceAccount, in the containers that the webhook adds.

The API server's own admission has mounted it in the containers that came, before it asked the webhook. It looks once more after a
webhook has changed the pod, and what it then adds to the new containers makes it ask about the whole pod again
(https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy). So the same
mount is added here: the pod comes out the same, by one request.
"""

from collections.abc import Iterator

from kservectl.modelstorage.podspec import ContainerList, containers, with_spec
from kservectl.objects.metadata import Object

_LISTS: tuple[ContainerList, ...] = ("initContainers", "containers")
_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME = "kube-api-access-"
"""How the names of the volumes begin that the API server adds (KEP-1205, bound tokens)."""


def with_account_token(pod: Object, original: Object) -> Object:
    """`pod` with the token's mount at the end of those of each container that `original` has not; as it is without a token."""
    mount = next((mount for each in _all(original) for mount in _mounts(each) if _is_token(mount)), None)
    if mount is None:
        return pod
    came = {each.get("name") for each in _all(original)}
    changed: dict[str, object] = {}
    for field in _LISTS:
        found = containers(pod, field)
        wanted = [each if each.get("name") in came else _with_token(each, mount) for each in found]
        if wanted != found:
            changed[field] = wanted
    return with_spec(pod, **changed) if changed else pod


def _all(pod: Object) -> Iterator[Object]:
    for field in _LISTS:
        yield from containers(pod, field)


def _mounts(container: Object) -> list[Object]:
    return container.get("volumeMounts") or []


def _is_token(mount: Object) -> bool:
    return mount.get("mountPath") == _PATH and str(mount.get("name")).startswith(_VOLUME)


def _with_token(container: Object, mount: Object) -> Object:
    if any(each.get("mountPath") == _PATH for each in _mounts(container)):
        return container
    return container | {"volumeMounts": [*_mounts(container), mount]}
