"""Looking at what no cache shows, just before a decision: the disk, and what the credentials of downloads are made from."""

import asyncio
from collections.abc import Collection, Sequence

from kservectl.api.config import CONFIG_MAP_NAME, Config, ConfigError
from kservectl.controllers.localmodelnode import jobs
from kservectl.controllers.localmodelnode.credentials import references
from kservectl.controllers.localmodelnode.disk import Disk
from kservectl.controllers.localmodelnode.disk_state import Content, DiskState, Effect
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
        self._problem = ""

    @property
    def problem(self) -> str:
        """Why the disk could not be looked at the last time; "" when it could."""
        return self._problem

    async def look(self) -> DiskState:
        """The disk as it is now."""
        state = await asyncio.to_thread(self._disk.look)
        self._problem = state.problem
        return state

    async def observe(self, node: Object, view: View) -> View:
        """`view` as a NodeView; raises Unreadable."""
        found = view.list(JOB, self._settings.job_namespace, {jobs.NODE_LABEL: self._settings.node})
        state = await self.look()
        models = [model for model in listed_models(node) if _may_be_launched(model, found, state)]

        def needs(seen: View) -> Collection[Reference]:
            return self._needs(models, seen)

        return NodeView(await self._reader.complete(needs, view), found, state)

    async def carry_out(self, effects: Sequence[Effect]) -> None:
        """Make them true on the disk; raises OSError for the first that could not be, when all were tried."""
        failed: OSError | None = None
        for effect in effects:
            try:
                await asyncio.to_thread(self._disk.carry_out, effect)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

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
