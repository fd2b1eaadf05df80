"""One component: what is said when it does not start."""

from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.cluster.component import Component
from e2e.cluster.errors import ComponentError
from e2e.cluster.layout import free_ports
from e2e.cluster.state import State, load_state, save_state

Script = Callable[[Path, str], Path]


def make(tmp_path: Path, program: Path) -> Component:
    state = State(free_ports(), {"kwok": program})
    save_state(tmp_path, state)
    return Component("kwok", state.layout(tmp_path))


def said_when_it_ends(component: Component) -> list[str]:
    component.start()
    with pytest.raises(ComponentError) as caught:
        component.wait_ready()
    return str(caught.value).splitlines()


def test_a_component_that_ends_shows_the_end_of_its_log(tmp_path: Path, script: Script) -> None:
    body = 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i"; done; exit 1'
    component = make(tmp_path, script(tmp_path / "kwok", body))

    lines = said_when_it_ends(component)
    assert lines[0] == f"kwok has ended; the end of {component.log}:"
    assert (lines[1], lines[-1]) == ("  line 16", "  line 40")
    assert component.log.read_text().count("line 40\n") == 2, "it was not started once more, or too often"


def test_a_component_that_crashes_shows_the_head_of_the_trace(tmp_path: Path, script: Script) -> None:
    body = 'echo starting; echo "panic: no map"; i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "frame $i"; done; exit 2'
    component = make(tmp_path, script(tmp_path / "kwok", body))

    lines = said_when_it_ends(component)
    assert lines[0] == f"kwok has ended; the crash in {component.log}:"
    assert (lines[1], lines[-1]) == ("  panic: no map", "  frame 24")


def test_a_component_that_ends_while_it_starts_is_started_once_more(tmp_path: Path, script: Script) -> None:
    component = make(tmp_path, script(tmp_path / "kwok", f"mkdir {tmp_path / 'once'} && exit 2; exec sleep 60"))

    component.start()
    try:
        with pytest.raises(ComponentError, match="kwok is not ready after"):
            component.wait_ready(seconds=1)
        assert component.pid is not None
    finally:
        component.kill()


def test_a_component_that_is_not_ready_in_time_says_why(tmp_path: Path, script: Script) -> None:
    component = make(tmp_path, script(tmp_path / "kwok", "exec sleep 60"))

    component.start()
    try:
        with pytest.raises(ComponentError, match=r"kwok is not ready after 0 s \(.*refused\); the end of"):
            component.wait_ready(seconds=0.2)
    finally:
        component.kill()


def test_a_component_without_a_program_says_which(tmp_path: Path) -> None:
    component = make(tmp_path, tmp_path / "gone")

    with pytest.raises(ComponentError, match=f"could not start {tmp_path / 'gone'}"):
        component.start()


def test_any_holder_of_the_folder_can_stop_it(tmp_path: Path, script: Script) -> None:
    one = make(tmp_path, script(tmp_path / "kwok", "exec sleep 60"))
    one.start()
    pid = one.pid
    state = load_state(tmp_path)
    assert state is not None
    other = Component("kwok", state.layout(tmp_path))

    one.start()
    assert other.pid == one.pid == pid
    other.stop()
    assert one.pid is None
