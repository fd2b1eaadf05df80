"""One handler and its buffer."""

import asyncio

import pytest

from kservectl.informers.handlers import Change, Subscription
from tests.fake_clock import eventually
from tests.informers.reflected import config_map, key


def test_change_shows_the_newest_state() -> None:
    old, new = config_map("a", "1"), config_map("a", "2")
    assert Change(old, new).object is new
    assert Change(None, new).object is new
    assert Change(old, None).object is old
    assert Change(old, None).key == key("a")
    with pytest.raises(AssertionError):
        _ = Change(None, None).object


async def test_thousands_of_changes_leave_turns_to_others() -> None:
    handled: list[Change] = []
    subscription = Subscription(handled.append, "test", on_synced=lambda: None)
    for number in range(4000):
        subscription.put(Change(None, config_map("a", str(number))))
    running = asyncio.create_task(subscription.run())
    turns = 0
    while len(handled) < 4000:
        await asyncio.sleep(0)
        turns += 1
    running.cancel()
    assert turns >= 4000 / 16


async def test_handler_is_synced_once_the_first_list_is_handled() -> None:
    said: list[str] = []
    subscription = Subscription(
        lambda change: said.append(change.key.name), "test", on_synced=lambda: said.append("synced")
    )
    subscription.put(Change(None, config_map("a", "1"), initial=True))
    subscription.end_of_first_list()
    subscription.put(Change(None, config_map("b", "2")))
    assert len(subscription) == 3
    assert not subscription.synced
    running = asyncio.create_task(subscription.run())
    await eventually(lambda: len(subscription) == 0)
    running.cancel()
    assert said == ["a", "synced", "b"]
    assert subscription.synced
