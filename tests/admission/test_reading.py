"""What handlers see that no cache holds: read while the review waits, and for no longer than it may."""

import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from kservectl.admission.review import AdmissionRequest, Denied
from kservectl.admission.server import Mutated, Mutating
from kservectl.objects.kind import SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import LiveReader, Reference, Unreadable
from kservectl.runtime.view import StaticView, View
from tests.admission.api import Api
from tests.admission.serving import Serving, review, serving

ACCOUNT = Reference(SERVICE_ACCOUNT, "models", "default")


def account(*secrets: str) -> Object:
    return {"kind": "ServiceAccount", "metadata": {"name": "models"}, "secrets": list(secrets)}


def secret(name: str) -> Object:
    return {"kind": "Secret", "metadata": {"name": name}}


def empty() -> View:
    return StaticView([], kinds=[], now=datetime.now(UTC))


def with_secrets(view: View) -> Collection[Reference]:
    """The account, and the Secrets that it lists."""
    found = view.get(SERVICE_ACCOUNT, "models", "default") or {}
    return [ACCOUNT, *(Reference(SECRET, name, "default") for name in found.get("secrets") or [])]


async def test_what_one_object_names_is_read_too_and_all_of_it_at_once() -> None:
    api = Api(account("a", "b", "missing"), secret("a"), secret("b"))
    view = await LiveReader(api).complete(with_secrets, empty())
    assert api.asked == [
        "ServiceAccount default/models",
        "Secret default/a",
        "Secret default/b",
        "Secret default/missing",
    ]
    assert api.most_waiting == 3
    assert [view.get(SECRET, name, "default") for name in ("a", "missing", "never")] == [secret("a"), None, None]


async def test_nothing_is_asked_for_twice() -> None:
    api = Api(account("a"), secret("a"))
    await LiveReader(api).complete(lambda view: [*with_secrets(view), ACCOUNT, ACCOUNT], empty())
    assert api.asked == ["ServiceAccount default/models", "Secret default/a"]


async def test_needs_without_end_are_refused() -> None:
    api = Api()

    def insatiable(view: View) -> Sequence[Reference]:
        return [Reference(SECRET, f"s-{len(api.asked)}", "default")]

    with pytest.raises(Unreadable, match="too many objects name one another"):
        await LiveReader(api).complete(insatiable, empty())
    assert len(api.asked) == 3


async def test_nothing_needed_is_nothing_read() -> None:
    api, view = Api(), empty()
    assert await LiveReader(api).complete(lambda seen: (), view) is view
    assert api.asked == []


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_names_that_nothing_can_have_are_not_asked_for(name: str) -> None:
    api = Api()
    view = await LiveReader(api).complete(lambda seen: [Reference(SECRET, name, "default")], empty())
    assert view.get(SECRET, name, "default") is None
    assert api.asked == []


async def test_what_cannot_be_read_is_named() -> None:
    api = Api()
    api.refuses = True
    with pytest.raises(Unreadable, match=r"ServiceAccount default/models cannot be read: .*is forbidden"):
        await LiveReader(api).complete(with_secrets, empty())


async def test_what_lies_below_is_seen_through() -> None:
    below = StaticView([], kinds=[SECRET], now=datetime(2026, 1, 1, tzinfo=UTC))
    view = await LiveReader(Api(account())).complete(with_secrets, below)
    assert (view.now, view.served(SECRET), view.served(SERVICE_ACCOUNT)) == (below.now, True, False)
    assert list(view.list(SECRET)) == list(view.owned(SECRET, "u")) == []


# In a review


def mutate(request: AdmissionRequest, view: View) -> Mutated | Denied:
    if view.get(SERVICE_ACCOUNT, "models", "default") is None:
        return Mutated(request.object or {}, ("there is no account",))
    return Mutated((request.object or {}) | {"seen": True})


@asynccontextmanager
async def served(api: Api) -> AsyncIterator[Serving]:
    handler = Mutating("/mutate", mutate, lambda request, view: with_secrets(view))
    async with serving(handler, reader=LiveReader(api)) as up:
        yield up


async def test_a_handler_sees_what_it_needs_and_its_warnings_are_shown() -> None:
    async with served(Api(account())) as up:
        answer = await up.ask("/mutate", review({}))
        assert answer["response"]["allowed"] and "patch" in answer["response"]
        assert "warnings" not in answer["response"]
    async with served(Api()) as up:
        answer = await up.ask("/mutate", review({}))
        assert answer["response"]["allowed"] and "patch" not in answer["response"]
        assert answer["response"]["warnings"] == ["there is no account"]


async def test_a_slow_api_server_costs_a_review_no_more_than_its_deadline() -> None:
    api = Api(account())
    api.slowness = 60.0
    async with served(api) as up:
        started = time.monotonic()
        answer = await up.ask("/mutate?timeout=1s", review({}))
        assert time.monotonic() - started < 1.0
    status = answer["response"]["status"]
    assert (answer["response"]["allowed"], status["code"], status["reason"]) == (False, 504, "Timeout")
    assert "ConfigMap default/box could not be read in time" in status["message"]
    assert api.waiting == 0


async def test_what_cannot_be_read_refuses_the_review() -> None:
    api = Api()
    api.refuses = True
    async with served(api) as up:
        answer = await up.ask("/mutate", review({}))
    assert answer["response"]["status"]["code"] == 500
    assert "ServiceAccount default/models cannot be read" in answer["response"]["status"]["message"]


async def test_a_server_without_a_reader_takes_no_handler_that_needs_one() -> None:
    with pytest.raises(ValueError, match="there is no reader"):
        async with serving(Mutating("/mutate", mutate, lambda request, view: ())):
            pass
