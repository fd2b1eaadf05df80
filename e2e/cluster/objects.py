"""What every cluster holds from the start, and how KWOK brings its objects to life.

The documents are YAML files beside this module: ``objects/`` goes to the API server, ``stages/`` to KWOK.
"""

from pathlib import Path
from typing import Any

import yaml

__all__ = ["FAULT_ANNOTATION", "kwok_documents", "nodes", "scheduling_fault"]

FAULT_ANNOTATION = "kservectl.dev/fault"

_HERE = Path(__file__).parent


def nodes() -> list[dict[str, Any]]:
    """Return the nodes, with room for a few thousand services and for those that ask for GPUs."""
    return _documents(_HERE / "objects" / "nodes.yaml")


def scheduling_fault() -> list[dict[str, Any]]:
    """Return the admission policy, and its binding, that make pods with the fault ``never-scheduled`` unschedulable."""
    return _documents(_HERE / "objects" / "never-scheduled.yaml")


def kwok_documents(*, routes: bool) -> list[dict[str, Any]]:
    """Return the content of KWOK's configuration file; with ``routes``, HTTPRoutes are accepted too."""
    names = ["node", "pod", *(["httproute"] if routes else [])]
    return [document for name in names for document in _documents(_HERE / "stages" / f"{name}.yaml")]


def _documents(path: Path) -> list[dict[str, Any]]:
    with path.open() as file:
        return list(yaml.safe_load_all(file))
