"""What `kservectl why` says of pods whose containers do not start."""

from typing import Any

import pytest

from kservectl.controllers.inferenceservice.explain import pods
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Explanation

NO_SHELL = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "sh": executable file not found in $PATH: unknown'
)


def explained(name: str, *, init: bool = False, **state: Any) -> Explanation:
    status = {("initContainerStatuses" if init else "containerStatuses"): [{"name": name, "state": state}]}
    pod: Object = {"metadata": {"name": "p", "labels": {"component": "predictor"}}, "status": status}
    (found,) = pods([pod])
    return found


@pytest.mark.parametrize(("name", "init"), [("modelcar", False), ("modelcar-1", False), ("modelcar-init", True)])
@pytest.mark.parametrize(
    "state",
    [
        {"waiting": {"reason": "RunContainerError", "message": NO_SHELL}},
        {"terminated": {"reason": "StartError", "exitCode": 128, "message": NO_SHELL}},
    ],
)
def test_a_model_whose_image_has_no_shell_can_be_brought_otherwise(name: str, init: bool, state: Object) -> None:
    found = explained(name, init=init, **state)
    assert 'exec: "sh": executable file not found' in found.message
    assert found.next_step.startswith("A model in mode modelcar needs a shell in its image.")
    assert "oci+native://IMAGE" in found.next_step and "oci+fetch://IMAGE" in found.next_step


def test_a_model_without_files_is_not_taken_for_one_without_shell() -> None:
    ended = {"reason": "Error", "exitCode": 1, "message": "NOK ... Prefetched but modelcar is invalid"}
    found = explained("modelcar-init", init=True, terminated=ended)
    assert found.next_step == "Read its last words: kubectl logs p -c modelcar-init --previous."


def test_a_server_without_shell_is_the_users_to_correct() -> None:
    found = explained("kserve-container", waiting={"reason": "RunContainerError", "message": NO_SHELL})
    assert found.next_step == "Create the Secret, ConfigMap or volume that the message names, or correct the predictor."
