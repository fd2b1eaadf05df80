"""Where the cluster's programs are: given by the user, installed on the machine, kept in the cache, or built now.

A program that somebody else built is used only when it has the right version.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from e2e.cluster.build import Compile, build_missing, go_compiler
from e2e.cluster.cache import Report, cache_folder
from e2e.cluster.versions import PROGRAMS, Program, build_key, parse_version

__all__ = ["VersionOf", "candidates", "find", "find_all", "version_of"]

VersionOf = Callable[[Path], tuple[int, int, int] | None]


def find_all(environ: Mapping[str, str], report: Report, compile_program: Compile | None = None) -> dict[str, Path]:
    """Return the path of every program, building those that are nowhere."""
    cache = cache_folder(environ)
    built = cache / build_key()
    found = {name: find(program, environ, built, version_of, report) for name, program in PROGRAMS.items()}
    missing = [PROGRAMS[name] for name, path in found.items() if path is None]
    if missing:
        build_missing(missing, built, compile_program or go_compiler(environ, cache, report), report)
    return {name: path or built / name for name, path in found.items()}


def find(program: Program, environ: Mapping[str, str], built: Path, version: VersionOf, report: Report) -> Path | None:
    """Return the first usable program of the places that are looked at, or nothing."""
    for path in candidates(program.name, environ):
        found = version(path)
        if program.accepts(found):
            return path
        spoken = ".".join(map(str, found)) if found else "of unknown version"
        report(f"passing over {path}: it is {spoken}, and {program.version} is wanted")
    ours = built / program.name
    return ours if ours.exists() else None


def candidates(name: str, environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the programs of this name that others installed: first those the user pointed at, then those on PATH."""
    assets = environ.get("KUBEBUILDER_ASSETS")
    if assets and os.access(Path(assets) / name, os.X_OK):
        yield Path(assets).absolute() / name
    on_path = shutil.which(name, path=environ.get("PATH", ""))
    if on_path:
        yield Path(on_path).absolute()


def version_of(path: Path) -> tuple[int, int, int] | None:
    """Ask a program for its version."""
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(answer.stdout)
