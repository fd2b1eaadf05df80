"""How full a node group is."""

from kservectl.controllers.localmodel.node_group import reconcile
from tests.controllers.localmodel.worlds import entry, group, node, order, status_of, view


def test_a_group_counts_its_nodes_and_what_models_take_of_them() -> None:
    subject = group(limit="100Gi")
    seen = view(
        node("n1"),
        node("n2"),
        node("other", "cpu"),
        order(
            "n1", entry("a", source="s3://1"), entry("b", source="s3://2"), entry("c", group="else", source="s3://3")
        ),
        order("n2", entry("a", source="s3://1")),
        order("other", entry("a", source="s3://1")),
    )
    assert status_of(reconcile(subject, seen)) == {
        "nodes": 2,
        "capacity": "200Gi",
        "used": "30Gi",
        "available": "170Gi",
        "availablePerNode": "80Gi",
        "observedGeneration": 1,
    }


def test_models_that_share_a_folder_are_counted_once() -> None:
    seen = view(node("n1"), order("n1", entry("a"), entry("a", "team")))
    assert status_of(reconcile(group(), seen))["used"] == "10Gi"


def test_a_group_without_nodes_has_nothing_to_give() -> None:
    assert status_of(reconcile(group(), view())) == {
        "nodes": 0,
        "capacity": "0",
        "used": "0",
        "available": "0",
        "observedGeneration": 1,
    }
