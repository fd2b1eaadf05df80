"""Manifests are read from files, folders and standard input; what is wrong with one is said in a sentence."""

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.cli.files import parse_objects, read_objects

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def test_all_documents_of_all_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"{OBJECT}---\n\n---\n{OBJECT}")
    (tmp_path / "b.json").write_text(
        '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod"}]}'
    )
    (tmp_path / "notes.txt").write_text("not a manifest")
    assert [obj["kind"] for obj in read_objects([str(tmp_path)])] == ["ConfigMap", "ConfigMap", "Pod"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\nb: 2", "name:2: "),
        ("just text", "name: a document is a text, not a Kubernetes object"),
        ("[1]", "name: a document is a list"),
        ("kind: Pod", "name: a document has no apiVersion and kind"),
        ("apiVersion: v1\nkind: Pod\nmetadata: x", "name: metadata of a Pod is a text"),
        ("a: !!python/object/apply:os.system ['true']", "name:1: could not determine a constructor"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        parse_objects(text, "name")
    assert caught.value.message.startswith(message)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(click.ClickException, match=r"nowhere\.yaml: No such file or directory"):
        read_objects(["nowhere.yaml"])


def test_an_empty_folder_is_no_silent_success(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="holds no manifest"):
        read_objects([str(tmp_path)])


@given(st.text())
def test_no_text_makes_the_reader_crash(text: str) -> None:
    try:
        parse_objects(text, "name")
    except click.ClickException as error:
        assert error.message
