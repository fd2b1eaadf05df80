"""Programs that the suite starts, freezes and kills."""

from pathlib import Path

import pytest

from e2e.process import NotReady, Process, kservectl


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(["--version-of-nothing"], tmp_path / "log")


def test_a_process_that_ends_before_it_is_ready_is_told_with_its_output(process: Process) -> None:
    process.start()

    with pytest.raises(NotReady, match="No such option"):
        process.wait_until(lambda: False, "ready", 30)

    assert process.exit_code == 2
    assert not process.alive


def test_a_frozen_process_lives_and_is_stopped_all_the_same(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    process = Process(["dev", "--no-manager", f"--write-kubeconfig={kubeconfig}"], tmp_path / "log")
    process.start()
    process.wait_until(kubeconfig.exists, "serving", 40)

    process.pause()
    assert process.alive
    process.stop()

    assert not process.alive
    assert process.exit_code == 0, process.tail()


def test_a_killed_process_is_gone_at_once(tmp_path: Path) -> None:
    process = Process(["dev", "--no-manager"], tmp_path / "log")
    process.start()

    process.kill9()

    assert process.exit_code == -9


def test_a_command_that_ends_is_answered_with_its_code() -> None:
    assert kservectl("--help").returncode == 0
