"""The documents that a cluster begins with, and the stages of simulated objects."""

import re
from collections import Counter
from typing import Any

import pytest

from e2e.cluster.objects import FAULT_ANNOTATION, kwok_documents, nodes, scheduling_fault

STAGES = {stage["metadata"]["name"]: stage["spec"] for stage in kwok_documents(routes=True)}
FAULT_QUERY = f'.metadata.annotations["{FAULT_ANNOTATION}"]'


def requirements(stage: dict[str, Any]) -> list[dict[str, Any]]:
    return [expression["jq"] for expression in stage["selector"]["matchExpressions"]]


def templates(stage: dict[str, Any]) -> list[str]:
    return [step["patch"]["template"] for step in stage["steps"] if "patch" in step]


def test_stages_have_names_of_their_own() -> None:
    assert Counter(stage["metadata"]["name"] for stage in kwok_documents(routes=True)).most_common(1)[0][1] == 1
    assert {stage["kind"] for stage in kwok_documents(routes=True)} == {"Stage"}


def test_routes_are_simulated_only_where_the_cluster_has_them() -> None:
    kinds = [{stage["spec"]["resourceRef"]["kind"] for stage in kwok_documents(routes=r)} for r in (False, True)]

    assert kinds == [{"Node", "Pod"}, {"Node", "Pod", "HTTPRoute"}]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_asks_for_the_state_that_it_ends(name: str) -> None:
    """Otherwise it would apply again to what it has written, for ever."""
    queries = [requirement["key"] for requirement in requirements(STAGES[name])]

    assert any(".status" in query for query in queries) or name == "pod-goes"


@pytest.mark.parametrize("name", STAGES)
def test_requirements_are_well_formed(name: str) -> None:
    for requirement in requirements(STAGES[name]):
        takes_values = requirement["operator"] in {"In", "NotIn"}
        assert takes_values or requirement["operator"] in {"Exists", "DoesNotExist"}
        assert bool(requirement.get("values")) is takes_values
        assert all(isinstance(value, str) for value in requirement.get("values", []))


@pytest.mark.parametrize("name", [name for name, stage in STAGES.items() if templates(stage)])
def test_templates_close_what_they_open_and_write_the_status(name: str) -> None:
    for step in STAGES[name]["steps"]:
        assert (step["patch"]["subresource"], step["patch"]["root"]) == ("status", "status")
        actions = re.findall(r"{{\s*(\w+|\$)", step["patch"]["template"])
        assert sum(action in {"if", "range", "with"} for action in actions) == actions.count("end")


def test_only_the_last_stage_of_a_pod_takes_one_that_is_being_deleted() -> None:
    for name, stage in STAGES.items():
        if stage["resourceRef"]["kind"] == "Pod":
            (operator,) = [r["operator"] for r in requirements(stage) if "deletionTimestamp" in r["key"]]
            assert (operator == "Exists") is (name == "pod-goes")


@pytest.mark.parametrize(
    ("fault", "diverted", "to"),
    [
        ("init-crash-loop", "pod-init-containers-end", "pod-init-containers-crash"),
        ("image-pull-error", "pod-runs", "pod-images-cannot-be-pulled"),
        ("crash-loop", "pod-runs", "pod-containers-crash"),
        ("crash-loop", "pod-completes", "pod-containers-crash"),
    ],
)
def test_a_fault_leads_a_pod_from_one_stage_to_another(fault: str, diverted: str, to: str) -> None:
    assert _fault_requirement(diverted)["operator"] == "NotIn"
    assert fault in _fault_requirement(diverted)["values"]
    assert _fault_requirement(to) == {"key": FAULT_QUERY, "operator": "In", "values": [fault]}


def test_the_scheduling_fault_is_bound() -> None:
    policy, binding = scheduling_fault()

    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert FAULT_ANNOTATION in policy["spec"]["matchConditions"][0]["expression"]


def test_nodes_have_room_and_one_has_gpus() -> None:
    assert all(int(node["status"]["allocatable"]["cpu"]) >= 2000 for node in nodes())
    assert [node["metadata"]["name"] for node in nodes() if "nvidia.com/gpu" in node["status"]["allocatable"]] == [
        "node-gpu"
    ]


def _fault_requirement(name: str) -> dict[str, Any]:
    (found,) = [requirement for requirement in requirements(STAGES[name]) if requirement["key"] == FAULT_QUERY]
    return found
