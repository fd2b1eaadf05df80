"""What one process writes down about a cluster, another one reads."""

from pathlib import Path

import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.process import ProcessId
from e2e.cluster.state import State, load_state, process_of, record_process, save_state

STATE = State({"etcd": 20001}, {"etcd": Path("/bin/etcd")}, {"etcd": ProcessId(7, "1234")})


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)

    assert load_state(tmp_path) == STATE
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_folder_without_a_cluster_has_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None
    assert process_of(tmp_path, "etcd") is None
    with pytest.raises(ClusterError, match="is gone"):
        record_process(tmp_path, "etcd", None)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"ports": {}, "binaries": {}, "processes": {"etcd": {}}}'])
def test_a_state_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)

    with pytest.raises(ClusterError, match=f"remove {tmp_path} to begin anew"):
        load_state(tmp_path)


def test_processes_are_recorded_one_by_one(tmp_path: Path) -> None:
    save_state(tmp_path, STATE)

    record_process(tmp_path, "kwok", ProcessId(8, "5678"))
    record_process(tmp_path, "etcd", None)

    assert process_of(tmp_path, "kwok") == ProcessId(8, "5678")
    assert process_of(tmp_path, "etcd") is None
