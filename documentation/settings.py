"""The keys of the ConfigMap `inferenceservice-config`: what each member is, its default, and what an "
"installation has."""

import inspect
import json
import re
import types
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic_core import PydanticUndefined

from documentation.tables import code, page, prose, table
from kservectl.api.config import Config
from kservectl.api.config_docs import CONFIG_DOCS, RESOURCE_DOCS
from kservectl.api.config_model import KeyModel
from kservectl.manifests.configuration import config_map


def keys() -> dict[str, type[KeyModel]]:
    """Each key of the ConfigMap with the model that reads it, in the order of `Config`."""
    found: dict[str, type[KeyModel]] = {}
    for name, member in vars(Config).items():
        if isinstance(member, cached_property):
            found[_camel(name)] = get_type_hints(member.func)["return"]
    return found


def pages() -> dict[str, str]:
    """Path below `docs/` → page."""
    installed = config_map()["data"]
    introduction = (
        "The ConfigMap `inferenceservice-config` in the manager's namespace has one JSON object for each key. "
        "Changes take effect at "
        "once, without a restart. A missing key, or `null`, means the defaults below. Names of members match in "
        "any case, and "
        "members that nobody knows are ignored (but in `securityPolicy`, where they are errors). A key that "
        "cannot be read is told "
        "by those who need it (`ConfigurationInvalid`), and stops nobody else."
    )
    sections = [_section(key, model, installed.get(key)) for key, model in keys().items()]
    return {"reference/configuration.md": page("Keys of the ConfigMap", introduction, *sections)}


def members(key: str) -> Iterator[tuple[str, str, str, str]]:
    """The members of a key and of the objects in it: path below the key, type, default, and what it is (empty "
    "if unsaid)."""
    for path, kind, default in _rows(keys()[key]):
        line = CONFIG_DOCS.get(f"{key}.{path}") or RESOURCE_DOCS.get(path.rsplit(".", 1)[-1], "")
        yield path, kind, default, line


def _section(key: str, model: type[KeyModel], installed: str | None) -> str:
    rows = [(code(path), prose(line), kind, default) for path, kind, default, line in members(key)]
    parts = [f"## {key}", _about(model), table(("Member", "What it is", "Type", "Default"), rows)]
    if installed is not None:
        parts.append(f"A new installation has:\n\n```json\n{json.dumps(json.loads(installed), indent=2)}\n```")
    return "\n\n".join(part.strip() for part in parts if part)


def _about(model: type[KeyModel]) -> str:
    """The first paragraph of the model's docstring, as a sentence about the key."""
    paragraph = (inspect.getdoc(model) or "").partition("\n\n")[0]
    text = re.sub(r"^Key `\w+`: ", "", prose(paragraph))
    return text[:1].upper() + text[1:]


def _rows(model: type[KeyModel], above: str = "") -> Iterator[tuple[str, str, str]]:
    """One row for each member; those of an object within, below it, by their path."""
    for name, field in model.model_fields.items():
        path = f"{above}{field.alias or name}"
        yield path, _type(field.annotation), _default(field.get_default(call_default_factory=True))
        if inner := _model(field.annotation):
            yield from _rows(inner, f"{path}{_step(field.annotation)}.")


def _step(annotation: Any) -> str:
    """How a path goes on below a member: `[]` for each item of a list, `.NAME` for each of a map."""
    origin = get_origin(annotation)
    return "[]" if origin is list else ".NAME" if origin is dict else ""


def _model(annotation: Any) -> type[KeyModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, KeyModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model(each)) is not None), None)


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(code(str(each) or '""') for each in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(each) for each in arguments if each is not type(None))
    if origin in (list, tuple):
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map to {_type(arguments[1])}"
    if origin is not None:
        return _type(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, KeyModel):
        return "object"
    return {str: "string", int: "integer", bool: "boolean", float: "number"}.get(annotation, "any")


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "*required*"
    if value in (None, "", [], {}, ()) or isinstance(value, KeyModel):
        return ""
    if isinstance(value, tuple):
        value = list(value)
    return code(json.dumps(value))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
