"""The CustomResourceDefinitions of other projects, read from the Go modules in which those projects publish them.

None of these files is kept here. What was read once is kept in the cache, so that Go is needed only the first time.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.cache import Report, cache_folder, locked, put_in_place
from e2e.cluster.errors import BuildError
from e2e.cluster.toolchain import find_go, go_environment

__all__ = ["SOURCES", "Source", "third_party_crds"]

_DOWNLOAD_SECONDS = 300


@dataclass(frozen=True)
class Source:
    """Some definitions of one module."""

    module: str
    version: str
    checksum: str
    """The module's hash, as go.sum has it: what is read is what was read when this was written."""
    files: tuple[str, ...]
    names: tuple[str, ...]
    """The definitions to take; a file may hold others."""


SOURCES = (
    Source(
        "sigs.k8s.io/gateway-api",
        "v1.5.1",
        "h1:RqVRIlkhLhUO8wOHKTLnTJA6o/1un4po4/6M1nRzdd0=",
        (
            "config/crd/standard/gateway.networking.k8s.io_gatewayclasses.yaml",
            "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
            "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
        ),
        (
            "gatewayclasses.gateway.networking.k8s.io",
            "gateways.gateway.networking.k8s.io",
            "httproutes.gateway.networking.k8s.io",
        ),
    ),
    Source(
        "github.com/kedacore/keda/v2",
        "v2.16.1",
        "h1:LfYsxfSX8DjetLW8q9qnriImH936POrQJvE+caRoScI=",
        (
            "config/crd/bases/keda.sh_scaledobjects.yaml",
            "config/crd/bases/keda.sh_triggerauthentications.yaml",
        ),
        ("scaledobjects.keda.sh", "triggerauthentications.keda.sh"),
    ),
    Source(
        "knative.dev/serving",
        "v0.51.0",
        "h1:yN2Q7eYqJgoPfZkATjoBZyGbZ2P1Qhns9HIMU4mF+to=",
        ("config/core/300-resources/service.yaml",),
        ("services.serving.knative.dev",),
    ),
    Source(
        "istio.io/api",
        "v1.31.4",
        "h1:AcnncYrlDj1PJkym7h88Gggkef4MAra8QpGaXRMsr+E=",
        ("kubernetes/customresourcedefinitions.gen.yaml",),
        ("virtualservices.networking.istio.io",),
    ),
    Source(
        "github.com/open-telemetry/opentelemetry-operator",
        "v0.113.0",
        "h1:EoN3SLwF9dP5Ou7gFcfYligdwzedsEQBewQdagk5E3U=",
        ("config/crd/bases/opentelemetry.io_opentelemetrycollectors.yaml",),
        ("opentelemetrycollectors.opentelemetry.io",),
    ),
)


def third_party_crds(
    report: Report, environ: Mapping[str, str] = os.environ, sources: Iterable[Source] = SOURCES
) -> list[dict[str, Any]]:
    """Return the definitions that KServe works with: of Gateway API, KEDA, Knative Serving, Istio and OpenTelemetry."""
    sources = tuple(sources)
    cache = cache_folder(environ)
    digest = hashlib.sha256(json.dumps([asdict(source) for source in sources]).encode()).hexdigest()
    kept = cache / f"crds-{digest[:12]}.json"
    if not kept.exists():
        with locked(cache / "crds.lock", report):
            report(f"fetching the definitions of {', '.join(source.module for source in sources)}")
            go = find_go(environ, cache, report)
            definitions = [crd for source in sources for crd in read_source(_download(go, source, environ), source)]
            put_in_place(lambda partial: _write_json(partial, definitions), kept)
    crds: list[dict[str, Any]] = json.loads(kept.read_text())
    return crds


def read_source(folder: Path, source: Source) -> list[dict[str, Any]]:
    """Read the definitions that are wanted from an unpacked module."""
    found: dict[str, dict[str, Any]] = {}
    for name in source.files:
        with (folder / name).open() as file:
            for document in yaml.safe_load_all(file):
                if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                    found[document["metadata"]["name"]] = document
    missing = [name for name in source.names if name not in found]
    if missing:
        raise BuildError(f"{source.module} {source.version} does not define {', '.join(missing)}")
    return [found[name] for name in source.names]


def _download(go: Path, source: Source, environ: Mapping[str, str]) -> Path:
    command = [str(go), "mod", "download", "-json", f"{source.module}@{source.version}"]
    # In an empty folder: within a Go module, that module's requirements would have a say.
    with tempfile.TemporaryDirectory() as empty:
        try:
            answer = subprocess.run(
                command,
                cwd=empty,
                env=go_environment(environ),
                capture_output=True,
                text=True,
                timeout=_DOWNLOAD_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"fetching {source.module} took longer than {_DOWNLOAD_SECONDS} s") from error
    try:
        module = json.loads(answer.stdout)
    except ValueError as error:
        raise BuildError(f"could not fetch {source.module} {source.version}: {answer.stderr.strip()}") from error
    if "Error" in module:
        raise BuildError(f"could not fetch {source.module} {source.version}: {module['Error']}")
    if module["Sum"] != source.checksum:
        raise BuildError(f"{source.module} {source.version} is not what it was: {module['Sum']}, not {source.checksum}")
    return Path(module["Dir"])


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))
