"""Which containers of a pod are given the model, and how they may use it."""

from kservectl.modelstorage.podspec import container, with_changed, with_mount
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

SERVER = "kserve-container"
WORKER = "worker-container"
TRANSFORMER = "transformer-container"

READ_ONLY_ANNOTATION = "storage.kserve.io/readonly"


def main_container(pod: Object) -> str:
    """The name of the container that serves (or works for one that does, in a pod of its own); raises PodRefused."""
    for name in (SERVER, WORKER):
        if container(pod, name) is not None:
            return name
    raise PodRefused(f"Invalid configuration: cannot find container: {SERVER} or {WORKER}, to give the model to")


def targets(pod: Object) -> tuple[str, ...]:
    """The names of all containers that see the model: the main one, then a transformer beside it."""
    main = main_container(pod)
    return (main,) if container(pod, TRANSFORMER) is None else (main, TRANSFORMER)


def mounted_in_targets(pod: Object, mount: Object) -> Object:
    """`pod` with `mount` in every target; read-only unless an annotation asks to write."""
    if metadata.annotations(pod).get(READ_ONLY_ANNOTATION) != "false":
        mount = mount | {"readOnly": True}
    for name in targets(pod):
        pod = with_changed(pod, name, lambda target: with_mount(target, mount))
    return pod
