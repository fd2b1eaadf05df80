"""Istio with its CNI plugin: the download runs as the proxy's user, whose traffic is not redirected.

Without the plugin an `istio-init` container sets up the redirection after the download; then nothing needs to be done.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from kservectl.admission.pods.context import PodContext
from kservectl.modelstorage.download import INIT_CONTAINER
from kservectl.modelstorage.podspec import container, with_changed
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

UID_ANNOTATION = "serving.kserve.io/storage-initializer-uid"

_INTERCEPTION = "sidecar.istio.io/interceptionMode"
_STATUS = "sidecar.istio.io/status"
_PROXY_UID = 1337


def inject_istio_uid(pod: Object, context: PodContext) -> Object:
    if container(pod, INIT_CONTAINER, "initContainers") is None:
        return pod
    uid = _uid(pod)
    if uid is None:
        return pod
    return with_changed(
        pod,
        INIT_CONTAINER,
        lambda init: init | {"securityContext": (init.get("securityContext") or {}) | {"runAsUser": uid}},
        "initContainers",
    )


def _uid(pod: Object) -> int | None:
    """The user to download as; None to leave it as it is."""
    notes = metadata.annotations(pod)
    asked = notes.get(UID_ANNOTATION)
    if asked is not None:
        return int(asked) if asked.removeprefix("-").isdecimal() and asked.isascii() else None
    if container(pod, "istio-init", "initContainers") is not None or notes.get(_INTERCEPTION) != "REDIRECT":
        return None
    proxy = _proxy(pod, notes)
    if proxy is None:
        return None
    uid = (proxy.get("securityContext") or {}).get("runAsUser")
    return _PROXY_UID if uid is None else int(uid)


def _proxy(pod: Object, notes: Mapping[str, str]) -> Object | None:
    """Istio's side car, as its injector has written it down."""
    if _STATUS not in notes:
        return None
    try:
        status: Any = orjson.loads(notes[_STATUS])
    except orjson.JSONDecodeError as problem:
        raise PodRefused(f"annotation {_STATUS} is not JSON: {problem}") from problem
    names = status.get("containers") if isinstance(status, dict) else None
    if not isinstance(names, list) or not names:
        return None
    # Istio runs the proxy as a side car container or, in newer clusters, as a restartable init container.
    return container(pod, names[0]) or container(pod, names[0], "initContainers")
