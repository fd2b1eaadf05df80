"""Other projects' definitions come from their modules, as they were when they were chosen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.cluster.errors import BuildError
from e2e.cluster.thirdparty import SOURCES, Source, read_source, third_party_crds

SOURCE = Source("example.com/module", "v1.2.3", "h1:right", ("crds.yaml",), ("b.example.com", "a.example.com"))


def crd(name: str) -> str:
    return f"kind: CustomResourceDefinition\nmetadata: {{name: {name}}}\n"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    folder.mkdir()
    names = ("a.example.com", "unwanted.example.com", "b.example.com")
    (folder / "crds.yaml").write_text("---\n# nothing\n---\nkind: Other\n---\n" + "---\n".join(map(crd, names)))
    return folder


@pytest.fixture
def environ(tmp_path: Path, module: Path, script: Callable[[Path, str], Path]) -> dict[str, str]:
    """Return an environment whose ``go`` has fetched the module."""
    answer = json.dumps({"Dir": str(module), "Sum": "h1:right"})
    script(tmp_path / "bin" / "go", f"if [ $1 = env ]; then echo go1.99.0; else echo '{answer}'; fi")
    return {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "KSERVECTL_CACHE": str(tmp_path / "cache")}


def test_the_wanted_definitions_are_taken_in_the_given_order(module: Path) -> None:
    names = [found["metadata"]["name"] for found in read_source(module, SOURCE)]

    assert names == ["b.example.com", "a.example.com"]


def test_a_definition_that_is_not_there_is_an_error(module: Path) -> None:
    (module / "crds.yaml").write_text(crd("a.example.com"))

    with pytest.raises(BuildError, match=r"example.com/module v1.2.3 does not define b.example.com"):
        read_source(module, SOURCE)


def test_go_is_needed_the_first_time_only(tmp_path: Path, environ: dict[str, str], said: list[str]) -> None:
    first = third_party_crds(said.append, environ, [SOURCE])
    (tmp_path / "bin" / "go").unlink()

    assert third_party_crds(said.append, environ, [SOURCE]) == first
    assert said == ["fetching the definitions of example.com/module"]


def test_a_module_that_has_changed_is_refused(environ: dict[str, str], said: list[str]) -> None:
    other = Source(SOURCE.module, SOURCE.version, "h1:other", SOURCE.files, SOURCE.names)

    with pytest.raises(BuildError, match=r"is not what it was: h1:right, not h1:other"):
        third_party_crds(said.append, environ, [other])


def test_what_go_says_about_a_module_it_cannot_fetch_is_in_the_error(
    tmp_path: Path, environ: dict[str, str], script: Callable[[Path, str], Path], said: list[str]
) -> None:
    script(
        tmp_path / "bin" / "go", """if [ $1 = env ]; then echo go1.99.0; else echo '{"Error": "gone"}'; exit 1; fi"""
    )

    with pytest.raises(BuildError, match=r"could not fetch example.com/module v1.2.3: gone"):
        third_party_crds(said.append, environ, [SOURCE])


def test_what_kserve_works_with_is_among_them() -> None:
    names = {name for source in SOURCES for name in source.names}

    assert {
        "httproutes.gateway.networking.k8s.io",
        "scaledobjects.keda.sh",
        "services.serving.knative.dev",
        "virtualservices.networking.istio.io",
    } <= names
