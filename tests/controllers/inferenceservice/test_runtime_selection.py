"""Which runtime serves a model."""

from typing import Any

import pytest

from kservectl.api.inferenceservice import ModelSpec
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.runtime_selection import select
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.controllers.inferenceservice.world import START, runtime


def entry(name: str = "sklearn", **fields: Any) -> Object:
    return {"name": name, "autoSelect": True, **fields}


def chosen(model: Object, *runtimes: Object, cluster: bool = True) -> str:
    kinds = (SERVING_RUNTIME, CLUSTER_SERVING_RUNTIME) if cluster else (SERVING_RUNTIME,)
    spec = ModelSpec.parse({"modelFormat": {"name": "sklearn"}, **model})
    return select(spec, "ml", StaticView(runtimes, kinds=kinds, now=START)).name


def test_namespaces_runtime_shadows_the_clusters_of_the_same_name() -> None:
    spec = ModelSpec.parse({"modelFormat": {"name": "sklearn"}, "runtime": "a"})
    view = StaticView(
        [runtime("a", namespace="ml"), runtime("a")], kinds=(SERVING_RUNTIME, CLUSTER_SERVING_RUNTIME), now=START
    )

    assert select(spec, "ml", view).cluster_wide is False


def test_any_runtime_of_the_namespace_beats_any_of_the_cluster() -> None:
    weak = runtime("weak", namespace="ml", formats=[entry()], protocols=["v1"])
    strong = runtime("strong", formats=[entry(priority=9)], protocols=["v1"])

    assert chosen({}, strong, weak) == "weak"


def test_runtimes_of_another_namespace_do_not_count() -> None:
    with pytest.raises(CannotDecide):
        chosen({}, runtime("a", namespace="other"))


def test_higher_priority_wins_and_none_is_last() -> None:
    assert chosen({}, runtime("a", formats=[entry()]), runtime("b", formats=[entry(priority=1)])) == "b"
    assert chosen({}, runtime("a", formats=[entry(priority=1)]), runtime("b", formats=[entry(priority=2)])) == "b"


def test_priority_is_the_first_entrys_of_that_name_whatever_its_version() -> None:
    first = runtime("a", formats=[entry(version="0", priority=1), entry(version="1", priority=9)])
    second = runtime("b", formats=[entry(version="1", priority=2)])

    assert chosen({"modelFormat": {"name": "sklearn", "version": "1"}}, first, second) == "b"


def test_equal_priorities_are_decided_by_protocol_then_age_then_name() -> None:
    low = runtime("z", protocols=["v1", "v2"])
    high = runtime("a", protocols=["v2", "grpc-v2"])
    assert chosen({"protocolVersion": "v2"}, high, low) == "z"

    old = runtime("a", meta={"creationTimestamp": "2025-01-01T00:00:00Z"})
    new = runtime("z", meta={"creationTimestamp": "2025-06-01T00:00:00Z"})
    assert chosen({}, old, new) == "z"

    assert chosen({}, runtime("b"), runtime("a")) == "a"


def test_of_several_fit_runtimes_priority_decides_and_then_the_name() -> None:
    offered = [
        runtime("d", formats=[entry(priority=1)]),
        runtime("c", formats=[entry(priority=2)]),
        runtime("b", formats=[entry(priority=2)]),
        runtime("a", formats=[entry()]),
    ]

    order = []
    while offered:
        order.append(chosen({}, *offered))
        offered = [each for each in offered if each["metadata"]["name"] != order[-1]]
    assert order == ["b", "c", "d", "a"]


def test_model_without_a_protocol_is_looked_for_as_v1() -> None:
    assert chosen({}, runtime("a", protocols=["v2"]), runtime("b", protocols=["v1"])) == "b"
    with pytest.raises(CannotDecide):
        chosen({}, runtime("a", protocols=["v2"]))
    assert chosen({"protocolVersion": "v2"}, runtime("a", protocols=["v2"]), runtime("b", protocols=["v1"])) == "a"


def test_runtime_without_protocols_speaks_any() -> None:
    assert chosen({"protocolVersion": "grpc-v2"}, runtime("a", protocols=[])) == "a"


@pytest.mark.parametrize(
    "unfit",
    [
        runtime("a", disabled=True),
        runtime("a", multiModel=True),
        runtime("a", workerSpec={"containers": [{"name": "worker-container"}]}),
        runtime("a", formats=[{"name": "sklearn"}]),
        runtime("a", formats=[entry("xgboost")]),
        runtime("a", formats=[]),
    ],
)
def test_unfit_runtime_is_not_selected(unfit: Object) -> None:
    with pytest.raises(CannotDecide) as failure:
        chosen({}, unfit)
    assert failure.value.model is not None
    assert failure.value.model.reason == "NoSupportingRuntime"


def test_named_runtime_need_not_allow_automatic_selection() -> None:
    assert chosen({"runtime": "a"}, runtime("a", formats=[{"name": "sklearn"}])) == "a"


@pytest.mark.parametrize(
    ("wanted", "listed", "fits"),
    [
        (None, "1", True),
        (None, None, True),
        ("1", "1", True),
        ("1", None, False),
        ("1", "2", False),
        ("1.0", "1", False),
    ],
)
def test_versions_are_compared_as_spelled(wanted: str | None, listed: str | None, fits: bool) -> None:
    model = {"modelFormat": {"name": "sklearn", **({"version": wanted} if wanted else {})}}
    offered = runtime("a", formats=[entry(**({"version": listed} if listed else {}))])
    if fits:
        assert chosen(model, offered) == "a"
    else:
        with pytest.raises(CannotDecide):
            chosen(model, offered)


def test_cluster_runtimes_need_not_be_served_at_all() -> None:
    assert chosen({}, runtime("a", namespace="ml"), cluster=False) == "a"
    with pytest.raises(CannotDecide):
        chosen({"runtime": "b"}, runtime("a", namespace="ml"), cluster=False)
