import structlog
from structlog.testing import capture_logs

from kservectl.objects.metadata import ObjectKey
from kservectl.runtime.first_pass import FirstPass
from tests.fake_clock import FakeClock

ONE, TWO = ObjectKey("ns", "one"), ObjectKey("ns", "two")


async def test_the_end_of_the_first_pass_is_told_once() -> None:
    clock = FakeClock()
    with capture_logs() as said:
        first = FirstPass([ONE, TWO], monotonic=clock.monotonic, log=structlog.get_logger())
        first.had(ONE)
        first.had(ONE)
        first.had(ObjectKey("ns", "created since"))
        assert not said
        await clock.advance(3)
        first.had(TWO)
        first.had(TWO)
    assert [(entry["event"], entry["keys"], entry["seconds"]) for entry in said] == [
        ("all that was there was looked at", 2, 3.0)
    ]


def test_nothing_is_told_where_there_was_nothing() -> None:
    with capture_logs() as said:
        FirstPass([], monotonic=FakeClock().monotonic, log=structlog.get_logger()).had(ONE)
    assert not said
