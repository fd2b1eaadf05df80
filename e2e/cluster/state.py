"""What is known of a cluster from one command to the next: a JSON file in its folder.

The file, not what a process remembers, says which processes run: any number of processes may hold the cluster.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cluster.cache import locked
from e2e.cluster.errors import ClusterError
from e2e.cluster.layout import Layout
from e2e.cluster.process import ProcessId

__all__ = ["State", "load_state", "process_of", "record_process", "save_state"]

_LOCK_SECONDS = 10.0


@dataclass
class State:
    """The ports, programs and feature gates of a cluster, and the processes that run now."""

    ports: Mapping[str, int]
    binaries: Mapping[str, Path]
    processes: dict[str, ProcessId] = field(default_factory=dict)
    feature_gates: Mapping[str, bool] = field(default_factory=dict)

    def layout(self, folder: Path) -> Layout:
        """Return the layout of the cluster whose folder this is."""
        return Layout(folder, self.ports, self.binaries, self.feature_gates)


def load_state(folder: Path) -> State | None:
    """Read the state of the cluster in a folder; nothing, if there has never been one."""
    path = _file(folder)
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ClusterError(f"{path} is not JSON; remove {folder} to begin anew") from error
    try:
        return State(
            ports=data["ports"],
            binaries={name: Path(text) for name, text in data["binaries"].items()},
            processes={name: ProcessId(entry["pid"], entry["started"]) for name, entry in data["processes"].items()},
            feature_gates=data.get("feature_gates", {}),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ClusterError(f"{path} is of another version of this program; remove {folder} to begin anew") from error


def save_state(folder: Path, state: State) -> None:
    """Write the state so that a reader never sees half of it."""
    data = {
        "ports": dict(state.ports),
        "binaries": {name: str(path) for name, path in state.binaries.items()},
        "processes": {name: {"pid": p.pid, "started": p.started} for name, p in state.processes.items()},
        "feature_gates": dict(state.feature_gates),
    }
    path = _file(folder)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(data, indent=2) + "\n")
    partial.replace(path)


def process_of(folder: Path, component: str) -> ProcessId | None:
    """Return the process last recorded for a component; it may have ended since."""
    state = load_state(folder)
    return state.processes.get(component) if state else None


def record_process(folder: Path, component: str, running: ProcessId | None) -> None:
    """Record that a component runs as this process, or does not run."""
    with locked(folder / "state.lock", print, patience=_LOCK_SECONDS):
        state = load_state(folder)
        if state is None:
            raise ClusterError(f"the cluster in {folder} is gone")
        if running:
            state.processes[component] = running
        else:
            state.processes.pop(component, None)
        save_state(folder, state)


def _file(folder: Path) -> Path:
    return folder / "state.json"
