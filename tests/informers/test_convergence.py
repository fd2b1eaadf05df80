"""Whatever a server does to an informer, in the end the cache is right, and so is the story that its handlers were told."""

import asyncio
import random

import pytest
from aiohttp import web

from kservectl.informers import Change
from kservectl.objects import metadata
from kservectl.objects.metadata import Object, ObjectKey
from tests.client.scripted_server import Answer, ScriptedServer, answer, event, status
from tests.informers.reflected import bookmark, config_map, reflecting


class UnreliableServer:
    """Lists and watches of ConfigMaps that change all the time, answered with every fault there is, until it has had enough."""

    def __init__(self, seed: int, faults: int) -> None:
        self._rng = random.Random(seed)
        self._faults = faults
        self._version = 100
        self._oldest = 100
        self._objects: dict[str, Object] = {}
        self._history: list[tuple[int, str, Object]] = []
        for _ in range(6):
            self.change()

    @property
    def reliable(self) -> bool:
        return self._faults <= 0

    @property
    def truth(self) -> dict[ObjectKey, Object]:
        return {metadata.key(obj): obj for obj in self._objects.values()}

    def change(self) -> None:
        self._version += 1
        name = self._rng.choice("abcdefgh")
        new = config_map(name, str(self._version), text="é" * self._rng.randint(0, 50))
        if name not in self._objects:
            type_ = "ADDED"
        elif self._rng.random() < 0.4:
            type_ = "DELETED"
        else:
            type_ = "MODIFIED"
        if type_ == "DELETED":
            del self._objects[name]
        else:
            self._objects[name] = new
        self._history.append((self._version, type_, new))

    async def list(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refusal()
        if refusal is not None:
            return await refusal(request)
        _, _, start = request.query.get("continue", "").partition(":")
        at = request.query.get("continue", "").partition(":")[0] or str(self._version)
        if start and at != str(self._version):
            return await status(410, "Expired", "the continue token is too old")(request)
        names = sorted(self._objects)[int(start or 0) :]
        page = names[: 3 if "limit" in request.query else len(names)]
        meta = {"resourceVersion": at}
        if len(page) < len(names):
            meta["continue"] = f"{at}:{int(start or 0) + 3}"
            if self._misbehaves(0.3):
                self.change()
        items = [self._objects[name] for name in page]
        return await answer({"kind": "ConfigMapList", "metadata": meta, "items": items})(request)

    async def watch(self, request: web.Request) -> web.StreamResponse:
        refusal = self._refusal()
        if refusal is not None:
            return await refusal(request)
        since = int(request.query.get("resourceVersion", 0))
        initial = b""
        if "sendInitialEvents" in request.query:
            initial = b"".join(event("ADDED", obj) for obj in self._objects.values())
            initial += bookmark(str(self._version), initial_end=True)
            since = self._version
        if since < self._oldest:
            return await status(410, "Expired", "too old resource version")(request)
        response = web.StreamResponse()
        await response.prepare(request)
        await self._write(response, initial)
        while True:
            pending = b"".join(event(type_, obj) for version, type_, obj in self._history if version > since)
            since = self._version
            if self._misbehaves(0.5):
                return await self._break(request, response, pending)
            await self._write(response, pending)
            if not self.reliable:
                self.change()
            await asyncio.sleep(0.001)

    async def _break(self, request: web.Request, response: web.StreamResponse, pending: bytes) -> web.StreamResponse:
        part = pending[: self._rng.randint(0, len(pending))]
        match self._rng.choice(("end", "cut", "garbage", "expired", "compacted")):
            case "cut":
                await self._write(response, part)
                assert request.transport is not None
                request.transport.abort()
            case "garbage":
                await self._write(response, part + b"\x00garbage\n" + pending)
            case "expired":
                self._oldest = self._version
                gone = event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})
                await self._write(response, pending[: pending.find(b"\n") + 1] + gone)
            case "compacted":
                self.change()
                self._oldest = self._version
            case _:
                await self._write(response, part)
        return response

    async def _write(self, response: web.StreamResponse, data: bytes) -> None:
        while data:
            size = self._rng.choice((1, 50, 1_000, 10_000))
            piece, data = data[:size], data[size:]
            await response.write(piece)

    def _refusal(self) -> Answer | None:
        if not self._misbehaves(0.3):
            return None
        return self._rng.choice(
            (status(500, "InternalError"), status(429, "TooManyRequests", retry_after=2), status(401, "Unauthorized"))
        )

    def _misbehaves(self, probability: float) -> bool:
        if self.reliable or self._rng.random() >= probability:
            return False
        self._faults -= 1
        return True


def follow(changes: list[Change]) -> dict[ObjectKey, Object]:
    """The state that the changes lead to; fails where they contradict each other."""
    state: dict[ObjectKey, Object] = {}
    for change in changes:
        known = state.pop(change.key, None)
        if change.new is None:
            assert known is not None, "only what is there is deleted"
            continue
        assert change.old == known, "a change starts where the one before ended"
        assert known is None or metadata.resource_version(known) != metadata.resource_version(change.new), "no doubles"
        state[change.key] = change.new
    return state


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("seed", range(6))
async def test_cache_and_story_are_right_once_the_server_is(seed: int, streaming: bool) -> None:
    unreliable = UnreliableServer(seed, faults=25)
    async with ScriptedServer() as server:
        server.answer(*[unreliable.list] * 1000)
        server.watch(*[unreliable.watch] * 1000)
        async with reflecting(server, streaming=streaming) as seen:
            async with asyncio.timeout(30):
                while not (unreliable.reliable and follow(seen.changes) == unreliable.truth):
                    await seen.clock.advance(0.5)
                    await asyncio.sleep(0.001)  # for the sockets
            store = {key: seen.informer.store.get(key) for key in list(seen.informer.store.keys())}
            assert store == unreliable.truth
