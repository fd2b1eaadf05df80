"""A server that asks to be left alone for a while is asked again, but not for ever."""

import pytest

from e2e.cluster.connection import seconds_to_wait


@pytest.mark.parametrize(
    ("status", "retry_after", "attempt", "wait"),
    [
        (200, "", 1, None),
        (500, "1", 1, None),
        (429, "2", 1, 2.0),
        (429, "", 10, 1.0),
        (429, "3600", 1, 5.0),
        (429, "Wed, 21 Oct 2026 07:28:00 GMT", 1, 1.0),
        (429, "1", 11, None),
    ],
)
def test_only_too_many_requests_is_asked_again(status: int, retry_after: str, attempt: int, wait: float | None) -> None:
    assert seconds_to_wait(status, retry_after, attempt) == wait
