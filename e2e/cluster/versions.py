"""Which programs make the cluster, and which versions of them are good enough.

The versions here and those in ``go/*/go.mod`` are the same; a test holds them together.
"""

import hashlib
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ETCD_VERSION",
    "GO_SOURCES",
    "KUBERNETES_VERSION",
    "KWOK_VERSION",
    "PROGRAMS",
    "Program",
    "build_key",
    "parse_version",
]

KUBERNETES_VERSION = "1.34.4"
ETCD_VERSION = "3.6.4"
KWOK_VERSION = "0.8.0"

GO_SOURCES = Path(__file__).parent / "go"

_STAMP = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES_VERSION.split(".")


@dataclass(frozen=True)
class Program:
    """One program of the cluster."""

    name: str
    version: str
    package: str
    """The folder of its ``main`` package, from ``go/``: the first part is the Go module."""
    link_flags: str = "-s -w"

    @property
    def module(self) -> Path:
        """The folder of the Go module that builds it."""
        return GO_SOURCES / self.package.split("/")[0]

    def accepts(self, found: tuple[int, int, int] | None) -> bool:
        """Tell whether a program of this version may stand in for the one we would build.

        Patches may differ. Another minor version may not: it has other flags and other API defaults.
        """
        wanted = parse_version(self.version)
        return found is not None and wanted is not None and found[:2] == wanted[:2]


def _kubernetes(name: str) -> Program:
    # Programs built outside the Kubernetes tree call themselves v0.0.0, and client libraries refuse to talk to that.
    stamps = {
        "gitVersion": f"v{KUBERNETES_VERSION}",
        "gitMajor": _MAJOR,
        "gitMinor": _MINOR,
        "gitCommit": "",
        "gitTreeState": "clean",
    }
    link_flags = "-s -w " + " ".join(f"-X {_STAMP}.{key}={value}" for key, value in stamps.items())
    return Program(name, KUBERNETES_VERSION, f"controlplane/{name}", link_flags)


PROGRAMS: dict[str, Program] = {
    program.name: program
    for program in (
        Program("etcd", ETCD_VERSION, "controlplane/etcd"),
        _kubernetes("kube-apiserver"),
        _kubernetes("kube-controller-manager"),
        _kubernetes("kube-scheduler"),
        Program("kwok", KWOK_VERSION, "kwok"),
    )
}
"""In the order in which they start."""


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the first version in a text such as ``Kubernetes v1.34.4``, or nothing."""
    match = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def build_key() -> str:
    """Name the folder of the cache that holds programs built from exactly these sources."""
    digest = hashlib.sha256()
    for path in sorted(GO_SOURCES.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(GO_SOURCES).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for program in PROGRAMS.values():
        digest.update(program.link_flags.encode())
    return f"v{KUBERNETES_VERSION}-{sys.platform}-{platform.machine()}-{digest.hexdigest()[:12]}"
