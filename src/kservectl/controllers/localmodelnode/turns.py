"""Which of the downloads that are wanted may start now: as many as may run at once, and those that have room on the disk."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from kservectl.controllers.localmodelnode import jobs
from kservectl.controllers.localmodelnode.disk_state import Content, DiskState, Folder
from kservectl.controllers.localmodelnode.jobs import ERROR
from kservectl.controllers.localmodelnode.judging import WAITING, Judgement
from kservectl.modelfolder.progress import FULL
from kservectl.objects.metadata import Object

DEFAULT_PARALLEL = 4

_GIB = 1 << 30
_SPARE = 64 << 20
"""Bytes of the disk that stay free: a full disk harms everybody on the node."""


def in_turn(
    judgements: Sequence[Judgement], running: Iterable[Object], disk: DiskState, parallel: int
) -> Sequence[Judgement]:
    """`judgements`, of which only those keep `launch` that may start beside the Jobs that are `running`.

    Models that were never tried go before those that failed, and in each group the first listed goes first.
    """
    by_key = {judgement.model.key: judgement for judgement in judgements}
    under_way = {jobs.model_key(job) for job in running}
    free = disk.available - _SPARE - sum(_missing(by_key[key], disk.folders) for key in under_way if key in by_key)
    slots = parallel - len(under_way)
    decided = dict(by_key)
    for judgement in sorted((each for each in judgements if each.launch), key=lambda each: each.attempts > 1):
        needed = _missing(judgement, disk.folders)
        if needed > free:
            decided[judgement.model.key] = _without_room(judgement, needed, free)
        elif slots <= 0:
            message = f"{parallel} downloads may run at once on this node"
            decided[judgement.model.key] = replace(
                judgement, launch=False, reason=WAITING, message=message, attempts=judgement.attempts - 1
            )
        else:
            slots, free = slots - 1, free - needed
    return [decided[judgement.model.key] for judgement in judgements]


def _missing(judgement: Judgement, folders: Mapping[str, Folder]) -> int:
    """How many bytes are still to come, as far as anybody knows."""
    folder = folders.get(judgement.model.storage_key)
    if folder is None or folder.content is not Content.UNFINISHED:
        return judgement.model.size or 0
    told = folder.progress
    total = told.total if told is not None and told.total is not None else judgement.model.size or 0
    return max(0, total - (told.done if told is not None else folder.bytes))


def _without_room(judgement: Judgement, needed: int, free: int) -> Judgement:
    message = (
        f"the download needs {needed / _GIB:.1f} GiB more, and {max(free, 0) / _GIB:.1f} GiB may be used on the disk of this"
        " node; make room by deleting caches, or give the node a larger disk"
    )
    return replace(judgement, state=ERROR, launch=False, reason=FULL, message=message, attempts=judgement.attempts - 1)
