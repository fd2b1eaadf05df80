"""A key waits until the cache has shown what it wrote itself, and never for ever."""

from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.expectations import Expectations
from tests.fake_clock import FakeClock

OWNER = ObjectKey("n", "owner")
CHILD = ObjectKey("n", "child")


def written(expectations: Expectations, version: str) -> None:
    with expectations.writing(OWNER, DEPLOYMENT, CHILD) as write:
        write.wrote(version)


def test_a_key_that_wrote_nothing_waits_for_nothing() -> None:
    expectations = Expectations(FakeClock())
    assert not expectations.pending(OWNER)
    assert expectations.deadline(OWNER) is None


def test_a_key_waits_for_the_version_it_wrote() -> None:
    expectations = Expectations(FakeClock())
    written(expectations, "7")
    expectations.observe(DEPLOYMENT, CHILD, "6")
    expectations.observe(SERVICE, CHILD, "7")
    assert expectations.pending(OWNER)
    expectations.observe(DEPLOYMENT, CHILD, "7")
    assert not expectations.pending(OWNER)


def test_an_event_that_overtakes_the_answer_is_not_missed() -> None:
    expectations = Expectations(FakeClock())
    with expectations.writing(OWNER, DEPLOYMENT, CHILD) as write:
        expectations.observe(DEPLOYMENT, CHILD, "7")
        expectations.observe(DEPLOYMENT, CHILD, "8")
        write.wrote("7")
    assert not expectations.pending(OWNER)


def test_an_object_that_vanished_before_the_answer_is_not_waited_for() -> None:
    expectations = Expectations(FakeClock())
    with expectations.writing(OWNER, DEPLOYMENT, CHILD) as write:
        expectations.observe(DEPLOYMENT, CHILD, None)
        write.wrote("7")
    assert not expectations.pending(OWNER)


def test_who_wrote_a_version_is_told_apart_from_those_to_whom_it_is_news() -> None:
    expectations = Expectations(FakeClock())
    written(expectations, "7")
    assert expectations.observe(DEPLOYMENT, CHILD, "6") == set()
    assert expectations.observe(DEPLOYMENT, CHILD, "7") == {OWNER}
    assert expectations.observe(DEPLOYMENT, CHILD, "7") == set()
    with expectations.writing(OWNER, DEPLOYMENT, CHILD):
        assert expectations.observe(DEPLOYMENT, CHILD, "8") == {OWNER}  # the answer may yet name it
        assert expectations.observe(DEPLOYMENT, CHILD, "8.5") == set()  # somebody wrote after that
        assert expectations.observe(DEPLOYMENT, CHILD, None) == set()
    assert expectations.observe(DEPLOYMENT, CHILD, "9") == set()


def test_a_write_that_failed_is_not_waited_for() -> None:
    expectations = Expectations(FakeClock())
    with expectations.writing(OWNER, DEPLOYMENT, CHILD):
        pass
    assert not expectations.pending(OWNER)


def test_a_deletion_waits_for_any_later_change() -> None:
    expectations = Expectations(FakeClock())
    with expectations.writing(OWNER, DEPLOYMENT, CHILD) as write:
        write.deleted()
    assert expectations.pending(OWNER)
    expectations.observe(DEPLOYMENT, CHILD, "9")
    assert not expectations.pending(OWNER)


def test_a_replaced_cache_ends_the_wait() -> None:
    expectations = Expectations(FakeClock())
    written(expectations, "7")
    expectations.observe(DEPLOYMENT, CHILD, None)
    assert not expectations.pending(OWNER)


async def test_a_lost_event_blocks_a_key_only_for_a_while() -> None:
    clock = FakeClock()
    expectations = Expectations(clock, timeout=10)
    written(expectations, "7")
    await clock.advance(9)
    assert expectations.pending(OWNER)
    assert expectations.deadline(OWNER) == 1
    await clock.advance(1)
    assert not expectations.pending(OWNER)
    expectations.observe(DEPLOYMENT, CHILD, "7")


def test_a_key_waits_for_all_its_writes_and_others_do_not() -> None:
    expectations = Expectations(FakeClock())
    written(expectations, "7")
    with expectations.writing(OWNER, SERVICE, CHILD) as write:
        write.wrote("8")
    expectations.observe(DEPLOYMENT, CHILD, "7")
    assert expectations.pending(OWNER)
    assert not expectations.pending(ObjectKey("n", "other"))
    expectations.forget(OWNER)
    assert not expectations.pending(OWNER)
