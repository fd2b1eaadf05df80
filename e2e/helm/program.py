"""Building helm and calling it, with nothing of the user's own helm in the way."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from e2e.cluster.module import built_from_module
from kservectl.objects.metadata import Object

_SOURCES = Path(__file__).parent / "go"
_PACKAGE = "helm.sh/helm/v3/cmd/helm"
_SECONDS = 120


@dataclass(frozen=True)
class Helm:
    """`home` is an empty folder for what helm keeps; `kubeconfig` a cluster, for commands that need one."""

    program: Path
    home: Path
    kubeconfig: Path | None = None

    @classmethod
    def found(cls, home: Path, kubeconfig: Path | None = None) -> "Helm":
        """Builds it if it is not there yet; raises BuildError."""
        return cls(built_from_module("helm", "helm", _SOURCES, _PACKAGE, _report), home, kubeconfig)

    def __call__(self, *arguments: str) -> str:
        """Standard output of a call that has to succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}{done.stdout}"
        return done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig or "/nowhere")}
        environment = {key: value for key, value in environment.items() if not key.startswith("HELM_")}
        command = [str(self.program), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, env=environment)

    def objects(self, chart: Path, namespace: str, *options: str) -> list[Object]:
        """What a release of the chart holds."""
        text = self("template", "a-release", str(chart), "--namespace", namespace, *options)
        return [obj for obj in yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if obj]


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
