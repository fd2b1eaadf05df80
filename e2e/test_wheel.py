"""What people get of the wheel, in an environment that has nothing else: the command, the plugin of kubectl, completion."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from e2e.process import PROJECT

pytestmark = [pytest.mark.devcluster, pytest.mark.timeout(400)]

_SERVICE = PROJECT / "manifests" / "samples" / "sklearn-iris.yaml"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a new environment with the wheel in it, and nothing but what the wheel asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    run(Path(sys.executable), "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, PROJECT)
    (wheel,) = folder.glob("kservectl-*.whl")
    venv.create(folder / "environment", with_pip=True)
    programs = folder / "environment" / "bin"
    run(programs / "pip", "install", "--quiet", "--constraint", PROJECT / "constraints.txt", wheel)
    return programs


def run(program: Path | str, *arguments: Path | str, path: Path | None = None, cwd: Path | None = None) -> str:
    """Standard output; `path` goes before the others on PATH."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PIP_"))}
    if path is not None:
        environment["PATH"] = f"{path}:{environment['PATH']}"
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=environment, cwd=cwd)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def test_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    rendered = run(installed / "kservectl", "render", "-f", _SERVICE, cwd=tmp_path)
    assert "kind: Deployment" in rendered
    assert "Ready" in run(installed / "kservectl", "dev", "-f", _SERVICE, "--exit-when-ready", cwd=tmp_path)


def test_wheel_says_the_version_that_it_is(installed: Path) -> None:
    wheel = run(installed / "pip", "show", "kservectl").splitlines()[1].removeprefix("Version: ")
    assert run(installed / "kservectl", "--version").split()[-1] == wheel


def test_kubectl_finds_its_plugin(installed: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("there is no kubectl on PATH")
    assert "kubectl kserve [OPTIONS]" in run("kubectl", "kserve", "--help", path=installed)
    assert "kind: Deployment" in run("kubectl", "kserve", "render", "-f", _SERVICE, path=installed)
    # kubectl itself answers what a shell asks when Tab is pressed after `kubectl kserve w`.
    assert run("kubectl", "__complete", "kserve", "w", path=installed).splitlines()[0].startswith("why\t")


def test_bash_completes_commands(installed: Path) -> None:
    script = (
        "source <(kservectl completion bash); COMP_WORDS=(kservectl co); COMP_CWORD=1;"
        " _kservectl_completion kservectl; echo ${COMPREPLY[@]}"
    )
    assert run("bash", "-c", script, path=installed).split() == ["completion"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_script(installed: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} on this machine")
    source = f"kservectl completion {shell} | source" if shell == "fish" else "source <(kservectl completion zsh)"
    prelude = "" if shell == "fish" else "autoload -Uz compinit; compinit -u; "
    run(shell, "-c", f"{prelude}{source}", path=installed)
