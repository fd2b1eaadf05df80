import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.controllers.inferenceservice.multinode.allocation import Allocation, by_requests, by_stage


@pytest.mark.parametrize(
    ("pipeline", "tensor", "head", "worker", "expected"),
    [
        (2, 1, 0, 0, Allocation(2, 1, 1)),
        (5, 1, 0, 0, Allocation(5, 1, 1)),
        (2, 16, 0, 0, Allocation(32, 1, 1)),
        (2, 4, 2, 0, Allocation(7, 2, 1)),
        (2, 4, 0, 2, Allocation(4, 2, 2)),
        (2, 4, 8, 2, Allocation(1, 8, 0)),
        (2, 4, 2, 8, Allocation(1, 8, 0)),
        (2, 16, 4, 3, Allocation(11, 4, 3)),
        (2, 4, 8, 0, Allocation(1, 8, 1)),
        (2, 4, 10, 0, Allocation(1, 10, 1)),
        (2, 4, 4, 4, Allocation(2, 4, 4)),
        (1, 7, 0, 4, Allocation(2, 3, 4)),
        (1, 1, 0, 0, Allocation(1, 1, 1)),
    ],
)
def test_requests_of_head_and_worker_decide_how_gpus_are_spread(
    pipeline: int, tensor: int, head: int, worker: int, expected: Allocation
) -> None:
    assert by_requests(pipeline=pipeline, tensor=tensor, head=head, worker=worker) == expected


def test_too_few_gpus_are_refused_with_the_sum_of_all_workers() -> None:
    with pytest.raises(CannotDecide) as refused:
        by_requests(pipeline=1, tensor=7, head=2, worker=4)

    assert refused.value.reason == "InvalidGPUAllocation"
    assert refused.value.message == (
        "the total required number of GPUs(7) is less than the number of GPUs assigned to the head node(2) + worker node(4)"
    )
    assert "= 7" in refused.value.next_step


def test_more_gpus_than_needed_are_accepted() -> None:
    assert by_requests(pipeline=2, tensor=2, head=3, worker=3) == Allocation(2, 3, 3)


@pytest.mark.parametrize(
    ("pipeline", "tensor", "expected"),
    [
        (2, 2, Allocation(2, 2, 2)),
        (4, 8, Allocation(4, 8, 8)),
        (1, 4, Allocation(1, 4, 4)),
        (2, 1, Allocation(2, 1, 1)),
    ],
)
def test_multiprocessing_makes_each_pipeline_stage_a_node(pipeline: int, tensor: int, expected: Allocation) -> None:
    assert by_stage(pipeline=pipeline, tensor=tensor) == expected


@given(pipeline=st.integers(1, 12), tensor=st.integers(1, 16), head=st.integers(0, 16), worker=st.integers(0, 16))
def test_an_accepted_allocation_has_enough_gpus(pipeline: int, tensor: int, head: int, worker: int) -> None:
    total = pipeline * tensor
    try:
        found = by_requests(pipeline=pipeline, tensor=tensor, head=head, worker=worker)
    except CannotDecide:
        # Refused only where the requests themselves fall short, with as many workers as would fit the model.
        assert 0 < head < total
        assert head + worker * (-(-total // worker) - 1) < total
        return
    assert found.head_gpus + found.workers * found.worker_gpus >= total
