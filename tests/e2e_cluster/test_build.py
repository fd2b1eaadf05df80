"""Programs are built once, and a build that failed leaves nothing that looks like a program."""

from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.cluster.build import build_missing, go_compiler
from e2e.cluster.errors import BuildError
from e2e.cluster.versions import PROGRAMS, Program

ETCD = PROGRAMS["etcd"]
KWOK = PROGRAMS["kwok"]

# Answers `go env GOVERSION` and, for `go build`, writes its own arguments into the file after -o.
GO = """
if [ "$1" = env ]; then echo go1.99.0; exit; fi
echo "some/package" >&2
all="$PWD $GOTOOLCHAIN $CGO_ENABLED $*"
while [ "$1" != -o ]; do shift; done
echo "$all" > "$2"
"""


def test_what_is_there_is_not_built_again(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "etcd").write_text("there")

    def compile_program(program: Program, output: Path) -> None:
        output.write_text(program.name)

    build_missing([ETCD, KWOK], tmp_path, compile_program, said.append)

    assert (tmp_path / "etcd").read_text() == "there"
    assert (tmp_path / "kwok").read_text() == "kwok"
    assert said == ["building kwok 0.8.0", "built kwok in 0 s"]


def test_a_failed_build_keeps_what_was_built_before_it_and_nothing_else(tmp_path: Path, said: list[str]) -> None:
    def compile_program(program: Program, output: Path) -> None:
        output.write_text("half")
        if program is KWOK:
            raise BuildError("no")

    with pytest.raises(BuildError):
        build_missing([ETCD, KWOK], tmp_path, compile_program, said.append)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["etcd", "lock"]


def test_go_is_run_in_the_module_with_everything_pinned(
    tmp_path: Path, script: Callable[[Path, str], Path], said: list[str]
) -> None:
    script(tmp_path / "bin" / "go", GO)
    compile_program = go_compiler({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, tmp_path, said.append)

    compile_program(PROGRAMS["kube-scheduler"], tmp_path / "output")

    words = (tmp_path / "output").read_text().split()
    assert words[:3] == [str(PROGRAMS["kube-scheduler"].module), "local", "0"]
    assert "-trimpath" in words
    assert words[-1] == "./kube-scheduler"


def test_a_module_that_is_one_program_is_built_from_its_root(
    tmp_path: Path, script: Callable[[Path, str], Path], said: list[str]
) -> None:
    script(tmp_path / "bin" / "go", GO)
    compile_program = go_compiler({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, tmp_path, said.append)

    compile_program(KWOK, tmp_path / "output")

    assert (tmp_path / "output").read_text().split()[-1] == "./"


def test_what_the_compiler_complains_about_is_in_the_error(
    tmp_path: Path, script: Callable[[Path, str], Path], said: list[str]
) -> None:
    script(tmp_path / "bin" / "go", 'if [ "$1" = env ]; then echo go1.99.0; exit; fi\necho "main.go:1: no" >&2; exit 1')
    compile_program = go_compiler({"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}, tmp_path, said.append)

    with pytest.raises(BuildError, match=r"building etcd failed:\nmain.go:1: no"):
        compile_program(ETCD, tmp_path / "output")
