"""Reading manifests: files, folders of them, or standard input; YAML or JSON, with any number of documents each."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from kservectl.objects.metadata import Object

_SUFFIXES = (".yaml", ".yml", ".json")
_KUSTOMIZATION = "kustomization.yaml"  # says how to put the other files of a folder together; is no object
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_objects(sources: Sequence[str]) -> list[Object]:
    """Every object of the given files; `-` is standard input, a folder stands for the manifests directly in it.

    Raises click.ClickException naming the file, and the line where YAML breaks.
    """
    return [obj for source in sources for name, text in _texts(source) for obj in parse_objects(text, name)]


def parse_objects(text: str, name: str) -> list[Object]:
    """The objects in one text; `List` kinds are taken apart, empty documents passed over."""
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        problem = getattr(error, "problem", None) or "it is not valid YAML"
        raise click.ClickException(f"{where}: {problem}") from error
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{name}: it is not valid YAML: {error}") from error
    return [obj for document in documents if document is not None for obj in _objects(document, name)]


def _objects(document: Any, name: str) -> Iterator[Object]:
    if not isinstance(document, dict):
        raise click.ClickException(f"{name}: a document is {_article(document)}, not a Kubernetes object")
    if not isinstance(document.get("kind"), str) or not isinstance(document.get("apiVersion"), str):
        raise click.ClickException(f"{name}: a document has no apiVersion and kind")
    if document["kind"].endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _objects(item, name)
        return
    if not isinstance(document.get("metadata", {}), dict):
        raise click.ClickException(f"{name}: metadata of a {document['kind']} is {_article(document['metadata'])}")
    yield document


def _article(value: Any) -> str:
    names = {str: "a text", int: "a number", float: "a number", bool: "a boolean", list: "a list"}
    return names.get(type(value), "nothing")


def _texts(source: str) -> Iterator[tuple[str, str]]:
    if source == "-":
        yield "standard input", sys.stdin.read()
        return
    path = Path(source)
    try:
        if path.is_dir():
            files = sorted(each for each in path.iterdir() if each.suffix in _SUFFIXES and each.name != _KUSTOMIZATION)
            if not files:
                raise click.ClickException(f"{source}: the folder holds no manifest ({', '.join(_SUFFIXES)})")
        else:
            files = [path]
        for file in files:
            yield str(file), file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise click.ClickException(f"{source}: {reason}") from error
