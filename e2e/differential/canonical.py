"""What an answer says, without what is one server's own: uids, versions, times, addresses, tokens.

Each is replaced by a name in the order of first appearance, so that "the same uid as before", or "a version that did not move
on", still shows.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_ADDRESS = re.compile(r"\b10\.\d+\.\d+\.\d+\b")
_NUMBER = re.compile(r"\b\d+\b")
_GENERATED = re.compile(r"\b(made-)[a-z0-9]{5}\b")
_TOKEN_VOLUME = re.compile(r"\bkube-api-access-[a-z0-9]{5}\b")
_OF_THE_CLUSTER = frozenset({"kube-root-ca.crt"})
# The whole patched object, in an order of its own.
_BLAMED_PATCH = re.compile(r'^Invalid value: ".*": ')
# What follows is worded by the Go types of structured-merge-diff.
_UNTYPED = re.compile(r"^(failed to create typed patch object \([^)]*\): ).*", re.DOTALL)
_REGISTRY_KEY = re.compile(r"Key: /registry/\S+,")
_RANDOM_PORTS = range(30000, 32768)


class Canonical:
    """The names given for one server. Not shared between servers: each counts for itself."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, value: Any) -> Any:
        """`value`, decoded JSON, with names in place of what is the server's own."""
        if isinstance(value, Mapping):
            value = _in_any_order(value)
            return {key: self._field(key, inner, value) for key, inner in sorted(value.items()) if key != "time"}
        if isinstance(value, list):
            return [self(each) for each in value if not is_of_the_cluster(each)]
        return self._text(value) if isinstance(value, str) else value

    def _field(self, key: str, value: Any, around: Mapping[str, Any]) -> Any:
        if key == "resourceVersion" and isinstance(value, str) and value:
            # A list's version moves with whatever else goes on in a cluster.
            return "VERSION" if "name" not in around else self._name("version", value)
        if key == "continue" and value:
            return "TOKEN"
        if key == "items" and value is None:
            return []  # which of the two the server writes depends on how it came to find nothing
        if key == "message" and around.get("field") == "patch":
            return self(_BLAMED_PATCH.sub("PATCHED: ", str(value)))
        if key == "nodePort" and value in _RANDOM_PORTS:
            return self._name("port", str(value))
        return self(value)

    def _text(self, text: str) -> str:
        text = _REGISTRY_KEY.sub("Key: KEY,", _UNTYPED.sub(r"\1", text))
        text = _UUID.sub(lambda found: self._name("uid", found[0]), text)
        text = _MOMENT.sub("MOMENT", text)
        text = _ADDRESS.sub(lambda found: self._name("address", found[0]), text)
        text = _TOKEN_VOLUME.sub("kube-api-access-RANDOM", text)
        text = _GENERATED.sub(r"\1RANDOM", text)
        return _NUMBER.sub(lambda found: self._names.get(f"version {found[0]}", found[0]), text)

    def _name(self, what: str, value: str) -> str:
        return self._names.setdefault(
            f"{what} {value}", f"{what.upper()}-{1 + sum(1 for each in self._names if each.startswith(f'{what} '))}"
        )


def _in_any_order(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A Status with its causes sorted and each told once, and without the message that repeats them.

    The server tells some twice; no client relies on that, nor on their order.
    """
    causes = (value.get("details") or {}).get("causes") if value.get("kind") == "Status" else None
    if not causes:
        return value
    distinct = {json.dumps(cause, sort_keys=True) for cause in causes}
    details = {**value["details"], "causes": [json.loads(cause) for cause in sorted(distinct)]}
    return {**value, "details": details, "message": ""}


def is_of_the_cluster(item: Any) -> bool:
    """Whether it is what a cluster puts into every namespace, at a moment of its own choosing."""
    metadata = item.get("metadata") if isinstance(item, Mapping) else None
    return isinstance(metadata, Mapping) and metadata.get("name") in _OF_THE_CLUSTER
