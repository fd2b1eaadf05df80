"""`status.modelStatus` of a predictor: how far the model has come, judged by the newest pod.

In wire form `transitionStatus`, `states.activeModelState` and `copies.failedCopies` are always written, even when empty or
0, because the CRD gives absent ones other values; zero `totalCopies` and an empty `targetModelState` are left out.
"""

from collections.abc import Sequence

from kservectl.controllers.inferenceservice.component import MAIN_CONTAINER
from kservectl.controllers.inferenceservice.failure import ModelFailure
from kservectl.controllers.inferenceservice.pod_state import (
    CRASH_LOOP,
    OOM_KILLED,
    STORAGE_INITIALIZER,
    ContainerState,
    Termination,
    container,
    is_ready,
)
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

EMPTY: Object = {"transitionStatus": ""}
"""Before the first evaluation, and while the service is stopped."""

_FAILED_ENDINGS = frozenset({"Error", OOM_KILLED})

_TRANSITIONS = {
    "Pending": "InProgress",
    "Loading": "InProgress",
    "Loaded": "UpToDate",
    "FailedToLoad": "BlockedByFailedLoad",
}


def evaluate(before: Object, pods: Sequence[Object], *, service_ready: bool) -> Object:
    """The model's status, from `before` and the predictor's pods, newest first.

    A newest pod that tells nothing (between two attempts of its download, say) leaves the states as they were.
    """
    if not pods:
        return without_pods(before, "Pending")
    status = {**(before or EMPTY), "copies": _copies(pods)}
    newest = pods[0]
    download = container(newest, STORAGE_INITIALIZER, init=True)
    if download is not None:
        if download.running and download.previous is not None:
            return status
        if download.running:
            return _moved(status, "Loading")
        ending = _failure(download)
        if ending is not None:
            return _failed(status, newest, download, ending)
    if service_ready:
        return _moved(status, "Loaded")
    server = container(newest, MAIN_CONTAINER, init=False)
    if server is None:
        return status if _declares_no_server(newest) else _moved(status, "Pending")
    ending = _failure(server)
    return _moved(status, "Pending") if ending is None else _failed(status, newest, server, ending)


def without_pods(before: Object, target: str) -> Object:
    """The status of a model that no pod serves now, for whatever reason, in the state `target`."""
    return _moved({**(before or EMPTY), "copies": _copies(())}, target)


def invalid(before: Object, failure: ModelFailure) -> Object:
    """The status of a model that cannot be served as it is specified."""
    return {
        **before,
        "transitionStatus": "InvalidSpec",
        "states": _states(before, "FailedToLoad"),
        "lastFailureInfo": {"reason": failure.reason, "message": failure.message},
    }


def _moved(status: Object, target: str) -> Object:
    moved = {**status, "transitionStatus": _TRANSITIONS[target], "states": _states(status, target)}
    if target == "Loaded":
        moved["states"]["activeModelState"] = "Loaded"
        moved.pop("lastFailureInfo", None)
    return moved


def _failed(status: Object, pod: Object, state: ContainerState, ending: Termination) -> Object:
    info: Object = {"location": metadata.name(pod), "reason": "ModelLoadFailed", "message": _words(state, ending)}
    if ending.finished_at:
        info["time"] = ending.finished_at
    if ending.exit_code:
        info["exitCode"] = ending.exit_code
    return {**_moved(status, "FailedToLoad"), "lastFailureInfo": info}


def _words(state: ContainerState, ending: Termination) -> str:
    """The container's last words; where it had none, which container it was and how it ended."""
    if ending.reason == OOM_KILLED:
        told = f"{state.name} was killed because it used more memory than its limit ({OOM_KILLED})"
        return f"{told}: {ending.message}" if ending.message else told
    if ending.message:
        return ending.message
    return (
        f"{state.name} ended with exit code {ending.exit_code}" if ending.exit_code else f"{state.name} keeps failing"
    )


def _states(status: Object, target: str) -> Object:
    active = (status.get("states") or {}).get("activeModelState") or ""
    return {"activeModelState": active, "targetModelState": target}


def _copies(pods: Sequence[Object]) -> Object:
    copies: Object = {"failedCopies": sum(map(_is_failed, pods))}
    ready = sum(map(is_ready, pods))
    if ready:
        copies["totalCopies"] = ready
    return copies


def _is_failed(pod: Object) -> bool:
    download = container(pod, STORAGE_INITIALIZER, init=True)
    server = container(pod, MAIN_CONTAINER, init=False)
    return any(state is not None and _failure(state) is not None for state in (download, server))


def _failure(state: ContainerState) -> Termination | None:
    """How the container failed, if it did: it ended badly, or it waits to be started once more after it had."""
    if state.ended is not None:
        return state.ended if state.ended.reason in _FAILED_ENDINGS else None
    if state.waiting == CRASH_LOOP:
        return state.previous or Termination("", state.waiting_message, 0, "")
    return None


def _declares_no_server(pod: Object) -> bool:
    declared = (pod.get("spec") or {}).get("containers") or ()
    return all(entry.get("name") != MAIN_CONTAINER for entry in declared)
