"""How many nodes a model is spread over, and how many GPUs each of them has.

A model needs `pipeline` times `tensor` GPUs. With Ray, what the containers request decides how they are spread: the head may
have another number than the workers. With the executor `mp` each stage of the pipeline is a node of its own.
"""

from dataclasses import dataclass

from kservectl.controllers.inferenceservice.failure import CannotDecide

INVALID = "InvalidGPUAllocation"


@dataclass(frozen=True, slots=True)
class Allocation:
    """`nodes` counts the head; `worker_gpus` is of one worker."""

    nodes: int
    head_gpus: int
    worker_gpus: int

    @property
    def workers(self) -> int:
        return self.nodes - 1


def by_stage(*, pipeline: int, tensor: int) -> Allocation:
    """A node for each stage of the pipeline, as the executor `mp` wants it."""
    return Allocation(pipeline, tensor, tensor)


def by_requests(*, pipeline: int, tensor: int, head: int, worker: int) -> Allocation:
    """As the GPU requests of the head's and the worker's container have it, 0 for none.

    Raises CannotDecide when all nodes together have fewer GPUs than the model needs; more are no harm.
    """
    total = pipeline * tensor
    if not head and not worker:
        return Allocation(total, 1, 1)
    found = _around_worker(total, head, worker) if worker else Allocation(max(total - head, 0) + 1, head, 1)
    workers_gpus = found.worker_gpus * found.workers
    if total > found.head_gpus + workers_gpus:
        raise CannotDecide(
            f"the total required number of GPUs({total}) is less than the number of GPUs assigned to the "
            f"head node({found.head_gpus}) + worker node({workers_gpus})",
            reason=INVALID,
            next_step=f"Request GPUs for head and workers that add up to pipelineParallelSize x tensorParallelSize = {total}.",
        )
    return found


def _around_worker(total: int, head: int, worker: int) -> Allocation:
    nodes = 1 if head >= total else -(-total // worker)
    if nodes == 1:
        return Allocation(1, total, 0)
    return Allocation(nodes, head or total - worker * (nodes - 1), worker)
