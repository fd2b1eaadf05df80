"""Placeholders in the containers of a serving runtime, filled from the InferenceService's metadata.

`{{.Name}}`, `{{.Namespace}}`, `{{.Labels.key}}`, `{{.Annotations.key}}` and `{{index .Labels "any/key"}}` are replaced by
plain text, a missing key by nothing. Every other text between braces stays as it is, so that a chat template may be an
argument.
"""

import re
from collections.abc import Callable
from typing import Any

from kservectl.objects.metadata import Object

_PLACEHOLDER = re.compile(
    r"""\{\{-?\s*(?:
        \.(?P<field>Name|Namespace)
      | \.(?P<map>Labels|Annotations)\.(?P<key>[A-Za-z_]\w*)
      | index\s+\.(?P<indexed>Labels|Annotations)\s+"(?P<text>[^"\\]*)"
    )\s*-?\}\}""",
    re.VERBOSE,
)


def fill(value: Any, meta: Object) -> Any:
    """`value` (any JSON) with the placeholders in its texts, map keys excepted, replaced from `meta`, a metadata map."""
    return _walk(value, lambda match: _text(match, meta))


def _walk(value: Any, replacement: Callable[[re.Match[str]], str]) -> Any:
    if isinstance(value, str):
        return _PLACEHOLDER.sub(replacement, value) if "{{" in value else value
    if isinstance(value, list):
        return [_walk(item, replacement) for item in value]
    if isinstance(value, dict):
        return {name: _walk(item, replacement) for name, item in value.items()}
    return value


def _text(match: re.Match[str], meta: Object) -> str:
    if match["field"]:
        return str(meta.get(match["field"].lower()) or "")
    source = (match["map"] or match["indexed"]).lower()
    key = match["key"] if match["map"] else match["text"]
    return str((meta.get(source) or {}).get(key, ""))
