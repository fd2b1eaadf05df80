"""Real kubectl, as people run it."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

_SECONDS = 60


@dataclass(frozen=True)
class Kubectl:
    """Calls kubectl with the kubeconfig of the cluster, in one namespace (none if empty), with a cache of its own."""

    program: str
    kubeconfig: Path
    namespace: str
    home: Path

    @classmethod
    def found(cls, kubeconfig: Path, namespace: str, home: Path) -> "Kubectl":
        """Skips the test where there is no kubectl."""
        program = shutil.which("kubectl")
        if program is None:
            pytest.skip("there is no kubectl on PATH")
        return cls(program, kubeconfig, namespace, home)

    def __call__(self, *arguments: str, stdin: object = None, fails: bool = False) -> str:
        """Standard output of a call that has to succeed; with `fails`, standard error of one that must not."""
        done = self.run(*arguments, stdin=stdin)
        if fails:
            assert done.returncode != 0, f"kubectl {' '.join(arguments)} succeeded: {done.stdout}"
            return done.stderr
        assert done.returncode == 0, f"kubectl {' '.join(arguments)} ended with {done.returncode}: {done.stderr}"
        return done.stdout

    def run(self, *arguments: str, stdin: object = None) -> subprocess.CompletedProcess[str]:
        """The call, however it ended. `stdin` is a text, or an object (or a list of them) to be written as YAML."""
        return subprocess.run(
            self.command(*arguments),
            input=_text(stdin),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env=self.environment(),
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def command(self, *arguments: str) -> list[str]:
        scope = [f"--namespace={self.namespace}"] if self.namespace else []
        return [self.program, f"--kubeconfig={self.kubeconfig}", *scope, *arguments]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)}


def _text(stdin: object) -> str | None:
    if stdin is None or isinstance(stdin, str):
        return stdin
    return yaml.safe_dump_all(stdin if isinstance(stdin, list) else [stdin])
