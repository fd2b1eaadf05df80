"""Looking at what no cache shows, just before a decision: the disk, and what the credentials of downloads are made from."""

import asyncio
from collections.abc import Collection, Sequence

import structlog

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.controllers.localmodelnode import jobs
from kservectl.controllers.localmodelnode.credentials import references
from kservectl.controllers.localmodelnode.disk import Disk
from kservectl.controllers.localmodelnode.disk_state import Content, DiskState, Effect, Slow
from kservectl.controllers.localmodelnode.listed import ListedModel, listed_models
from kservectl.controllers.localmodelnode.node_view import NodeView
from kservectl.controllers.localmodelnode.settings import NodeSettings
from kservectl.objects.kind import CONFIG_MAP, JOB
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader, Reference
from kservectl.runtime.view import View


class Observer:
    """Looks at one node's disk and, where a download may be launched, at credentials in the job namespace."""

    def __init__(self, disk: Disk, reader: LiveReader, settings: NodeSettings) -> None:
        self._disk = disk
        self._reader = reader
        self._settings = settings
        self._last: DiskState | None = None
        self._slow: dict[Slow, None] = {}
        self._has_slow = asyncio.Event()
        self._log = structlog.get_logger(component="disk")

    @property
    def problem(self) -> str:
        """Why the disk could not be looked at the last time; "" when it could."""
        return self._last.problem if self._last is not None else ""

    @property
    def last(self) -> DiskState | None:
        """The disk as it was at the last look; None before the first."""
        return self._last

    async def look(self) -> DiskState:
        """The disk as it is now."""
        self._last = await asyncio.to_thread(self._disk.look)
        return self._last

    async def observe(self, node: Object, view: View) -> View:
        """`view` as a NodeView; raises Unreadable."""
        found = view.list(JOB, self._settings.job_namespace, {jobs.NODE_LABEL: self._settings.node})
        state = await self.look()
        models = [model for model in listed_models(node) if _may_be_launched(model, found, state)]

        def needs(seen: View) -> Collection[Reference]:
            return self._needs(models, seen)

        return NodeView(await self._reader.complete(needs, view), found, state)

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        """Make them true on the disk, or have `work` do so for those that take their time.

        Raises OSError for the first that could not be made true, when all were tried.
        """
        failed: OSError | None = None
        for effect in effects:
            if isinstance(effect, Slow):
                self._slow[effect] = None
                self._has_slow.set()
                continue
            try:
                await asyncio.to_thread(self._disk.carry_out, effect)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    async def work(self) -> None:
        """Do the slow work, one after the other, for ever. What fails is asked for again by a later decision."""
        while True:
            await self._has_slow.wait()
            effect = next(iter(self._slow))
            try:
                await asyncio.to_thread(self._disk.carry_out, effect)
            except OSError as error:
                self._log.warning("work on the disk failed", work=str(effect), error=str(error))
            del self._slow[effect]
            if not self._slow:
                self._has_slow.clear()

    def _needs(self, models: Sequence[ListedModel], view: View) -> Collection[Reference]:
        try:
            config = Config.of(view.get(CONFIG_MAP, CONFIG_MAP_NAME, self._settings.system_namespace)).credentials
        except ConfigError:
            return ()  # the decision says so
        namespace = self._settings.job_namespace
        return [reference for model in models for reference in references(model, config, namespace, view)]


def _may_be_launched(model: ListedModel, found: Sequence[Object], state: DiskState) -> bool:
    """Whether a decision might make a Job for `model`; rather too often than too seldom, but not in a settled world."""
    folder = state.folders.get(model.storage_key)
    if state.problem or (folder is not None and folder.content in (Content.WHOLE, Content.STRANGE)):
        return False
    own = jobs.of_model(model, found)
    return not own or jobs.is_over(own[0])
