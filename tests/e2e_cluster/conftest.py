"""Programs to be found: shell scripts that say what they are told to say."""

from collections.abc import Callable
from pathlib import Path

import pytest

MakeScript = Callable[[Path, str], Path]


@pytest.fixture
def script() -> MakeScript:
    """Return a function that writes an executable shell script."""

    def make(path: Path, body: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def said() -> list[str]:
    """Return a list to whose ``append`` progress can be reported."""
    return []
