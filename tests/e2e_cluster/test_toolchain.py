"""Which Go is used."""

from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.cluster.cache import Report
from e2e.cluster.errors import BuildError
from e2e.cluster.toolchain import find_go, required_go

Script = Callable[[Path, str], Path]


def installed(cache: Path, report: Report) -> Path:
    return cache / "installed"


def look_up(tmp_path: Path, said: list[str]) -> Path:
    environ = {"PATH": str(tmp_path / "path")}
    well_known = tmp_path / "well-known" / "go"
    return find_go(environ, tmp_path, said.append, well_known=well_known, install=installed)


def test_a_go_on_path_comes_first_then_the_well_known_one_then_the_package(
    tmp_path: Path, script: Script, said: list[str]
) -> None:
    on_path = script(tmp_path / "path" / "go", "echo go1.99.1")
    well_known = script(tmp_path / "well-known" / "go", "echo go1.99")

    assert look_up(tmp_path, said) == on_path
    on_path.unlink()
    assert look_up(tmp_path, said) == well_known
    well_known.unlink()
    assert look_up(tmp_path, said) == tmp_path / "installed"


@pytest.mark.parametrize("answer", ["echo go1.20.1", "echo go1.20", "exit 1", "echo devel"])
def test_a_go_that_is_too_old_or_unknown_is_passed_over(
    tmp_path: Path, script: Script, said: list[str], answer: str
) -> None:
    script(tmp_path / "path" / "go", answer)

    assert look_up(tmp_path, said) == tmp_path / "installed"


def test_the_newest_of_the_required_versions_counts(tmp_path: Path) -> None:
    for name, version in (("a", "1.24.0"), ("b", "1.26.3")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text(f"module {name}\n\ngo {version}\n")

    assert required_go(tmp_path) == (1, 26, 3)


def test_a_go_mod_without_a_version_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "go.mod").write_text("module a\n")

    with pytest.raises(BuildError, match=r"a/go.mod has no line `go X.Y.Z`"):
        required_go(tmp_path)
