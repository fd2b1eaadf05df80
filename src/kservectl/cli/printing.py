"""Writing objects and trees for people and for programs."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kservectl.inspection.tree import Node
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_ANY_WIDTH = 100_000
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("·", "dim")}


def as_yaml(objects: Sequence[Object]) -> str:
    """A YAML stream, a document an object, keys in the order in which they were made."""
    text: str = yaml.dump_all(
        objects, Dumper=_Dumper, sort_keys=False, explicit_start=len(objects) > 1, allow_unicode=True, width=120
    )
    return text


def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def as_list(objects: Sequence[Object]) -> Object:
    """What `kubectl get -o json` answers for several objects."""
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


def as_tree(node: Node) -> Tree:
    """The tree for a terminal: a mark, kind and name, state, and what is wrong."""
    tree = Tree(_line(node), guide_style="dim")
    for child in node.children:
        tree.children.append(as_tree(child))
    return tree


def print_tree(node: Node) -> None:
    """On a terminal long lines are wrapped beside the branches; elsewhere they are as long as they are."""
    Console(width=None if sys.stdout.isatty() else _ANY_WIDTH).print(as_tree(node))


def _line(node: Node) -> Text:
    mark, style = _MARKS[node.state.ready]
    line = Text.assemble((mark, style), " ", (str(node.obj.get("kind")), "bold"), "/", metadata.name(node.obj))
    if node.state.text:
        line.append(f"  {node.state.text}", style=style)
    if node.state.detail:
        line.append(f"  {node.state.detail}", style="yellow")
    return line
