"""The devcluster answers as kube-apiserver does: the same generated requests are sent to both."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from hypothesis import Phase, given, settings

from e2e.differential.generation import scenarios
from e2e.differential.objects import SUBJECTS, widget_definition
from e2e.differential.side import NAMESPACE, Request, Side, opened
from e2e.target import DEVCLUSTER, Target, open_target
from kservectl.client.client import MERGE_PATCH
from kservectl.objects import metadata
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION
from kservectl.objects.kind import NAMESPACE as NAMESPACE_KIND

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

_LAST = "the-last-one"
_SCENARIOS = 40
_SERVED_SECONDS = 30


@dataclass(frozen=True)
class Pair:
    """Both servers, and the loop in which they are talked to."""

    runner: asyncio.Runner
    devcluster: aiohttp.ClientSession
    real: aiohttp.ClientSession

    @asynccontextmanager
    async def sides(self) -> AsyncIterator[Sequence[Side]]:
        """Each with an empty namespace of the same name."""
        name = f"differential-{uuid4().hex[:6]}"
        sides = [Side(session, name) for session in (self.devcluster, self.real)]
        await both(sides, Request("POST", NAMESPACE_KIND.path(), body={"metadata": {"name": name}}))
        try:
            yield sides
        finally:
            await clear(sides)
            await both(sides, Request("DELETE", NAMESPACE_KIND.path("", name)))


async def clear(sides: Sequence[Side]) -> None:
    """Take off every finalizer, or the namespace would stay for ever."""
    for subject in SUBJECTS:
        path = subject.kind.path(NAMESPACE)
        for side in sides:
            for obj in (await side.send(Request("GET", path))).body["items"]:
                if obj["metadata"].get("finalizers"):
                    free = {"metadata": {"finalizers": None}}
                    await side.send(Request("PATCH", f"{path}/{metadata.name(obj)}", {}, free, MERGE_PATCH))


async def both(sides: Sequence[Side], request: Request) -> Sequence[Any]:
    return await asyncio.gather(*(side.send(request) for side in sides))


@pytest.fixture(scope="module")
def pair(cluster: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with open_target(DEVCLUSTER, tmp_path_factory.mktemp("differential")) as devcluster, asyncio.Runner() as runner:
        sessions = [opened(target.kubeconfig) for target in (devcluster, cluster)]
        pair = Pair(runner, *(runner.run(each.__aenter__()) for each in sessions))
        runner.run(define(pair))
        yield pair
        for each in sessions:
            runner.run(each.__aexit__(None, None, None))


async def define(pair: Pair) -> None:
    """Install the custom resource on both."""
    sides = [Side(session, "default") for session in (pair.devcluster, pair.real)]
    created = await both(sides, Request("POST", CUSTOM_RESOURCE_DEFINITION.path(), body=widget_definition()))
    assert [each.code for each in created] == [201, 201], created
    listing = Request("GET", SUBJECTS[-1].kind.path("default"))
    async with asyncio.timeout(_SERVED_SECONDS):
        while {answer.code for answer in await both(sides, listing)} != {200}:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("part", range(4))
def test_generated_requests_are_answered_alike(pair: Pair, part: int) -> None:
    @settings(max_examples=_SCENARIOS // 4, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(scenarios())
    def play(scenario: Sequence[Request]) -> None:
        pair.runner.run(scenario_is_answered_alike(pair, scenario))

    play()


async def scenario_is_answered_alike(pair: Pair, scenario: Sequence[Request]) -> None:
    """Each request one after the other, and in the end the watches that could have been open meanwhile."""
    async with pair.sides() as sides:
        for place, request in enumerate(scenario):
            answers = await both(sides, request)
            difference = differing(*answers)
            assert not difference, told(scenario[:place], f"{request}\n{difference}")
        difference = await differing_watches(sides, scenario[0].path)
        assert not difference, told(scenario, difference)


async def differing_watches(sides: Sequence[Side], path: str) -> str:
    """Watches of a collection from every fourth version that was seen in it, of all objects and of some."""
    subject = next(each for each in SUBJECTS if each.kind.path(NAMESPACE) == path)
    versions = len(sides[0].versions)
    last = {"metadata": {"name": _LAST, "labels": {"app": "x"}}, **subject.content}
    identity = {"apiVersion": subject.kind.api_version, "kind": subject.kind.kind}
    await both(sides, Request("POST", path, body=identity | last))
    for selection in ({}, {"labelSelector": "app=x"}, {"fieldSelector": "metadata.name!=b"}):
        for place in range(0, versions, 4):
            events = [
                await side.watch(path, {**selection, "resourceVersion": side.versions[place]}, _LAST) for side in sides
            ]
            if difference := differing(*events):
                return f"WATCH {path} {selection} from version {place}\n{difference}"
    return ""


def differing(devcluster: Any, real: Any) -> str:
    """How two canonical values differ, as a diff of their lines; empty when they do not."""
    left, right = (json.dumps(each, indent=1, sort_keys=True, default=vars).splitlines() for each in (devcluster, real))
    return "\n".join(unified_diff(left, right, "devcluster", "kube-apiserver", lineterm="", n=4))


def told(before: Sequence[Request], what: str) -> str:
    return "\n".join(["after", *(f"  {each}" for each in before), what])
