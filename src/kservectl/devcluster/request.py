"""What a request asks for, read from its method, path and query as kube-apiserver reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from kservectl.devcluster.contract import Cause, FieldValidation
from kservectl.devcluster.refusals import bad_request, invalid_option

Verb = str
"""get, list, watch, create, update, patch, delete, deletecollection; for paths that are no resource, the HTTP method."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request. `plural` is empty when the path names no resource (discovery, health, …)."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    verb: Verb = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    plural: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def writes(self) -> bool:
        return self.method in {"POST", "PUT", "PATCH", "DELETE"}

    def flag(self, parameter: str) -> bool:
        """A boolean parameter; `watch`, `watch=1` and `watch=true` all set it."""
        value = self.query.get(parameter)
        return value is not None and value.lower() not in {"false", "0"}


_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_OBJECT_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = {"status", "finalize"}


def parse_request(method: str, raw_path: str, query: Mapping[str, str]) -> RequestInfo:
    """Read a request; `raw_path` is still percent-encoded."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    path = "/" + "/".join(parts)
    plain = RequestInfo(method, path, query, method.lower())
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return plain
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        namespace, rest = rest[1], rest[2:]
    name = rest[1] if len(rest) > 1 else ""
    verb = (_OBJECT_VERBS if name else _COLLECTION_VERBS).get(method, method.lower())
    info = RequestInfo(method, path, query, verb, group, version, namespace, rest[0], name, "/".join(rest[2:]))
    if verb in {"list", "get"} and info.flag("watch") and not info.subresource:
        return RequestInfo(method, path, query, "watch", group, version, namespace, rest[0], name)
    return info


@dataclass(frozen=True, slots=True)
class User:
    """Who asks, as webhooks and reviews are told."""

    name: str = "kubernetes-admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")

    def to_json(self) -> dict[str, Any]:
        return {"username": self.name, "groups": list(self.groups)}


ADMIN = User()


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How to write: `manager` owns the fields; a dry run does everything but store."""

    manager: str
    dry_run: bool = False
    field_validation: FieldValidation = "Warn"
    force: bool = False
    user: User = ADMIN


_OPTIONS_KIND = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
_MANAGER_LIMIT = 128


def write_options(info: RequestInfo, user_agent: str, user: User, *, is_apply: bool = False) -> WriteOptions:
    """The options in the query of a create, update or patch."""
    kind = _OPTIONS_KIND.get(info.verb, "PatchOptions")
    manager = info.query.get("fieldManager", "")
    force = info.flag("force")
    dry_run = info.query.get("dryRun", "")
    validation = info.query.get("fieldValidation") or "Warn"
    causes: list[Cause] = []
    if len(manager) > _MANAGER_LIMIT:
        causes.append(Cause("FieldValueTooLong", "Too long: may not be more than 128 bytes", "fieldManager"))
    if is_apply and not manager:
        causes.append(Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager"))
    if force and not is_apply and info.verb == "patch":
        causes.append(Cause("FieldValueForbidden", "Forbidden: may not be specified for non-apply patch", "force"))
    causes.extend(_check_dry_run(dry_run))
    if validation not in {"Ignore", "Warn", "Strict"}:
        said = f'Unsupported value: "{validation}": supported values: "", "Ignore", "Strict", "Warn"'
        causes.append(Cause("FieldValueNotSupported", said, "fieldValidation"))
    if causes:
        raise invalid_option(kind, causes)
    checked: FieldValidation = "Ignore" if validation == "Ignore" else "Strict" if validation == "Strict" else "Warn"
    return WriteOptions(manager or _manager_of(user_agent), dry_run == "All", checked, force, user)


def dry_run_of(value: str, options_kind: str) -> bool:
    """Whether a request is a dry run; the one option that deletes have in their query, too."""
    if causes := _check_dry_run(value):
        raise invalid_option(options_kind, causes)
    return value == "All"


def _check_dry_run(value: str) -> list[Cause]:
    if value in {"", "All"}:
        return []
    said = f'Unsupported value: ["{value}"]: supported values: "All"'
    return [Cause("FieldValueNotSupported", said, "dryRun")]


def _manager_of(user_agent: str) -> str:
    """The field manager of a client that names none: its user agent up to the first slash."""
    return "".join(letter for letter in user_agent.split("/")[0] if letter.isprintable())[:_MANAGER_LIMIT] or "unknown"


def integer(info: RequestInfo, parameter: str, default: int) -> int:
    text = info.query.get(parameter, "")
    if not text:
        return default
    try:
        return int(text)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def resource_version(text: str, parameter: str = "resourceVersion") -> int:
    """A resourceVersion given by a client; 0 for none."""
    if not text:
        return 0
    if not text.isdigit():
        said = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise bad_request(f"invalid resource version: {parameter}: {said}")
    return int(text)
