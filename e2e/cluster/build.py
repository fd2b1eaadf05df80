"""Build the cluster's programs from their published Go modules, once."""

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from threading import Thread

from e2e.cluster.cache import Report, locked, put_in_place
from e2e.cluster.errors import BuildError
from e2e.cluster.toolchain import find_go, go_environment
from e2e.cluster.versions import Program

__all__ = ["Compile", "build_missing", "go_compiler"]

Compile = Callable[[Program, Path], None]
"""Builds a program into a file of the given name."""

_PROGRESS_SECONDS = 15.0
_STDERR_LINES = 40


def build_missing(programs: Iterable[Program], folder: Path, compile_program: Compile, report: Report) -> None:
    """Make sure that ``folder`` holds every one of the programs, building those that are not there."""
    with locked(folder / "lock", report):
        for program in programs:
            final = folder / program.name
            if final.exists():
                # Another process built it while this one waited for the lock.
                continue
            report(f"building {program.name} {program.version}")
            started = time.monotonic()
            put_in_place(partial(compile_program, program), final)
            report(f"built {program.name} in {time.monotonic() - started:.0f} s")


def go_compiler(environ: Mapping[str, str], cache: Path, report: Report) -> Compile:
    """Return the compiler that uses Go; Go itself is looked for when the first program is built."""
    found: list[Path] = []

    def compile_program(program: Program, output: Path) -> None:
        if not found:
            found.append(find_go(environ, cache, report))
        # The absolute name: go runs in the module's folder.
        command = [str(found[0]), "build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", program.link_flags]
        command += ["-o", str(output.absolute()), f"./{'/'.join(program.package.split('/')[1:])}"]
        _run_with_progress(command, program, environ, report)

    return compile_program


def _run_with_progress(command: list[str], program: Program, environ: Mapping[str, str], report: Report) -> None:
    try:
        process = subprocess.Popen(
            command,
            cwd=program.module,
            env=go_environment(environ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    except OSError as error:
        raise BuildError(f"could not run {command[0]}: {error}") from error
    # `go build -v` names each package on a line of standard error as it compiles it.
    lines: list[str] = []
    assert process.stderr is not None
    reader = Thread(target=lines.extend, args=(process.stderr,), daemon=True)
    reader.start()
    try:
        started = time.monotonic()
        while True:
            try:
                code = process.wait(_PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                waited = time.monotonic() - started
                report(f"building {program.name}: {len(lines)} packages compiled or fetched, {waited:.0f} s")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join()
    if code != 0:
        raise BuildError(f"building {program.name} failed:\n{''.join(lines[-_STDERR_LINES:]).rstrip()}")
