"""Which InferenceGraphs may be stored, and what users are told about the others."""

import copy
from typing import Any

import pytest

from kservectl.admission.inferencegraph.handler import VALIDATOR_PATH, webhooks
from kservectl.admission.inferencegraph.validator import validate
from kservectl.api.kinds import INFERENCE_GRAPH
from kservectl.objects.metadata import Object

A = {"serviceName": "a"}


def graph(name: str = "flow", *, deleting: bool = False, **nodes: Object) -> Object:
    meta: Object = {"name": name, "namespace": "ml"} | (
        {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleting else {}
    )
    return {
        "apiVersion": INFERENCE_GRAPH.api_version,
        "kind": "InferenceGraph",
        "metadata": meta,
        "spec": {"nodes": nodes},
    }


def node(type_: str, *steps: Object) -> Object:
    return {"routerType": type_, "steps": list(steps)}


def messages(obj: Object, old: Object | None = None) -> list[str]:
    return [error.message for error in validate(obj, old).errors]


@pytest.mark.parametrize("name", ["foo-bar", "a", "model-1"])
def test_ordinary_names_are_fine(name: str) -> None:
    assert messages(graph(name, root=node("Sequence", A))) == []


@pytest.mark.parametrize("name", ["Foo", "1foo", "-foo", "foo-", "foo.bar", "foo bar"])
def test_other_names_are_refused_with_the_expression(name: str) -> None:
    (message,) = messages(graph(name, root=node("Sequence", A)))
    assert message.startswith(f'The InferenceGraph "{name}" is invalid: ')
    assert message.endswith("regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')")


def test_a_name_leaves_room_for_the_pods_label() -> None:
    assert messages(graph("a" * 58, root=node("Sequence", A))) == []
    (message,) = messages(graph("a" * 60, root=node("Sequence", A)))
    assert "make it 2 shorter" in message


def test_a_graph_needs_a_root() -> None:
    expected = "root node not found, InferenceGraph needs a node with name 'root' as the root node of the graph"
    assert messages(graph(start=node("Sequence", A))) == [expected]


def test_step_names_are_unique_within_a_node_only() -> None:
    twice = node("Sequence", {**A, "name": "one"}, {"serviceName": "b", "name": "one"})
    assert messages(graph(root=twice)) == [
        'Node "root" of InferenceGraph "flow" contains more than one step with name "one"'
    ]
    apart = graph(
        root=node("Sequence", {"nodeName": "next", "name": "one"}), next=node("Sequence", {**A, "name": "one"})
    )
    assert messages(apart) == []
    assert messages(graph(root=node("Sequence", {**A, "name": ""}, {"serviceName": "b", "name": ""}))) == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({}, 'Step 0 ("") in node "root" of InferenceGraph "flow" does not specify an inference target'),
        (
            {"name": "x", "serviceName": "a", "serviceUrl": "http://b"},
            'Step 0 ("x") in node "root" of InferenceGraph "flow" specifies more than one of nodeName, serviceName, serviceUrl',
        ),
    ],
)
def test_a_step_has_exactly_one_target(step: Object, said: str) -> None:
    assert messages(graph(root=node("Sequence", step))) == [said]


def test_weights_of_a_splitter_are_whole() -> None:
    good = node("Splitter", {**A, "weight": 20}, {"serviceUrl": "http://b", "weight": 80})
    assert messages(graph(root=good)) == []
    all_to_one = node("Splitter", {**A, "weight": 0}, {"serviceUrl": "http://b", "weight": 100})
    assert messages(graph(root=all_to_one)) == []
    short = node("Splitter", {**A, "weight": 20}, {"serviceName": "b", "weight": 79})
    assert messages(graph(root=short)) == [
        "InferenceGraph[flow] Node[root] splitter node: the sum of traffic weights for all routing targets should be 100"
    ]
    missing = node("Splitter", {**A, "weight": 100}, {"serviceUrl": "http://b"}, {"serviceName": "c"})
    assert messages(graph(root=missing)) == ["InferenceGraph[flow] Node[root] Route[] missing the 'Weight'"]


def test_weights_that_only_add_up_are_refused() -> None:
    verdict = validate(graph(root=node("Splitter", {**A, "weight": 120}, {"serviceName": "b", "weight": -20})), None)
    assert [error.field for error in verdict.errors] == [
        "spec.nodes[root].steps[0].weight",
        "spec.nodes[root].steps[1].weight",
    ]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"timeout": 0}, "must be a number of seconds above 0, not 0"),
        ({"timeout": 5}, None),
        ({"retries": -1}, "must be between 0 and 10, not -1"),
        ({"retries": 11}, "must be between 0 and 10, not 11"),
        ({"retries": 0}, None),
    ],
)
def test_the_limits_of_a_step_are_limits(step: Object, said: str | None) -> None:
    assert messages(graph(root=node("Sequence", {**A, **step}))) == ([said] if said else [])


def test_steps_lead_to_nodes_that_exist() -> None:
    (message,) = messages(graph(root=node("Sequence", {"nodeName": "nowhere"})))
    assert message == 'there is no node "nowhere" in the graph; there are: root'


@pytest.mark.parametrize(
    ("nodes", "circle"),
    [
        ({"root": node("Sequence", {"nodeName": "root"})}, "root → root"),
        (
            {
                "root": node("Switch", {**A, "condition": "a"}, {"nodeName": "b", "condition": "b"}),
                "b": node("Sequence", {"nodeName": "c"}),
                "c": node("Sequence", {"nodeName": "b"}),
            },
            "b → c → b",
        ),
    ],
)
def test_circles_are_refused(nodes: dict[str, Any], circle: str) -> None:
    (message,) = messages(graph(**nodes))
    assert circle in message


def test_a_node_may_be_reached_on_two_ways() -> None:
    both = node("Ensemble", {"nodeName": "left"}, {"nodeName": "right"})
    ends: dict[str, Any] = {
        "left": node("Sequence", {"nodeName": "end"}),
        "right": node("Sequence", {"nodeName": "end"}),
    }
    assert messages(graph(root=both, **ends, end=node("Sequence", A))) == []


def test_a_condition_that_always_holds_is_refused_with_what_to_write() -> None:
    (message,) = messages(graph(root=node("Switch", {**A, "condition": "{ .userId }"})))
    assert "always holds" in message
    assert "'userId'" in message
    assert messages(graph(root=node("Switch", {**A, "condition": '[@this].#(source=="client")'}))) == []


def test_what_kserve_took_stays_changeable() -> None:
    stored = graph(root=node("Switch", {**A, "condition": "{.x}"}, {"nodeName": "gone", "condition": "y"}))
    changed = copy.deepcopy(stored)
    changed["metadata"]["labels"] = {"team": "blue"}
    assert len(messages(stored)) == 2
    assert messages(changed, stored) == []
    changed["spec"]["nodes"]["root"]["steps"].append({"nodeName": "nope", "condition": "z"})
    assert messages(changed, stored) == ['there is no node "nope" in the graph; there are: root']


def test_a_graph_that_is_being_deleted_passes() -> None:
    assert messages(graph("Foo", deleting=True)) == []
    assert messages(graph("Foo")) != []


def test_what_is_surely_not_meant_is_a_warning() -> None:
    flow = graph(
        root=node("Sequence", {"nodeName": "pick", "condition": "a", "data": "$response.predictions"}),
        pick=node("Switch", {"serviceUrl": "http://one.{$your-domain}/x"}),
        lost=node("Ensemble"),
    )
    flow["spec"] |= {"minReplicas": 3, "maxReplicas": 2}
    verdict = validate(flow, None)
    assert verdict.errors == ()
    text = "\n".join(verdict.warnings)
    for part in (
        "spec.nodes[lost]: no step leads",
        "without a condition is never taken",
        "fails every request",
        "'$response.predictions' means the request",
        "no http or https URL",
        "spec.nodes[lost] has no steps",
        "spec.maxReplicas (2) is below spec.minReplicas (3)",
    ):
        assert part in text
    assert len(verdict.warnings) == 7


def test_an_unknown_router_type_is_named_with_the_known_ones() -> None:
    (message,) = messages(graph(root=node("Parallel", A)))
    assert "'Sequence', 'Splitter', 'Ensemble' or 'Switch'" in message


def test_the_webhook_has_kserves_path() -> None:
    (webhook,) = webhooks()
    assert webhook.path == VALIDATOR_PATH == "/validate-serving-kserve-io-v1alpha1-inferencegraph"
