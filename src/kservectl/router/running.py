"""A request on its way through the nodes of a graph.

    Sequence   all steps, one after the other      Splitter   one step, drawn by weight
    Ensemble   all steps at once                   Switch     the first step whose condition holds

A service that answers with an error has answered: its status and body travel like any other. A step that gives no usable
answer raises StepError, and so does every node above it; but where a Sequence or an Ensemble calls the step Soft, the error
itself becomes its answer.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import orjson

from kservectl.api.inferencegraph import ROOT, InferenceGraphSpec, InferenceRouter, InferenceStep
from kservectl.clock import Clock
from kservectl.router import gjson
from kservectl.router.answer import Answer, StepError, failure
from kservectl.router.call import Call, Caller, Headers, Relay
from kservectl.router.holding import Holding, Overloaded

Draw = Callable[[], int]
"""A number from 0 to 99, each as likely as any other."""

_RESPONSE = "$response"
_NO_ROUTE = "None of the routes matched with the switch condition"


class Observer(Protocol):
    """Is told of every call of a service: the node and step that made it."""

    def __call__(self, node: str, step: str, call: Awaitable[Answer]) -> Awaitable[Answer]: ...


def unobserved(node: str, step: str, call: Awaitable[Answer]) -> Awaitable[Answer]:
    """The Observer that looks away."""
    return call


@dataclass(frozen=True, slots=True)
class _Place:
    """A node on the way of one request: its name, the names of those above it, the headers for services, what the request holds,
    and the relay where its answer is that of the graph."""

    name: str
    headers: Headers
    holding: Holding
    relay: Relay | None = None
    above: tuple[str, ...] = ()


class GraphRunner:
    """Runs requests through `graph`. `draw` decides for a Splitter."""

    def __init__(
        self, graph: InferenceGraphSpec, call: Caller, draw: Draw, clock: Clock, observe: Observer = unobserved
    ) -> None:
        self._nodes = graph.nodes
        self._call = call
        self._draw = draw
        self._clock = clock
        self._observe = observe
        self._types: Mapping[str, Callable[..., Awaitable[Answer]]] = {
            "Sequence": self._sequence,
            "Splitter": self._splitter,
            "Ensemble": self._ensemble,
            "Switch": self._switch,
        }

    async def run(self, body: bytes, headers: Headers, holding: Holding, relay: Relay | None = None) -> Answer:
        """What the graph answers to `body`; raises StepError. An answer that comes in pieces goes to `relay`, if there is one."""
        return await self._node(_Place(ROOT, headers, holding, relay), body)

    async def _node(self, place: _Place, body: bytes) -> Answer:
        node = self._nodes.get(place.name)
        if node is None:
            raise StepError(f"invalid route type: there is no node {place.name!r} in the graph")
        if place.name in place.above:
            raise StepError(f"the nodes {' → '.join((*place.above, place.name))} lead in a circle")
        return await self._types[node.router_type](place, _steps(node), body)

    async def _step(self, place: _Place, position: int, step: InferenceStep, body: bytes) -> Answer:
        """The answer of one step, within its own time. An error of a node below is one of this node, whatever its status."""
        try:
            async with self._clock.timeout(step.timeout or None):
                if not step.node_name:
                    call = self._call(
                        Call(step.service_url or "", body, place.headers, place.holding, step.retries, place.relay)
                    )
                    return await self._observe(place.name, step.name or str(position), call)
                below = _Place(step.node_name, place.headers, place.holding, place.relay, (*place.above, place.name))
                return await self._node(below, body)
        except TimeoutError as error:
            which = f"step {step.name or position!r} of node {place.name!r}"
            raise StepError(f"{which} gave no answer within {step.timeout} s") from error
        except Overloaded:
            raise
        except StepError as error:
            raise StepError(error.cause) from error

    async def _dependent(self, place: _Place, step: InferenceStep, run: Coroutine[Any, Any, Answer]) -> Answer:
        """The answer of a step; that of a Soft one may be its error, unless something else was answered already."""
        try:
            return await run
        except StepError as error:
            if (
                isinstance(error, Overloaded)
                or step.dependency != "Soft"
                or (place.relay is not None and place.relay.begun)
            ):
                raise
            return failure(error.cause, error.status)

    async def _splitter(self, place: _Place, steps: Sequence[InferenceStep], body: bytes) -> Answer:
        draw, reached = self._draw(), 0
        for position, step in enumerate(steps):
            reached += step.weight or 0
            if draw < reached:
                return await self._step(place, position, step, body)
        raise StepError("no route was selected by the splitter: the weights add up to less than 100")

    async def _switch(self, place: _Place, steps: Sequence[InferenceStep], body: bytes) -> Answer:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise StepError(_NO_ROUTE, 404) from error
        for position, step in enumerate(steps):
            if gjson.exists(document, step.condition or ""):
                return await self._step(place, position, step, body)
        raise StepError(_NO_ROUTE, 404)

    async def _sequence(self, place: _Place, steps: Sequence[InferenceStep], body: bytes) -> Answer:
        answer: Answer | None = None
        for position, step in enumerate(steps):
            request = answer.body if answer is not None and step.data == _RESPONSE else body
            if step.map_predictions_to_instances:
                request = _with_instances(request)
            if step.condition and not _holds(step.condition, answer):
                # Not going on is a result, not a failure.
                return Answer(200, answer.body if answer else b"", answer.content_type if answer else "")
            is_last = position == len(steps) - 1
            at = place if is_last else replace(place, relay=None)
            answer = await self._dependent(at, step, self._step(at, position, step, request))
            if step.is_hard and not answer.is_success:
                return answer
        if answer is None:
            raise StepError(f"node {place.name!r} has no steps")
        return answer

    async def _ensemble(self, place: _Place, steps: Sequence[InferenceStep], body: bytes) -> Answer:
        """Every answer under its step's name. Whatever is still under way when the result is known is cancelled."""
        at = replace(place, relay=None)
        merged: dict[str, bytes] = {}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._dependent(at, step, self._member(at, position, step, body)))
                    for position, step in enumerate(steps)
                ]
                for position, (step, task) in enumerate(zip(steps, tasks, strict=True)):
                    answer = await task
                    if step.is_hard and not answer.is_success:
                        for other in tasks:
                            other.cancel()
                        return answer
                    merged[step.name or str(position)] = answer.body.strip()
        except BaseExceptionGroup as failures:
            raise _first(failures) from failures
        parts = (json.dumps(key, ensure_ascii=False).encode() + b":" + merged[key] for key in sorted(merged))
        return Answer(200, b"{" + b",".join(parts) + b"}", "application/json")

    async def _member(self, place: _Place, position: int, step: InferenceStep, body: bytes) -> Answer:
        answer = await self._step(place, position, step, body)
        which = f"the answer of step {step.name or position!r} of the Ensemble {place.name!r}"
        try:
            value = orjson.loads(answer.body)
        except orjson.JSONDecodeError as error:
            raise StepError(f"{which} is not JSON: {error}") from error
        if value is not None and not isinstance(value, dict):
            raise StepError(f"{which} is no JSON object")
        return answer


def _steps(node: InferenceRouter) -> Sequence[InferenceStep]:
    return node.steps or ()


def _holds(condition: str, answer: Answer | None) -> bool:
    try:
        document = orjson.loads(answer.body if answer is not None else b"")
    except orjson.JSONDecodeError as error:
        raise StepError("invalid response: a condition needs an answer before it that is JSON") from error
    return gjson.exists(document, condition)


def _with_instances(body: bytes) -> bytes:
    """`body` with its `predictions` as `instances` and nothing else, where it has any; unchanged otherwise."""
    try:
        document: Any = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict):
        return body
    fields = {name.lower(): value for name, value in document.items()}
    predictions, instances = fields.get("predictions"), fields.get("instances")
    if not isinstance(predictions, list) or not predictions or not isinstance(instances, list | None):
        return body
    return json.dumps({"instances": predictions}, ensure_ascii=False, separators=(",", ":")).encode()


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The StepError that ended an Ensemble; anything else is passed on as it is."""
    errors, others = failures.split(StepError)
    if errors is None or others is not None:
        return others or failures
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
