"""The disk of a node, as metrics."""

from prometheus_client import CollectorRegistry

from kservectl.controllers.localmodelnode.disk_metrics import DiskMetrics
from kservectl.controllers.localmodelnode.disk_state import DiskState


def values(state: DiskState | None) -> dict[str, float | None]:
    registry = CollectorRegistry()
    DiskMetrics(registry, "n1", lambda: state)
    names = ("size_bytes", "available_bytes", "usable", "models")
    return {name: registry.get_sample_value(f"kservectl_node_disk_{name}", {"node": "n1"}) for name in names}


def test_size_and_room_are_those_of_the_last_look() -> None:
    assert values(DiskState(capacity=100, available=40)) == {
        "size_bytes": 100,
        "available_bytes": 40,
        "usable": 1,
        "models": 0,
    }


def test_of_a_disk_that_cannot_be_looked_at_nothing_is_claimed_but_that() -> None:
    state = values(DiskState(problem="input/output error"))
    assert state == {"size_bytes": None, "available_bytes": None, "usable": 0, "models": None}
    assert set(values(None).values()) == {None}
