"""The generated files: up to date, buildable by kustomize, and written without harm to what is not theirs."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kservectl.manifests.layout import documents, files, write
from kservectl.manifests.runtimes import runtimes
from kservectl.manifests.samples import samples
from kservectl.objects import metadata

MANIFESTS = Path(__file__).parents[2] / "manifests"
KUBECTL = shutil.which("kubectl")
_EXTRAS = ("samples/", "gateway/", "gateway-tls/", "node-agent/", "monitoring/", "components/")
"""What the base does not install."""


def identity(obj: dict[str, Any]) -> tuple[str, str, str, str]:
    return obj["apiVersion"], obj["kind"], metadata.namespace(obj), metadata.name(obj)


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return files()


def test_the_files_in_the_repository_are_up_to_date(generated: dict[str, str]) -> None:
    on_disk = {str(path.relative_to(MANIFESTS)): path for path in MANIFESTS.rglob("*.yaml")}
    assert sorted(on_disk) == sorted(generated), "run `make manifests`"
    for path, text in generated.items():
        assert on_disk[path].read_text(encoding="utf-8") == text, f"{path} is out of date: run `make manifests`"


def test_what_is_written_is_read_back_as_the_same_objects(generated: dict[str, str]) -> None:
    installed = [
        yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for path, text in generated.items()
        if not path.endswith("kustomization.yaml") and not path.startswith(_EXTRAS)
    ]
    by_name = {identity(obj): obj for obj in installed}
    assert len(by_name) == len(installed) == len(documents())
    for obj in documents():
        assert by_name[identity(obj)] == obj


def test_no_file_uses_yaml_anchors(generated: dict[str, str]) -> None:
    for path, text in generated.items():
        tokens = {type(token) for token in yaml.scan(text)} if len(text) < 200_000 else set()
        assert not tokens & {yaml.AnchorToken, yaml.AliasToken}, path
        assert "&id001" not in text, path


def test_every_folder_lists_its_files(generated: dict[str, str]) -> None:
    for path, text in generated.items():
        if not path.endswith("kustomization.yaml"):
            continue
        folder = path.removesuffix("kustomization.yaml")
        for resource in yaml.safe_load(text).get("resources", ()):
            assert f"{folder}{resource}" in generated or f"{folder}{resource}/kustomization.yaml" in generated


def test_writing_twice_changes_nothing_and_removes_only_what_was_generated(tmp_path: Path) -> None:
    assert write(tmp_path, files())
    assert write(tmp_path, files()) == []
    mine = tmp_path / "mine.yaml"
    mine.write_text("a: 1\n", encoding="utf-8")
    stale = tmp_path / "runtimes" / "old-server.yaml"
    stale.write_text((tmp_path / "namespace.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    edited = tmp_path / "namespace.yaml"
    edited.write_text("changed\n", encoding="utf-8")
    assert sorted(write(tmp_path, files())) == sorted([stale, edited])
    assert mine.is_file()
    assert not stale.exists()


def kustomize(folder: Path) -> list[dict[str, Any]]:
    if KUBECTL is None:
        pytest.skip("kubectl is not installed, so kustomize cannot be tried")
    built = subprocess.run([KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return [obj for obj in yaml.load_all(built.stdout, getattr(yaml, "CSafeLoader", yaml.SafeLoader)) if obj]


def test_kustomize_builds_the_base_into_exactly_the_documents() -> None:
    built = {identity(obj): obj for obj in kustomize(MANIFESTS)}
    wanted = {identity(obj): obj for obj in documents()}
    assert built.keys() == wanted.keys()
    for key, obj in wanted.items():
        assert built[key] == obj, key


@pytest.mark.parametrize(
    ("folder", "count"),
    [
        ("gateway", 1),
        ("gateway-tls", 1),
        ("samples", len(samples())),
        ("runtimes", len(runtimes())),
        ("crds", 10),
        ("samples/graphs", 4),
        ("samples/models", 3),
        ("samples/caches", 3),
    ],
)
def test_kustomize_builds_each_folder_by_itself(folder: str, count: int) -> None:
    assert len(kustomize(MANIFESTS / folder)) == count
