"""Having the models that `models.json` asks for, and no others.

Each model has a keeper, so that a broken or slow one never holds up another.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import structlog

from kservectl.agent.models.keeping import Means, ModelKeeper
from kservectl.agent.models.status import State
from kservectl.agent.models.wanted import ModelSpec
from kservectl.agent.models.watching import wanted_models
from kservectl.download.blocking import in_thread


class Puller:
    """Follows the `models.json` in `config_folder`."""

    def __init__(self, config_folder: Path, means: Means) -> None:
        self.ready = asyncio.Event()
        """Set once every model of the start was tried: one that fails does not keep the others from serving."""
        self._config_folder = config_folder
        self._means = means
        self._keepers: dict[str, ModelKeeper] = {}
        self._log = structlog.get_logger(component="puller")

    async def run(self) -> None:
        """Pull until cancelled. Raises OSError if one of the two folders cannot be used."""
        async with asyncio.TaskGroup() as group:
            found = await in_thread(lambda _: self._means.disk.scan())
            async with aclosing(wanted_models(self._config_folder)) as following:
                first = True
                async for models in following:
                    if models is not None:
                        self._follow(models.models, found, group)
                        found = {}
                    if first:
                        first = False
                        await in_thread(lambda _: self._means.disk.remove_leftovers(list(self._keepers)))
                        group.create_task(self._settle(list(self._keepers.values())))

    def look_again(self) -> None:
        """The server may have lost its models: load those that it does not have."""
        for keeper in self._keepers.values():
            keeper.look_again()

    def _follow(
        self, wanted: Mapping[str, ModelSpec], found: Mapping[str, ModelSpec], group: asyncio.TaskGroup
    ) -> None:
        for name in sorted({*wanted, *found, *self._keepers}):
            keeper = self._keepers.get(name)
            if keeper is None:
                keeper = self._keepers[name] = ModelKeeper(name, found.get(name), self._means)
                self._means.board.set(name, State.PENDING)
                group.create_task(self._keep(keeper), name=f"model {name}")
            keeper.want(wanted.get(name))

    async def _keep(self, keeper: ModelKeeper) -> None:
        """Run `keeper` until its model is gone; one that is wanted again in that moment goes on."""
        await keeper.run()
        del self._keepers[keeper.name]

    async def _settle(self, keepers: Sequence[ModelKeeper]) -> None:
        for keeper in keepers:
            await keeper.settled.wait()
        self.ready.set()
        self._log.info("the models of the start were tried", models=len(keepers))
