"""Processes are known for good, and end when they are told."""

import os
from pathlib import Path

import pytest

from e2e.cluster.process import ProcessId, is_running, kill, spawn, terminate


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "program.log"


def test_a_process_runs_until_it_is_told_to_end(log: Path) -> None:
    process = spawn(["sleep", "60"], log)

    assert is_running(process)
    terminate(process, patience=10.0)
    assert not is_running(process)


def test_a_process_that_does_not_listen_is_ended_all_the_same(log: Path) -> None:
    # The shell says "deaf" once it has stopped listening.
    process = spawn(["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"], log)
    while "deaf" not in log.read_text():
        assert is_running(process)

    terminate(process, patience=0.2)

    assert not is_running(process)


def test_kill_ends_it_at_once_and_again_does_nothing(log: Path) -> None:
    process = spawn(["sleep", "60"], log)

    kill(process)
    kill(process)

    assert not is_running(process)


def test_a_process_that_ended_by_itself_does_not_run(log: Path) -> None:
    process = spawn(["sh", "-c", "echo over; exit 3"], log)

    terminate(process, patience=10.0)

    assert not is_running(process)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the time of start is read from /proc")
def test_a_pid_that_was_given_again_is_another_process() -> None:
    somebody_else = ProcessId(os.getpid(), "1")

    assert not is_running(somebody_else)
    kill(somebody_else)  # this very process, if it were taken for it


def test_what_it_writes_is_added_to_its_log(log: Path) -> None:
    for word in ("one", "two"):
        process = spawn(["sh", "-c", f"echo {word}; echo {word} >&2"], log)
        while is_running(process):
            pass

    assert log.read_text() == "one\none\ntwo\ntwo\n"
