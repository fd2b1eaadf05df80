"""Why a service is not Ready, in sentences, with what a person could do: for `kservectl why`.

Reads conditions and pods; changes neither. The conditions stay KServe's, the sentences say more.
"""

from collections.abc import Iterator, Sequence

from kservectl.api.reasons import next_step
from kservectl.controllers.inferenceservice.component import WORKER_CONTAINER
from kservectl.controllers.inferenceservice.component_metadata import COMPONENT_LABEL
from kservectl.controllers.inferenceservice.conditions import TRUE, ConditionSet
from kservectl.controllers.inferenceservice.pod_state import (
    CRASH_LOOP,
    OOM_KILLED,
    STORAGE_INITIALIZER,
    ContainerState,
    Termination,
    containers,
    unschedulable,
)
from kservectl.controllers.inferenceservice.status import COMPONENT_READY, INGRESS_READY, STOPPED
from kservectl.controllers.inferenceservice.stop import STOP_ANNOTATION
from kservectl.modelstorage.oci.modelcar import CONTAINER as MODELCAR
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation

_IMAGE_PROBLEMS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
        "ImageInspectError",
    }
)
_NOT_MADE = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_QUOTED = 400
_NO_SHELL = 'exec: "sh"'
"""In the kubelet's words where an image has no shell, whichever runtime found out."""

_OTHER_WAYS = (
    "A model in mode modelcar needs a shell in its image. Put one into it, or do without: write oci+native://IMAGE where the "
    "cluster mounts images as volumes (Kubernetes 1.33 or later), or oci+fetch://IMAGE to download the model out of it."
)


def conditions(found: ConditionSet, *, ingress_step: str = "") -> Iterator[Explanation]:
    """One sentence for each component and for the routes, or the one that says that the service is stopped.

    `ingress_step` is what to do about routes that are not ready.
    """
    if found.is_true(STOPPED):
        yield Explanation(
            STOPPED,
            f"The service is stopped by the annotation {STOP_ANNOTATION}.",
            next_step=f"Remove the annotation {STOP_ANNOTATION} to start it again.",
        )
        return
    for type_ in (*COMPONENT_READY.values(), INGRESS_READY):
        condition = found.get(type_)
        if condition is None:
            continue
        ok = condition.status == TRUE
        said = ": ".join(part for part in (condition.reason, condition.message) if part)
        step = ingress_step if type_ == INGRESS_READY and not ok else ""
        yield Explanation(
            type_, f"{type_} is {condition.status}{f' ({said})' if said else ''}.", ok, step, condition.reason
        )


def pods(found: Sequence[Object]) -> Iterator[Explanation]:
    """What keeps pods from becoming ready, newest pod first."""
    for pod in found:
        about = f"Pod/{metadata.name(pod)}"
        role = metadata.labels(pod).get(COMPONENT_LABEL, "predictor")
        why = unschedulable(pod)
        if why:
            yield Explanation(
                about,
                f"No node takes the pod {metadata.name(pod)}: {why}",
                next_step=f"Add or free nodes that fit, or lower the resources, node selector or affinity of the {role}.",
            )
        for container in containers(pod):
            explanation = _container(about, metadata.name(pod), container, role)
            if explanation is not None:
                yield explanation


def stuck(pod: Object) -> frozenset[tuple[str, str]]:
    """What keeps the pod's containers from starting, each with its container (empty for the pod as a whole).

    In words that stay the same while the kubelet tries again and again.
    """
    found = {("", "unschedulable")} if unschedulable(pod) else set()
    for container in containers(pod):
        if container.waiting in _IMAGE_PROBLEMS:
            found.add((container.name, "image"))
        elif container.waiting in _NOT_MADE:
            found.add((container.name, "configuration"))
    return frozenset(found)


def _container(about: str, pod: str, container: ContainerState, role: str) -> Explanation | None:
    which = f"{'Init container' if container.init else 'Container'} {container.name} of pod {pod}"
    if container.waiting in _IMAGE_PROBLEMS:
        return Explanation(
            about,
            f"{which} cannot get its image ({container.waiting}{_quoted(container.waiting_message)}).",
            next_step=next_step(container.waiting),
        )
    if container.waiting in _NOT_MADE:
        # A Secret or ConfigMap that it names is missing, most of the time.
        return Explanation(
            about,
            f"{which} cannot be started ({container.waiting}{_quoted(container.waiting_message)}).",
            next_step=_OTHER_WAYS
            if _lacks_shell(container, container.waiting_message)
            else f"Create the Secret, ConfigMap or volume that the message names, or correct the {role}.",
        )
    # A container that was started once more runs until it ends as it did before.
    ending = container.ended or container.previous
    if ending is None and container.waiting == CRASH_LOOP:
        return Explanation(
            about, f"{which} keeps failing{_quoted(container.waiting_message)}.", next_step=_logs(pod, container)
        )
    if ending is None or (ending.reason == "Completed" and ending.exit_code == 0):
        return None
    return _ended(about, which, pod, container, ending, role)


def _ended(about: str, which: str, pod: str, container: ContainerState, ending: Termination, role: str) -> Explanation:
    again = f", {container.restarts} restarts so far" if container.restarts else ""
    if ending.reason == OOM_KILLED:
        return Explanation(
            about,
            f"{which} was killed because it used more memory than its limit{again}.",
            next_step="Raise the memory limit"
            + (
                " of storage-initializer in the ConfigMap inferenceservice-config or of its ClusterStorageContainer."
                if container.name == STORAGE_INITIALIZER
                else f" of {container.name} in {_spec_of(container.name, role)}."
            ),
        )
    return Explanation(
        about,
        f"{which} ended with exit code {ending.exit_code}{again}{_quoted(ending.message)}.",
        next_step=_OTHER_WAYS if _lacks_shell(container, ending.message) else _logs(pod, container),
    )


def _lacks_shell(container: ContainerState, message: str) -> bool:
    """Whether the image of a model was to be linked to, which takes a shell inside of it."""
    return container.name.startswith(MODELCAR) and _NO_SHELL in message


def _spec_of(container: str, role: str) -> str:
    return "spec.predictor.workerSpec" if container == WORKER_CONTAINER else f"spec.{role}"


def _logs(pod: str, container: ContainerState) -> str:
    if container.name == STORAGE_INITIALIZER:
        return f"Check storageUri and its credentials (kubectl logs {pod} -c {container.name} --previous)."
    return f"Read its last words: kubectl logs {pod} -c {container.name} --previous."


def _quoted(message: str) -> str:
    text = " ".join(message.split())
    if not text:
        return ""
    return f": {text if len(text) <= _QUOTED else text[:_QUOTED] + '…'}"
