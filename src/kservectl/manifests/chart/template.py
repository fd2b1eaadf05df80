"""One object as the text of a Helm template, with what may be different in it under conditions.

An object may be changed by values in the ways that `components.component.Patch` knows. Texts of the object are never read as
templates: braces in them are escaped. What depends on the release (its namespace, the image) is written for it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from kservectl.manifests.components.component import Patch
from kservectl.manifests.names import IMAGE, NAMESPACE
from kservectl.objects.metadata import Object

EACH_NAMESPACE = "each-namespace-of-the-values"
"""Stands in objects for a namespace; what has it in it is written once for each namespace of the values."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A value that the values of the release give, as Go template text on one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """When something is there: `value` is a Go template expression, which is true, or a list that is not empty.

    `repeated` has it there once for each item of the list, which is `.` in it.
    """

    value: str
    repeated: bool = False

    def around(self, lines: Iterable[str], content: Any) -> Iterator[str]:
        """The lines of `content` under this condition, or once for each namespace that it is about."""
        if EACH_NAMESPACE in json.dumps(content, default=str):
            yield f"{{{{- range $namespace := {self.value} }}}}"
        else:
            yield f"{{{{- {'range' if self.repeated else 'if'} {self.value} }}}}"
        yield from lines
        yield "{{- end }}"


@dataclass
class Variations:
    """What may be different in one object, by JSON pointer; later ones win over earlier ones where only one can.

    `given` is what the values of the release say in any case.
    """

    given: dict[str, Expression] = field(default_factory=dict)
    replaced: dict[str, list[tuple[Condition, Any]]] = field(default_factory=lambda: defaultdict(list))
    appended: dict[str, list[tuple[Condition, Any]]] = field(default_factory=lambda: defaultdict(list))
    added: dict[str, list[tuple[Condition, str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, condition: Condition, patch: Patch) -> None:
        """Let the operations of a patch take place under a condition."""
        for operation in patch.operations:
            parent, _, key = operation["path"].rpartition("/")
            match operation["op"], key:
                case "replace", _:
                    self.replaced[operation["path"]].append((condition, operation["value"]))
                case "add", "-":
                    self.appended[parent].append((condition, operation["value"]))
                case "add", _:
                    self.added[parent].append(
                        (condition, key.replace("~1", "/").replace("~0", "~"), operation["value"])
                    )
                case other:
                    raise ValueError(f"a chart cannot express the operation {other} of a patch")


def template(obj: Object, variations: Variations | None = None) -> str:
    """The text of a template that makes this object."""
    return "\n".join(_Writer(variations or Variations()).mapping(obj, "", 0)) + "\n"


class _Writer:
    def __init__(self, variations: Variations) -> None:
        self._variations = variations

    def mapping(self, value: Mapping[str, Any], path: str, indent: int) -> Iterator[str]:
        for key, item in value.items():
            yield from self._entry(key, item, f"{path}/{key.replace('~', '~0').replace('/', '~1')}", indent)
        for condition, key, item in self._variations.added.get(path, ()):
            yield from condition.around(self._entry(key, item, "?", indent), item)

    def _entry(self, key: str, item: Any, path: str, indent: int) -> Iterator[str]:
        item = self._variations.given.get(path, item)
        replaced = self._variations.replaced.get(path)
        if not replaced:
            yield from self._plain_entry(key, item, path, indent)
            return
        word = "if"
        for condition, other in reversed(replaced):
            yield f"{{{{- {word} {condition.value} }}}}"
            yield from self._plain_entry(key, other, "?", indent)
            word = "else if"
        yield "{{- else }}"
        yield from self._plain_entry(key, item, path, indent)
        yield "{{- end }}"

    def _plain_entry(self, key: str, item: Any, path: str, indent: int) -> Iterator[str]:
        start = f"{' ' * indent}{_scalar(key)}:"
        match item:
            case dict() if item:
                yield start
                yield from self.mapping(item, path, indent + 2)
            case list() if item or path in self._variations.appended:
                yield start
                yield from self._sequence(item, path, indent)
            case str() if _is_block(item):
                lines = _released(item).split("\n")
                yield f"{start} {'|' if item.endswith(chr(10)) else '|-'}"
                yield from (
                    f"{' ' * (indent + 2)}{line}" if line else "" for line in lines[: -1 if not lines[-1] else None]
                )
            case _ if key == "namespace" and item == NAMESPACE:
                yield f'{start} "{_RELEASE_NAMESPACE}"'
            case _:
                yield f"{start} {_scalar(item)}"

    def _sequence(self, items: Sequence[Any], path: str, indent: int) -> Iterator[str]:
        for position, item in enumerate(items):
            yield from self._item(item, f"{path}/{position}", indent)
        for condition, item in self._variations.appended.get(path, ()):
            yield from condition.around(self._item(item, "?", indent), item)

    def _item(self, item: Any, path: str, indent: int) -> Iterator[str]:
        pad = " " * indent
        if isinstance(item, dict) and item:
            first, *others = self.mapping(item, path, indent + 2)
            yield f"{pad}- {first.lstrip()}"
            yield from others
        else:
            yield f"{pad}- {_scalar(item)}"


def _is_block(text: str) -> bool:
    """Whether it can be written as a literal block."""
    return "\n" in text and not text.startswith((" ", "\n")) and not text.endswith("\n\n") and "\t" not in text


def _scalar(value: Any) -> str:
    if isinstance(value, Expression):
        return value.text
    if not isinstance(value, str):
        return _escaped(json.dumps(value, ensure_ascii=False))
    text = _released(value)
    if text == value and _is_plain(value):
        return value
    return _released(json.dumps(value, ensure_ascii=False))


def _is_plain(text: str) -> bool:
    try:
        return bool(yaml.safe_load(f"- {text}") == [text] and yaml.safe_load(f"k: {text}") == {"k": text})
    except yaml.YAMLError:
        return False


_RELEASE_NAMESPACE = "{{ $.Release.Namespace }}"
_OF_RELEASE = (
    (re.compile(re.escape(IMAGE)), "{{ $.Values.image.repository }}:{{ $.Values.image.tag }}"),
    (re.compile(re.escape(EACH_NAMESPACE)), "{{ $namespace }}"),
    (re.compile(rf"\b{NAMESPACE}(?=/{NAMESPACE}-|/serving-cert)"), _RELEASE_NAMESPACE),
    (re.compile(rf"(?<=-server-service\.){NAMESPACE}\b"), _RELEASE_NAMESPACE),
)
"""Texts that name what is different from release to release."""


def _escaped(text: str) -> str:
    return text.replace("{{", "{{ `{{` }}")


def _released(text: str) -> str:
    text = _escaped(text)
    for pattern, expression in _OF_RELEASE:
        text = pattern.sub(lambda _, found=expression: found, text)  # type: ignore[misc]  # bound at once
    return text
