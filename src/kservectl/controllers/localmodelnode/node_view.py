"""The world that the agent decides by: the caches, the Jobs as they were before the disk was looked at, and the disk."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kservectl.controllers.localmodelnode.disk_state import DiskState
from kservectl.objects import metadata
from kservectl.objects.kind import JOB, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


class NodeView:
    """A View with the disk beside it.

    Jobs come from before the disk was looked at: one that ended in between has left a folder that `disk` does not show yet,
    and would be taken for one whose model is missing.
    """

    def __init__(self, below: View, jobs: Sequence[Object], disk: DiskState) -> None:
        self._below = below
        self._jobs = tuple(jobs)
        self.disk = disk

    @property
    def now(self) -> datetime:
        return self._below.now

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return self._below.get(kind, name, namespace)

    def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> Sequence[Object]:
        if kind != JOB:
            return self._below.list(kind, namespace, labels)
        wanted = (labels or {}).items()
        return [
            job
            for job in self._jobs
            if (namespace is None or metadata.namespace(job) == namespace) and wanted <= metadata.labels(job).items()
        ]

    def owned(self, kind: Kind, owner_uid: str) -> Sequence[Object]:
        return self._below.owned(kind, owner_uid)

    def served(self, kind: Kind) -> bool:
        return self._below.served(kind)
