"""Get and list: selectors, resourceVersion rules, and pages that together show one moment.

A continue token names the revision of its first page; later pages are read from the history at that revision, or answered
with 410 when it is gone.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from kservectl.devcluster.contract import Cause, ServedKind
from kservectl.devcluster.refusals import (
    bad_request,
    expired,
    invalid_option,
    not_found,
    too_large_version,
)
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.request import RequestInfo, integer, resource_version
from kservectl.devcluster.selectors import Selector, parse_selector
from kservectl.devcluster.storage import Collection, Entry, Store, TooOld
from kservectl.objects.metadata import ObjectKey

_CONTINUE_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You must start a new list without the "
    "continue parameter."
)
_MATCHES = ("Exact", "NotOlderThan")


@dataclass(frozen=True, slots=True)
class Page:
    """A list's entries and what goes into its metadata."""

    entries: Sequence[Entry]
    revision: int
    continue_: str = ""
    remaining: int | None = None

    def metadata(self) -> dict[str, object]:
        shown: dict[str, object] = {"resourceVersion": str(self.revision)}
        if self.continue_:
            shown["continue"] = self.continue_
        if self.remaining:
            shown["remainingItemCount"] = self.remaining
        return shown


class Lister:
    """Reads entries; never writes."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry

    def get(self, served: ServedKind, key: ObjectKey) -> Entry:
        entry = self._store.collection(resource_of(served.kind)).get(key)
        if entry is None:
            raise not_found(served.kind, key.name)
        return entry

    def list(self, served: ServedKind, info: RequestInfo) -> Page:
        """The page that a list request asks for."""
        limit = integer(info, "limit", 0)
        selector = self.selector(served, info)
        token = info.query.get("continue", "")
        collection = self._store.collection(resource_of(served.kind))
        if token:
            if info.query.get("resourceVersion", "") not in {"", "0"}:
                raise bad_request("specifying resource version is not allowed when using continue")
            revision, start = _decode_token(token)
            found = self._at(collection, revision, _CONTINUE_EXPIRED)
            found = [entry for entry in found if entry.key > start]
        else:
            revision, found = self._begin(collection, info, selector, limit)
        matching = self._matching(served, found, info.namespace, selector)
        return _page(matching, revision, limit, count_rest=selector.empty)

    def selector(self, served: ServedKind, info: RequestInfo) -> Selector:
        """Both selectors of a request, and the name in its path (a watch of one object)."""
        fields = info.query.get("fieldSelector", "")
        if info.name:
            fields = f"metadata.name={info.name}" + (f",{fields}" if fields else "")
        return parse_selector(served, info.query.get("labelSelector", ""), fields)

    def matching(self, served: ServedKind, namespace: str, selector: Selector) -> Sequence[Entry]:
        """The current entries that match, in key order."""
        collection = self._store.collection(resource_of(served.kind))
        return self._matching(served, self._current(collection, namespace, selector), namespace, selector)

    def _begin(
        self, collection: Collection, info: RequestInfo, selector: Selector, limit: int
    ) -> tuple[int, Iterable[Entry]]:
        version = resource_version(info.query.get("resourceVersion", ""))
        match = _version_match(info)
        if version > self._store.revision:
            raise too_large_version(version, self._store.revision)
        if version and (match == "Exact" or (not match and limit)):
            return version, self._at(collection, version, "The resourceVersion for the provided list is too old.")
        return self._store.revision, self._current(collection, info.namespace, selector)

    def _current(self, collection: Collection, namespace: str, selector: Selector) -> Iterable[Entry]:
        if namespace and selector.only_name:
            entry = collection.get(ObjectKey(namespace, selector.only_name))
            return [entry] if entry else []
        return collection.entries(namespace)

    def _at(self, collection: Collection, revision: int, when_gone: str) -> Iterable[Entry]:
        try:
            return collection.entries_at(revision)
        except TooOld as error:
            raise expired(when_gone) from error

    def _matching(
        self, served: ServedKind, entries: Iterable[Entry], namespace: str, selector: Selector
    ) -> Sequence[Entry]:
        chosen = [entry for entry in entries if not namespace or entry.key.namespace == namespace]
        if selector.empty:
            return chosen
        kind, convert = served.kind, self._registry.convert
        return [entry for entry in chosen if selector.matches(entry.as_kind(kind, convert))]


def _version_match(info: RequestInfo) -> str:
    match = info.query.get("resourceVersionMatch", "")
    field = "resourceVersionMatch"
    if match and not info.query.get("resourceVersion"):
        said = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise invalid_option("ListOptions", [Cause("FieldValueForbidden", said, field)])
    if match and match not in _MATCHES:
        said = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        raise invalid_option("ListOptions", [Cause("FieldValueNotSupported", said, field)])
    if match == "Exact" and info.query["resourceVersion"] == "0":
        said = 'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        raise invalid_option("ListOptions", [Cause("FieldValueForbidden", said, field)])
    return match


def _page(entries: Sequence[Entry], revision: int, limit: int, *, count_rest: bool) -> Page:
    if limit <= 0 or len(entries) <= limit:
        return Page(entries, revision)
    shown = entries[:limit]
    rest = len(entries) - limit if count_rest else None
    return Page(shown, revision, _encode_token(revision, shown[-1].key), rest)


def _encode_token(revision: int, last: ObjectKey) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": revision, "start": [last.namespace, last.name]}
    return base64.urlsafe_b64encode(orjson.dumps(token)).decode().rstrip("=")


def _decode_token(token: str) -> tuple[int, ObjectKey]:
    try:
        read = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, name = read["start"]
        return int(read["rv"]), ObjectKey(str(namespace), str(name))
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise bad_request(f"continue key is not valid: {error}") from error
