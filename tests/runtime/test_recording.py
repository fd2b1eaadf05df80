"""What a part of the process says is kept, and nothing of what others say."""

import asyncio
import io

import structlog

from kservectl.runtime import logging
from kservectl.runtime.recording import Recorder

PASSWORD = "hunter2"


def texts(recorder: Recorder) -> list[str]:
    return [line.split("] ")[-1].strip() for line in recorder.text().splitlines()]


async def test_lines_of_the_tasks_that_were_started_while_it_listened_are_kept_and_no_others() -> None:
    logging.configure(stream=io.StringIO(), recorded=True)
    recorder = Recorder()

    async def say(text: str) -> None:
        await asyncio.sleep(0)
        structlog.get_logger().info(text)

    with recorder.listening():
        ours = asyncio.create_task(say("ours"))
    await asyncio.gather(ours, say("theirs"))

    assert texts(recorder) == ["ours"]


def test_what_is_kept_goes_down_to_info_whatever_is_shown() -> None:
    shown, recorder = io.StringIO(), Recorder()
    logging.configure("json", "error", shown, recorded=True)
    log = structlog.get_logger()

    with recorder.listening():
        log.debug("chatter")
        log.info("news")
        log.error("trouble")

    assert texts(recorder) == ["news", "trouble"]
    assert '"trouble"' in shown.getvalue()
    assert "news" not in shown.getvalue()


def test_a_traceback_is_kept_without_the_values_of_variables() -> None:
    recorder = Recorder()
    logging.configure(stream=io.StringIO(), recorded=True)

    def fail(password: str) -> None:
        raise KeyError(len(password))

    try:
        fail(PASSWORD)
    except KeyError:
        with recorder.listening():
            structlog.get_logger().exception("failed")

    assert "KeyError: 7" in recorder.text()
    assert PASSWORD not in recorder.text()


def test_the_oldest_lines_go_first() -> None:
    recorder = Recorder(limit=2)
    logging.configure(stream=io.StringIO(), recorded=True)
    with recorder.listening():
        for number in range(4):
            structlog.get_logger().info(f"line-{number}")
    assert texts(recorder) == ["line-2", "line-3"]
