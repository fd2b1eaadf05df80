"""Folders that models are mounted at, and what volumes for them are called."""

import hashlib
import posixpath
import re
from collections.abc import Sequence

MODEL_PATH = "/mnt/models"
"""Where a pod's only model is."""

_LONGEST = 63
_UNFIT = re.compile("[^a-z0-9-]")


def volume_name(path: str, otherwise: str) -> str:
    """The name of the volume that is mounted at `path`: `mnt-models` for `/mnt/models`, `otherwise` for the root.

    A path that makes no name by the rules of Kubernetes gets a similar one that no other path has.
    """
    plain = clean(path).strip("/").replace("/", "-")
    name = _UNFIT.sub("-", plain.lower()).strip("-")
    if name == plain and len(name) <= _LONGEST:
        return name or otherwise
    distinct = hashlib.sha256(path.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - len(distinct) - 1]}-{distinct}".lstrip("-")


def parent(path: str) -> str:
    return posixpath.dirname(clean(path))


def common_parent(paths: Sequence[str]) -> str:
    """The deepest folder that holds all `paths`; a single path is its own."""
    return posixpath.commonpath([clean(path) for path in paths])


def clean(path: str) -> str:
    """`path` from the root, without empty, `.` and `..` segments."""
    return "/" + posixpath.normpath("/" + path).lstrip("/")
