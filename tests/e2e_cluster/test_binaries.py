"""Where the cluster's programs are looked for, and in which order."""

from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.cluster.binaries import find, find_all, version_of
from e2e.cluster.versions import PROGRAMS, Program, build_key

ETCD = PROGRAMS["etcd"]
RIGHT = 'echo "etcd Version: 3.6.4"'
WRONG = 'echo "etcd Version: 3.4.9"'

Script = Callable[[Path, str], Path]


@pytest.fixture
def places(tmp_path: Path, script: Script) -> tuple[Path, Path, Path]:
    """Return an etcd of the right version in each of the three places."""
    return (
        script(tmp_path / "assets" / "etcd", RIGHT),
        script(tmp_path / "path" / "etcd", RIGHT),
        script(tmp_path / "built" / "etcd", RIGHT),
    )


def environment(tmp_path: Path) -> dict[str, str]:
    return {"KUBEBUILDER_ASSETS": str(tmp_path / "assets"), "PATH": str(tmp_path / "path")}


def look_up(tmp_path: Path, said: list[str]) -> Path | None:
    return find(ETCD, environment(tmp_path), tmp_path / "built", version_of, said.append)


def test_what_the_user_points_at_comes_before_path_and_path_before_the_cache(
    tmp_path: Path, places: tuple[Path, Path, Path], said: list[str]
) -> None:
    for place in places:
        assert look_up(tmp_path, said) == place
        place.unlink()
    assert look_up(tmp_path, said) is None
    assert said == []


def test_a_program_of_another_version_is_passed_over_aloud(
    tmp_path: Path, places: tuple[Path, Path, Path], script: Script, said: list[str]
) -> None:
    script(places[0], WRONG)
    script(places[1], "exit 1")

    assert look_up(tmp_path, said) == places[2]
    assert said == [
        f"passing over {places[0]}: it is 3.4.9, and 3.6.4 is wanted",
        f"passing over {places[1]}: it is of unknown version, and 3.6.4 is wanted",
    ]


def test_only_what_is_nowhere_is_built_into_the_cache(tmp_path: Path, script: Script, said: list[str]) -> None:
    script(tmp_path / "assets" / "etcd", RIGHT)
    compiled: list[str] = []

    def compile_program(program: Program, output: Path) -> None:
        compiled.append(program.name)
        output.write_text("built")

    environ = {**environment(tmp_path), "KSERVECTL_CACHE": str(tmp_path / "cache")}
    found = find_all(environ, said.append, compile_program)

    built = tmp_path / "cache" / "cluster" / build_key()
    assert found["etcd"] == tmp_path / "assets" / "etcd"
    assert compiled == ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]
    assert {name: found[name] for name in compiled} == {name: built / name for name in compiled}

    assert find_all(environ, said.append, compile_program) == found
    assert len(compiled) == 4
