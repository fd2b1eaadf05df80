"""A graph of two real model servers (KServe's SDK with scikit-learn) answers through the router, in each type of node."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from e2e.graph_processes import Graph, model_server, router

pytestmark = [pytest.mark.sdk, pytest.mark.timeout(900)]

SETOSA, VIRGINICA = [5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]
BOTH = {"instances": [SETOSA, VIRGINICA]}


@pytest.fixture(scope="module")
def models(sdk_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URLs of two models on servers of their own: `iris` looks at the whole flower, `petals` at its petals."""
    folder = tmp_path_factory.mktemp("models")
    with model_server(sdk_python, "iris", folder) as iris, model_server(sdk_python, "petals", folder) as petals:
        yield iris, petals


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def labels(by: str) -> list[dict[str, str]]:
    return [{"label": "setosa", "by": by}, {"label": "virginica", "by": by}]


async def ask(session: aiohttp.ClientSession, url: str, body: Any = BOTH) -> tuple[int, Any]:
    async with session.post(url, json=body) as answer:
        return answer.status, await answer.json()


def node(type_: str, *steps: dict[str, Any]) -> Graph:
    return {"root": {"routerType": type_, "steps": list(steps)}}


async def test_a_sequence_asks_one_after_the_other(
    models: tuple[str, str], tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    iris, petals = models
    found = 'predictions.#(label=="virginica")'
    with router(node("Sequence", {"serviceUrl": iris}, {"serviceUrl": petals, "condition": found}), tmp_path) as url:
        assert await ask(session, url) == (200, {"predictions": labels("petals")})
        only_setosa = {"instances": [SETOSA]}
        assert await ask(session, url, only_setosa) == (200, {"predictions": [{"label": "setosa", "by": "iris"}]})


async def test_an_ensemble_asks_both(models: tuple[str, str], tmp_path: Path, session: aiohttp.ClientSession) -> None:
    iris, petals = models
    with router(
        node("Ensemble", {"name": "whole", "serviceUrl": iris}, {"name": "part", "serviceUrl": petals}), tmp_path
    ) as url:
        assert await ask(session, url) == (
            200,
            {"part": {"predictions": labels("petals")}, "whole": {"predictions": labels("iris")}},
        )


async def test_a_splitter_asks_each_now_and_then(
    models: tuple[str, str], tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    iris, petals = models
    with router(
        node("Splitter", {"serviceUrl": iris, "weight": 50}, {"serviceUrl": petals, "weight": 50}), tmp_path
    ) as url:
        answers = [await ask(session, url) for _ in range(60)]
    by = [answer["predictions"][0]["by"] for status, answer in answers if status == 200]
    assert len(by) == 60
    assert set(by) == {"iris", "petals"}, "all 60 one way has a probability of 2 in 2 to the 60"


async def test_a_switch_asks_whom_the_request_is_for(
    models: tuple[str, str], tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    iris, petals = models
    steps = (
        {"serviceUrl": petals, "condition": '[@this].#(look=="petals")'},
        {"serviceUrl": iris, "condition": "instances"},
    )
    with router(node("Switch", *steps), tmp_path) as url:
        assert await ask(session, url, {**BOTH, "look": "petals"}) == (200, {"predictions": labels("petals")})
        assert await ask(session, url, BOTH) == (200, {"predictions": labels("iris")})
        status, told = await ask(session, url, {"x": 1})
        assert (status, told["cause"]) == (404, "None of the routes matched with the switch condition")


async def test_what_a_model_server_refuses_reaches_the_caller(
    models: tuple[str, str], tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    iris, _ = models
    direct = await ask(session, iris, {"instances": [["no number"]]})
    with router(node("Sequence", {"serviceUrl": iris}), tmp_path) as url:
        assert await ask(session, url, {"instances": [["no number"]]}) == direct
    assert direct[0] == 500
