"""The command line as a whole: which commands there are, what they refuse, what they print."""

import json
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from kservectl.api.crds import crds
from kservectl.cli import main as command_line
from kservectl.cli.run import parse_bind, run
from kservectl.manifests.layout import documents

ROOT = command_line.root


def test_help_lists_every_command() -> None:
    result = CliRunner().invoke(ROOT, ["--help"])
    assert result.exit_code == 0
    for name in ("run", "dev", "render", "tree", "why", "crds", "manifests"):
        assert f"  {name} " in result.output


def test_options_without_a_command_are_those_of_the_manager() -> None:
    result = CliRunner().invoke(ROOT, ["--kubeconfig", "/nowhere", "--controllers", "nope"])
    assert result.exit_code == 2
    assert "nope is not a controller" in result.output


def test_an_unknown_command_is_refused() -> None:
    assert CliRunner().invoke(ROOT, ["fly"]).exit_code == 2


def test_a_kubeconfig_that_is_not_there_is_a_sentence() -> None:
    result = CliRunner().invoke(ROOT, ["why", "isvc/x", "--kubeconfig", "/nowhere/config"])
    assert result.exit_code == 1
    assert "/nowhere/config" in result.output
    assert "Traceback" not in result.output


def test_crds_and_manifests_print_what_an_installation_holds() -> None:
    printed = CliRunner().invoke(ROOT, ["crds", "-o", "json"])
    assert json.loads(printed.stdout)["items"] == crds()
    stream = list(yaml.safe_load_all(CliRunner().invoke(ROOT, ["manifests"]).stdout))
    assert stream == documents()


def test_manifests_are_printed_with_components() -> None:
    options = ["--component", "namespaced", "--namespace", "team-a", "--component", "high-availability"]
    stream = list(yaml.safe_load_all(CliRunner().invoke(ROOT, ["manifests", *options]).stdout))
    assert stream == documents(["high-availability", "namespaced"], ["team-a"])


@pytest.mark.parametrize(
    "options", [["--component", "no-such"], ["--namespace", "a"], ["--component", "sharding", "--write", "there"]]
)
def test_manifests_refuse_what_makes_no_sense(options: list[str]) -> None:
    assert CliRunner().invoke(ROOT, ["manifests", *options]).exit_code == 2


def test_manifests_are_written_to_a_folder(tmp_path: Path) -> None:
    result = CliRunner().invoke(ROOT, ["manifests", "--write", str(tmp_path)])
    assert result.exit_code == 0
    assert (tmp_path / "kustomization.yaml").is_file()
    assert CliRunner().invoke(ROOT, ["manifests", "--write", str(tmp_path)]).output == ""


@pytest.mark.parametrize(
    ("text", "found"), [(":9443", ("", 9443)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80))]
)
def test_an_address_to_serve_on(text: str, found: tuple[str, int]) -> None:
    assert parse_bind(text) == found


@pytest.mark.parametrize("text", ["", "9443", "x:", "x:y", ":99999"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_bind(text)


@pytest.mark.parametrize("value", ["0", "x", "nope=3", "inferenceservice=", "-1"])
def test_a_number_of_workers_that_is_none_is_refused(value: str) -> None:
    result = CliRunner().invoke(run, ["--workers", value])
    assert result.exit_code == 2


@pytest.mark.parametrize(
    "text",
    [
        "clusters: [{name: production, cluster: {}}]",
        "clusters: [{name: devcluster, cluster: {}}, {name: production, cluster: {}}]",
        "clusters: [devcluster]",
        "notes",
        "a: b: c",
    ],
)
def test_a_kubeconfig_of_other_clusters_is_not_written_over(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    result = CliRunner().invoke(ROOT, ["dev", "--write-kubeconfig", str(file)])
    assert result.exit_code == 2
    assert str(file) in result.output
    assert file.read_text() == text


def test_waiting_for_nothing_is_refused() -> None:
    result = CliRunner().invoke(ROOT, ["dev", "--exit-when-ready"])
    assert result.exit_code == 2
    assert "-f FILE" in result.output
