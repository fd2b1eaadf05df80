"""The four kinds of nodes, alone and inside of each other."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pytest
from multidict import CIMultiDict

from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.router.answer import Answer, StepError
from kservectl.router.call import Call
from kservectl.router.running import GraphRunner
from tests.fake_clock import FakeClock
from tests.router.routing import NO_LIMIT

BODY = b'{"instances":[1]}'


class Services:
    """Answers by URL: an Answer, an exception, a function of the body, or a coroutine function; remembers what came."""

    def __init__(self, **by_name: Any) -> None:
        self.by_name = by_name
        self.calls: list[tuple[str, bytes]] = []
        self.cancelled: list[str] = []

    async def call(self, call: Call) -> Answer:
        name, body = call.url.removeprefix("http://"), call.body
        self.calls.append((name, body))
        found = self.by_name[name]
        if isinstance(found, Exception):
            raise found
        if asyncio.iscoroutinefunction(found):
            try:
                return Answer(200, await found(body))
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise
        if callable(found):
            return Answer(200, found(body))
        return found if isinstance(found, Answer) else Answer(200, found)

    @property
    def order(self) -> list[str]:
        return [name for name, _ in self.calls]


def to(service: str, /, **fields: Any) -> dict[str, Any]:
    return {"serviceUrl": f"http://{service}", **fields}


def node(type_: str, *steps: Mapping[str, Any]) -> dict[str, Any]:
    return {"routerType": type_, "steps": list(steps)}


async def run(
    services: Services,
    root: Mapping[str, Any],
    body: bytes = BODY,
    draw: Callable[[], int] = lambda: 0,
    clock: FakeClock | None = None,
    **nodes: Any,
) -> Answer:
    graph = InferenceGraphSpec.parse({"nodes": {"root": root, **nodes}})
    return await GraphRunner(graph, services.call, draw, clock or FakeClock()).run(body, CIMultiDict(), NO_LIMIT)


# --- Sequence ---


async def test_each_step_of_a_sequence_gets_the_request_unless_it_asks_for_the_answer() -> None:
    services = Services(a=b"A", b=b"B", c=b"C")
    steps = (to("a", data="$response"), to("b", data="$response"), to("c", data="$request"))
    answer = await run(services, node("Sequence", *steps))
    assert answer.body == b"C"
    assert services.calls == [("a", BODY), ("b", b"A"), ("c", BODY)]


@pytest.mark.parametrize(
    ("body", "mapped"),
    [
        (b'{"predictions":[1,2],"other":3}', b'{"instances":[1,2]}'),
        (b'{"Predictions":[1]}', b'{"instances":[1]}'),
        (b'{"predictions":[12345678901234567890123]}', b'{"instances":[12345678901234567890123]}'),
        (b'{"predictions":"x"}', None),
        (b'{"predictions":[]}', None),
        (b'{"predictions":[1],"instances":"x"}', None),
        (b"[1]", None),
        (b"text", None),
    ],
)
async def test_predictions_become_instances_where_there_are_any(body: bytes, mapped: bytes | None) -> None:
    services = Services(a=b"{}")
    await run(services, node("Sequence", to("a", mapPredictionsToInstances=True)), body)
    assert services.calls == [("a", body if mapped is None else mapped)]


async def test_a_condition_that_does_not_hold_ends_a_sequence_with_success() -> None:
    services = Services(a=Answer(503, b'{"label":"cat"}'), b=b"never")
    answer = await run(services, node("Sequence", to("a"), to("b", condition='[@this].#(label=="dog")')))
    assert (answer.status, answer.body) == (200, b'{"label":"cat"}')
    assert services.order == ["a"]


async def test_a_condition_that_holds_goes_on() -> None:
    services = Services(a=b'{"predictions":[{"label":"dog"}]}', b=b"breed")
    answer = await run(services, node("Sequence", to("a"), to("b", condition='predictions.#(label=="dog")')))
    assert answer.body == b"breed"


@pytest.mark.parametrize("steps", [(to("a", condition="x"),), (to("a"), to("b", condition="x"))])
async def test_a_condition_on_what_is_not_json_is_an_error(steps: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(StepError, match="invalid response") as error:
        await run(Services(a=b"text", b=b""), node("Sequence", *steps))
    assert error.value.status == 500


async def test_a_hard_step_that_fails_ends_a_sequence_and_a_soft_one_does_not() -> None:
    hard = await run(Services(a=Answer(418, b"no"), b=b"B"), node("Sequence", to("a", dependency="Hard"), to("b")))
    assert (hard.status, hard.body) == (418, b"no")
    services = Services(a=Answer(418, b"no"), b=b"B")
    soft = await run(services, node("Sequence", to("a", dependency="Soft"), to("b", data="$response")))
    assert (soft.status, soft.body) == (200, b"B")
    assert services.calls[1] == ("b", b"no")


async def test_a_sequence_without_steps_says_so() -> None:
    with pytest.raises(StepError, match="'root' has no steps"):
        await run(Services(), {"routerType": "Sequence"})


async def test_a_failed_call_ends_a_sequence() -> None:
    services = Services(a=StepError("refused"), b=b"B")
    with pytest.raises(StepError, match="refused"):
        await run(services, node("Sequence", to("a"), to("b")))
    assert services.order == ["a"]


# --- Splitter ---


@pytest.mark.parametrize(("draw", "chosen"), [(0, "a"), (19, "a"), (20, "b"), (99, "b")])
async def test_a_splitter_chooses_by_weight(draw: int, chosen: str) -> None:
    services = Services(a=b"A", b=b"B")
    await run(services, node("Splitter", to("a", weight=20), to("b", weight=80)), draw=lambda: draw)
    assert services.order == [chosen]


async def test_no_draw_is_without_a_route_when_the_weights_are_whole() -> None:
    services = Services(a=b"A", b=b"B", c=b"C")
    splitter = node("Splitter", to("a", weight=1), to("b", weight=98), to("c", weight=1))
    for draw in range(100):
        await run(services, splitter, draw=lambda draw=draw: draw)  # type: ignore[misc]  # binds the loop's variable
    assert (services.order.count("a"), services.order.count("b"), services.order.count("c")) == (1, 98, 1)


async def test_weights_that_are_not_whole_may_lead_nowhere() -> None:
    with pytest.raises(StepError, match="no route was selected by the splitter"):
        await run(Services(a=b"A"), node("Splitter", to("a"), to("a", weight=50)), draw=lambda: 99)


async def test_an_error_status_of_a_splitter_travels() -> None:
    answer = await run(Services(a=Answer(429, b"slow down")), node("Splitter", to("a", weight=100, dependency="Hard")))
    assert (answer.status, answer.body) == (429, b"slow down")


# --- Switch ---


async def test_a_switch_takes_the_first_condition_that_holds() -> None:
    services = Services(a=b"A", b=b"B", c=b"C")
    steps = (to("a", condition='[@this].#(kind=="x")'), to("b", condition="kind"), to("c", condition="@this"))
    assert (await run(services, node("Switch", *steps), b'{"kind":"y"}')).body == b"B"
    assert (await run(services, node("Switch", *steps), b"{}")).body == b"C"


@pytest.mark.parametrize("body", [b'{"kind":"y"}', b"not json", b""])
async def test_a_switch_without_a_match_is_not_found(body: bytes) -> None:
    with pytest.raises(StepError) as error:
        await run(Services(), node("Switch", to("a"), to("a", condition="other")), body)
    assert (error.value.cause, error.value.status) == ("None of the routes matched with the switch condition", 404)


# --- Ensemble ---


async def test_an_ensemble_gives_every_answer_under_its_name() -> None:
    services = Services(a=b'{"p": 1.0, "big": 12345678901234567890}', b=b" null ", c=b'{"x":"<&>"}')
    answer = await run(services, node("Ensemble", to("a", name="model1"), to("b"), to("c", name='q"')))
    assert answer.status == 200
    assert answer.body == b'{"1":null,"model1":{"p": 1.0, "big": 12345678901234567890},"q\\"":{"x":"<&>"}}'
    assert orjson.loads(answer.body)["model1"]["p"] == 1
    assert {body for _, body in services.calls} == {BODY}


async def test_the_steps_of_an_ensemble_run_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    async def together(body: bytes) -> bytes:
        await both.wait()
        return b"{}"

    answer = await run(Services(a=together, b=together), node("Ensemble", to("a"), to("b")))
    assert answer.body == b'{"0":{},"1":{}}'


@pytest.mark.parametrize("body", [b"[1]", b'"text"', b"1", b"", b"text"])
async def test_a_member_that_is_no_object_is_an_error(body: bytes) -> None:
    with pytest.raises(StepError, match="step 'm' of the Ensemble 'root' is no"):
        await run(Services(a=body), node("Ensemble", to("a", name="m")))


async def test_a_soft_failure_is_merged_and_a_hard_one_ends_an_ensemble() -> None:
    async def slow(body: bytes) -> bytes:
        await asyncio.Event().wait()
        return b"{}"

    soft = await run(Services(a=Answer(500, b'{"e":1}'), b=b"{}"), node("Ensemble", to("a"), to("b")))
    assert (soft.status, soft.body) == (200, b'{"0":{"e":1},"1":{}}')
    services = Services(a=Answer(500, b'{"e":1}'), b=slow)
    hard = await run(services, node("Ensemble", to("a", dependency="Hard"), to("b")))
    assert (hard.status, hard.body) == (500, b'{"e":1}')
    assert services.cancelled == ["b"]


async def test_an_error_ends_an_ensemble_and_what_is_under_way() -> None:
    async def slow(body: bytes) -> bytes:
        await asyncio.Event().wait()
        return b"{}"

    services = Services(a=slow, b=StepError("refused"))
    with pytest.raises(StepError, match="refused"):
        await run(services, node("Ensemble", to("a"), to("b")))
    assert services.cancelled == ["a"]


async def test_an_ensemble_of_nothing_is_empty() -> None:
    assert (await run(Services(), {"routerType": "Ensemble"})).body == b"{}"


async def test_giving_up_on_an_ensemble_gives_up_on_its_calls() -> None:
    async def slow(body: bytes) -> bytes:
        await asyncio.Event().wait()
        return b"{}"

    services = Services(a=slow, b=slow)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await run(services, node("Ensemble", to("a"), to("b")))
    assert services.cancelled == ["a", "b"]


# --- nodes within nodes ---


async def test_nodes_lead_to_nodes() -> None:
    services = Services(pet=b'{"predictions":[{"label":"dog"}]}', small=b'{"s":1}', large=b'{"l":1}')
    answer = await run(
        services,
        node("Sequence", to("pet"), {"nodeName": "breeds", "condition": 'predictions.#(label=="dog")'}),
        breeds=node("Ensemble", to("small", name="s"), {"nodeName": "deep", "name": "l"}),
        deep=node("Switch", to("large", condition="instances")),
    )
    assert answer.body == b'{"l":{"l":1},"s":{"s":1}}'


async def test_not_found_below_is_an_error_above() -> None:
    with pytest.raises(StepError) as error:
        await run(Services(), node("Splitter", {"nodeName": "s", "weight": 100}), s=node("Switch"))
    assert (error.value.cause, error.value.status) == ("None of the routes matched with the switch condition", 500)


async def test_a_node_that_is_not_there_is_an_error() -> None:
    with pytest.raises(StepError, match="invalid route type: there is no node 'gone'"):
        await run(Services(), node("Sequence", {"nodeName": "gone"}))


async def test_a_circle_ends() -> None:
    with pytest.raises(StepError, match="root → b → root lead in a circle"):
        await run(Services(), node("Sequence", {"nodeName": "b"}), b=node("Ensemble", {"nodeName": "root"}))


# --- Soft steps, and the time of a step ---


async def never(body: bytes) -> bytes:
    await asyncio.Event().wait()
    return b"{}"


FAILED = b'{"error":"Failed to process request","cause":"refused"}'


async def test_a_soft_step_without_an_answer_does_not_end_an_ensemble() -> None:
    services = Services(a=StepError("refused"), b=b'{"ok":1}', c=b"no object")
    soft = {"dependency": "Soft"}
    answer = await run(
        services, node("Ensemble", to("a", name="a", **soft), to("b", name="b"), to("c", name="c", **soft))
    )
    assert answer.status == 200
    merged = orjson.loads(answer.body)
    assert merged["a"] == orjson.loads(FAILED)
    assert merged["b"] == {"ok": 1}
    assert "is not JSON" in merged["c"]["cause"]


async def test_a_soft_step_without_an_answer_does_not_end_a_sequence() -> None:
    services = Services(a=StepError("refused"), b=b"B")
    answer = await run(services, node("Sequence", to("a", dependency="Soft"), to("b", data="$response")))
    assert (answer.status, answer.body) == (200, b"B")
    assert services.calls[1] == ("b", FAILED)


async def test_the_error_of_a_soft_last_step_is_the_answer() -> None:
    answer = await run(Services(a=StepError("refused")), node("Sequence", to("a", dependency="Soft")))
    assert (answer.status, answer.body) == (500, FAILED)


@pytest.mark.parametrize("type_", ["Splitter", "Switch"])
async def test_dependencies_mean_nothing_to_a_single_choice(type_: str) -> None:
    step = to("a", dependency="Soft", weight=100, condition="@this")
    with pytest.raises(StepError, match="refused"):
        await run(Services(a=StepError("refused")), node(type_, step))


async def test_an_error_status_of_a_hard_step_of_a_switch_travels() -> None:
    step = to("a", condition="@this", dependency="Hard")
    answer = await run(Services(a=Answer(429, b"slow down")), node("Switch", step))
    assert (answer.status, answer.body) == (429, b"slow down")


async def test_a_step_has_its_own_time() -> None:
    services, clock = Services(a=never), FakeClock()
    asking = asyncio.create_task(run(services, node("Sequence", to("a", name="slow", timeout=5)), clock=clock))
    await clock.advance(4)
    assert not asking.done()
    await clock.advance(1)
    with pytest.raises(StepError, match="step 'slow' of node 'root' gave no answer within 5 s"):
        await asking
    assert services.cancelled == ["a"]


async def test_the_time_of_a_step_is_that_of_the_node_it_leads_to() -> None:
    services, clock = Services(a=b"{}", b=never), FakeClock()
    root = node("Ensemble", {"nodeName": "deep", "timeout": 3, "dependency": "Soft", "name": "deep"}, to("a", name="a"))
    asking = asyncio.create_task(run(services, root, clock=clock, deep=node("Sequence", to("a"), to("b"))))
    await clock.advance(3)
    assert orjson.loads((await asking).body) == {
        "a": {},
        "deep": {
            "error": "Failed to process request",
            "cause": "step 'deep' of node 'root' gave no answer within 3 s",
        },
    }
    assert services.cancelled == ["b"]
