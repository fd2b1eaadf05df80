"""What the router of a graph adds: latency and requests a second, next to calling the model server directly.

    python -m benchmarks.router [--requests N] [--at-once N]

Two model servers of KServe's SDK (scikit-learn, V1 protocol) and a router for each graph run as processes of their own. All
ways take turns in rounds, so that all of them see the same machine. Latency is measured with one request at a time,
requests a second with `--at-once`. A graph with two calls is set against two direct calls, made in the same way.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.http_load import Measured, send, together
from e2e.graph_processes import Graph, model_server, router
from e2e.sdk_environment import sdk_interpreter

_ROUNDS = 5
_BODY = {"instances": [[5.1, 3.5, 1.4, 0.2]]}

Ask = Callable[[], Awaitable[None]]


def graphs(iris: str, petals: str) -> Mapping[str, tuple[str, Graph]]:
    """Each graph by what it is called, with the direct way that makes the same calls."""

    def node(type_: str, *steps: dict[str, Any]) -> Graph:
        return {"root": {"routerType": type_, "steps": list(steps)}}

    return {
        "Sequence of one": ("direct", node("Sequence", {"serviceUrl": iris})),
        "Splitter 50/50": (
            "direct",
            node("Splitter", {"serviceUrl": iris, "weight": 50}, {"serviceUrl": petals, "weight": 50}),
        ),
        "Switch": (
            "direct",
            node(
                "Switch",
                {"serviceUrl": petals, "condition": "nothing"},
                {"serviceUrl": iris, "condition": "instances.#(0>5)"},
            ),
        ),
        "Sequence of two": (
            "direct, two in turn",
            node("Sequence", {"serviceUrl": iris}, {"serviceUrl": petals, "condition": "predictions"}),
        ),
        "Ensemble of two": (
            "direct, two together",
            node("Ensemble", {"name": "a", "serviceUrl": iris}, {"name": "b", "serviceUrl": petals}),
        ),
    }


def _asking(session: aiohttp.ClientSession, url: str) -> Ask:
    async def ask() -> None:
        async with session.post(url, json=_BODY) as answer:
            body = await answer.read()
        if answer.status != 200 or b"setosa" not in body:
            raise RuntimeError(f"{url} answered {answer.status}: {body[:200]!r}")

    return ask


def _ways(session: aiohttp.ClientSession, iris: str, petals: str, routers: Mapping[str, str]) -> Mapping[str, Ask]:
    first, second = _asking(session, iris), _asking(session, petals)

    async def in_turn() -> None:
        await first()
        await second()

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            for ask in (first, second):
                tasks.create_task(_awaited(ask))

    direct: dict[str, Ask] = {"direct": first, "direct, two in turn": in_turn, "direct, two together": both}
    return direct | {name: _asking(session, url) for name, url in routers.items()}


async def _awaited(ask: Ask) -> None:
    await ask()


async def _measure(ways: Mapping[str, Ask], requests: int, at_once: int) -> Mapping[str, Measured]:
    rounds: dict[str, list[Measured]] = {name: [] for name in ways}
    for number in range(_ROUNDS + 1):
        for name, ask in ways.items():
            found = await send(ask, max(requests // _ROUNDS, 1), at_once)
            if number:  # the first round warms up
                rounds[name].append(found)
    return {name: together(measured) for name, measured in rounds.items()}


async def _run(iris: str, petals: str, routers: Mapping[str, str], requests: int, at_once: int) -> str:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        ways = _ways(session, iris, petals, routers)
        alone = await _measure(ways, requests, 1)
        crowded = await _measure(ways, requests, at_once)
    return table(alone, crowded, {name: direct for name, (direct, _) in graphs(iris, petals).items()}, at_once)


def table(
    alone: Mapping[str, Measured], crowded: Mapping[str, Measured], against: Mapping[str, str], at_once: int
) -> str:
    """Markdown: every way, and for graphs what they add to the direct way."""
    lines = [
        f"| Way | p50, ms | p99, ms | added p50, ms | added p99, ms | requests/s, {at_once} at once | of direct |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, found in alone.items():
        shown = f"| {name} | {found.percentile(50):.2f} | {found.percentile(99):.2f} "
        direct = against.get(name)
        if direct is None:
            lines.append(f"{shown}| | | {crowded[name].rate:.0f} | |")
            continue
        added = [f"{found.percentile(which) - alone[direct].percentile(which):+.2f}" for which in (50, 99)]
        share = crowded[name].rate / crowded[direct].rate
        lines.append(f"{shown}| {' | '.join(added)} | {crowded[name].rate:.0f} | {share:.0%} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--requests", type=int, default=2000, help="each way, for latency and again for the rate (2000)"
    )
    parser.add_argument("--at-once", type=int, default=8, help="requests under way for the rate (8)")
    options = parser.parse_args(arguments)
    python = sdk_interpreter()
    with tempfile.TemporaryDirectory(prefix="kservectl-router-") as name, ExitStack() as processes:
        folder = Path(name)
        iris = processes.enter_context(model_server(python, "iris", folder))
        petals = processes.enter_context(model_server(python, "petals", folder))
        routers = {
            graph: processes.enter_context(router(nodes, folder)) for graph, (_, nodes) in graphs(iris, petals).items()
        }
        print(asyncio.run(_run(iris, petals, routers, options.requests, options.at_once)))


if __name__ == "__main__":
    main()
