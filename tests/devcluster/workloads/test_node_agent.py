"""What simulated node agents say, and when."""

from datetime import UTC, datetime, timedelta

from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.devcluster.workloads.node_agent import reconciler
from kservectl.objects.kind import NODE
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.view import StaticView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def order(*models: str, status: Object | None = None, source: str = "s3://models", **spec: object) -> Object:
    entries = [{"modelName": name, "sourceModelUri": f"{source}/{name}", "modelSize": "1000"} for name in models]
    meta = {"name": "n1", "generation": 3}
    return {"metadata": meta, "spec": {"localModels": entries, **spec}, "status": status or {}}


def answer(obj: Object, seconds: float = 0.0) -> Outcome:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
    seen = StaticView([node], kinds=(NODE, LOCAL_MODEL_NODE), now=NOW + timedelta(seconds=seconds))
    return reconciler(4.0)(obj, seen)


def said(outcome: Outcome) -> Object:
    assert outcome.status is not None
    return outcome.status


def test_a_model_is_downloaded_in_steps() -> None:
    first = said(answer(order("a")))
    assert first["modelStatus"] == {"a": "ModelDownloading"}
    half = answer(order("a", status=first), 2.0)
    assert said(half)["models"]["a"]["percent"] == 50
    assert said(half)["models"]["a"]["estimatedCompletionTime"] == "2026-01-01T00:00:04Z"
    assert half.requeue_after is not None
    done = said(answer(order("a", status=said(half)), 4.0))
    assert done["modelStatus"] == {"a": "ModelDownloaded"}
    assert done["models"]["a"]["downloadedBytes"] == 1000
    assert said(answer(order("a", status=done), 60.0)) == done


def test_no_more_are_downloaded_at_a_time_than_is_allowed() -> None:
    first = said(answer(order("a", "b", maxParallelDownloads=1)))
    assert first["modelStatus"] == {"a": "ModelDownloading", "b": "ModelDownloadPending"}
    assert first["models"]["b"]["reason"] == "WaitsForTurn"
    later = said(answer(order("a", "b", status=first, maxParallelDownloads=1), 4.0))
    assert later["modelStatus"] == {"a": "ModelDownloaded", "b": "ModelDownloading"}


def test_a_host_that_cannot_exist_is_not_reached() -> None:
    status = said(answer(order("a", source="https://models.invalid")))
    assert status["modelStatus"] == {"a": "ModelDownloadError"}
    assert "no such host" in status["models"]["a"]["message"]


def test_what_is_no_longer_listed_leaves_the_status() -> None:
    status = said(answer(order(status={"modelStatus": {"a": "ModelDownloaded"}, "models": {"a": {}}})))
    assert (status["modelStatus"], status["models"], status["observedGeneration"]) == ({}, {}, 3)
