"""A model in a side car: the server follows a link into the side car's files.

The link goes through `/proc`, so the pod shares its process namespace, and the image needs a shell.
"""

import re

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.oci.reference import OciSource
from kservectl.modelstorage.paths import MODEL_PATH, parent
from kservectl.modelstorage.podspec import with_changed, with_container, with_env, with_mount, with_spec, with_volume
from kservectl.modelstorage.targets import targets
from kservectl.objects.metadata import Object

CONTAINER = "modelcar"
"""How the names of a side car and its init container begin."""

_INIT_CONTAINER = "modelcar-init"
_VOLUME = "kserve-provision-location"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+", re.ASCII)

# In args of a container Kubernetes reads $$ as $: the shell is to see its own process number, which is $$.
_OWN_FILES = "/proc/$$$$/root/models"


def with_modelcar(pod: Object, source: OciSource, position: int, context: StorageContext) -> Object:
    """`pod` with the side car of the image at `position` among the pod's images."""
    suffix = f"-{position}" if position else ""
    settings = context.config.storage_initializer
    mount = {"name": _VOLUME + suffix, "mountPath": parent(source.path)}
    user = {} if settings.uid_modelcar is None else {"runAsUser": settings.uid_modelcar}

    def served(target: Object) -> Object:
        target = with_mount(with_env(target, "MODEL_INIT_MODE", "async"), mount)
        return target | {"securityContext": (target.get("securityContext") or {}) | user} if user else target

    for name in targets(pod):
        pod = with_changed(pod, name, served)
    pod = with_volume(pod, {"name": _VOLUME + suffix, "emptyDir": {}})
    car = _container(CONTAINER + suffix, source.image, _link(source.path), context) | {"volumeMounts": [mount]}
    pod = with_container(pod, car | {"securityContext": user} if user else car)
    checking = _container(_INIT_CONTAINER + suffix, source.image, _check(source.image), context)
    pod = with_container(pod, checking, "initContainers")
    return with_spec(pod, shareProcessNamespace=True)


def _container(name: str, image: str, script: str, context: StorageContext) -> Object:
    settings = context.config.storage_initializer
    amounts = {"cpu": settings.modelcar_cpu, "memory": settings.modelcar_memory}
    return {
        "name": name,
        "image": image,
        "args": ["sh", "-c", script],
        "resources": {"requests": dict(amounts), "limits": dict(amounts)},
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _link(path: str) -> str:
    steps = [] if path == MODEL_PATH else [f"mkdir -p {_quoted(parent(path))}"]
    return " && ".join([*steps, f"ln -sf {_OWN_FILES} {_quoted(path)}", "sleep infinity"])


def _check(image: str) -> str:
    return (
        f"echo {_quoted(f'Pre-fetching modelcar {image}: ')}; "
        'if [ -d /models ] && [ -n "$(ls -A /models)" ]; then '
        "echo 'OK ... Prefetched and valid (/models exists)'; "
        "else echo 'NOK ... Prefetched but modelcar is invalid (/models does not exist or is empty)'; exit 1; fi"
    )


def _quoted(text: str) -> str:
    """`text` as one word of a shell."""
    if _PLAIN_PATH.fullmatch(text):
        return text
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"
