"""How far caches are, as metrics."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from kservectl.api.kinds import LOCAL_MODEL_CACHE
from kservectl.controllers.localmodel.copy_metrics import CopyMetrics
from kservectl.informers.store import Store, StoreWriter
from kservectl.objects.kind import Kind


@dataclass(frozen=True)
class Cache:
    store: Store
    kind: Kind = LOCAL_MODEL_CACHE


def test_copies_are_told_by_state_and_bytes_of_all_nodes() -> None:
    writer, registry = StoreWriter(), CollectorRegistry()
    status = {"copies": {"total": 5, "available": 2, "failed": 1}, "progress": {"bytes": 30, "total": 100}}
    writer.put({"metadata": {"name": "llama", "resourceVersion": "1"}, "status": status})
    writer.put({"metadata": {"name": "new", "resourceVersion": "2"}})
    CopyMetrics(registry, [Cache(writer.store)])

    def value(family: str, name: str, **labels: str) -> float | None:
        labels = {"kind": "LocalModelCache", "namespace": "", "name": name, **labels}
        return registry.get_sample_value(f"kservectl_model_cache_{family}", labels)

    states = ("available", "failed", "pending")
    assert [value("copies", "llama", state=state) for state in states] == [2, 1, 2]
    assert [value("copies", "new", state=state) for state in states] == [0, 0, 0]
    assert (value("size_bytes", "llama"), value("downloaded_bytes", "llama")) == (100, 30)
