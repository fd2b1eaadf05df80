"""A program beside the control plane, built from a Go module of this project into a cache folder of its own."""

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from e2e.cluster.cache import Report, cache_folder, locked, put_in_place
from e2e.cluster.errors import BuildError
from e2e.cluster.toolchain import find_go, go_environment

__all__ = ["built_from_module", "run_go"]

_SECONDS = 1800


def built_from_module(
    folder: str, name: str, sources: Path, package: str, report: Report, environ: Mapping[str, str] = os.environ
) -> Path:
    """Return the program `name`, built from `package` of the module in `sources` unless the cache has it.

    `folder` begins the name of its folder in the cache; a digest of the sources ends it. Raises BuildError.
    """
    digest = hashlib.sha256()
    for file in sorted(sources.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    cache = cache_folder(environ)
    place = cache / f"{folder}-{digest.hexdigest()[:12]}"
    final = place / name
    place.mkdir(parents=True, exist_ok=True)
    with locked(place / "lock", report):
        if not final.exists():
            report(f"building {name} from {package}")
            go = find_go(environ, cache, report)
            flags = ("-trimpath", "-buildvcs=false", "-ldflags=-s -w")

            def build(output: Path) -> None:
                run_go(go, sources, "build", *flags, "-o", str(output.absolute()), package)

            put_in_place(build, final)
    return final


def run_go(go: Path, module: Path, *arguments: str, environ: Mapping[str, str] = os.environ) -> str:
    """What a go command says, run in the folder of a module; raises BuildError."""
    done = subprocess.run(
        [str(go), *arguments],
        cwd=module,
        env=go_environment(environ),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise BuildError(f"go {arguments[0]} failed:\n{done.stderr.strip()[-4000:]}")
    return done.stdout
