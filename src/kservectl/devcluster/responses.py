"""Stored entries as the bytes of an answer: one object, a list, a watch line; in the shape that was negotiated."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import yaml
from aiohttp import web

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.listing import Page
from kservectl.devcluster.negotiation import JSON, YAML, Form
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.storage import Entry
from kservectl.devcluster.tables import Tables
from kservectl.objects.metadata import Object


class Presenter:
    """Writes entries of any kind in any form."""

    def __init__(self, registry: Registry, tables: Tables) -> None:
        self._registry = registry
        self._tables = tables

    def one(self, served: ServedKind, entry: Entry, form: Form, *, include: str = "") -> bytes:
        """One object; `include` is the table's includeObject."""
        if form.shape == "table":
            return orjson.dumps(self._table(served, [entry], form, include, self._one_metadata(entry)))
        if form.shape == "partial":
            return orjson.dumps(_partial(entry.object, form))
        return entry.encoded(served.kind, self._registry.convert)

    def many(self, served: ServedKind, page: Page, form: Form, *, include: str = "") -> bytes:
        """A list."""
        if form.shape == "table":
            return orjson.dumps(self._table(served, page.entries, form, include, page.metadata()))
        if form.shape == "partial":
            items = [orjson.dumps(_partial(entry.object, form)) for entry in page.entries]
            return _list("PartialObjectMetadataList", f"meta.k8s.io/{form.version}", page.metadata(), items)
        kind, convert = served.kind, self._registry.convert
        if served.custom:
            items = [entry.encoded(kind, convert) for entry in page.entries]
            # Untyped lists write their token also where there is none.
            return _list(f"{kind.kind}List", kind.api_version, {"continue": "", **page.metadata()}, items)
        # Items of typed lists carry neither apiVersion nor kind; clients have to know that.
        identity = len(orjson.dumps({"apiVersion": kind.api_version, "kind": kind.kind}))
        items = [b"{" + entry.encoded(kind, convert)[identity:] for entry in page.entries]
        return _list(f"{kind.kind}List", kind.api_version, page.metadata(), items)

    def identity(self, served: ServedKind, form: Form) -> tuple[str, str]:
        """apiVersion and kind of one object in a form."""
        names = {"table": "Table", "partial": "PartialObjectMetadata"}
        if form.shape in names:
            return f"meta.k8s.io/{form.version}", names[form.shape]
        return served.kind.api_version, served.kind.kind

    def watch_encoder(self, served: ServedKind, form: Form, include: str) -> Callable[[Entry], bytes]:
        """Encodes entries for one watch; of tables only the first event names the columns."""
        if form.shape == "object":
            kind, convert = served.kind, self._registry.convert
            return lambda entry: entry.encoded(kind, convert)
        if form.shape == "partial":
            return lambda entry: orjson.dumps(_partial(entry.object, form))
        told = False

        def row(entry: Entry) -> bytes:
            nonlocal told
            table = self._table(served, [entry], form, include, self._one_metadata(entry))
            if told:
                table["columnDefinitions"] = None
            told = True
            return orjson.dumps(table)

        return row

    def _table(
        self, served: ServedKind, entries: Sequence[Entry], form: Form, include: str, metadata: Object
    ) -> Object:
        kind, convert = served.kind, self._registry.convert
        rows = []
        for entry in entries:
            obj = entry.as_kind(kind, convert)
            row: Object = {"cells": self._tables.cells(served, obj)}
            if include == "Object":
                row["object"] = obj
            elif include != "None":
                row["object"] = _partial(obj, form)
            rows.append(row)
        return {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": metadata,
            "columnDefinitions": self._tables.definitions(served),
            "rows": rows,
        }

    def _one_metadata(self, entry: Entry) -> Object:
        return {"resourceVersion": str(entry.revision)}


def _partial(obj: Object, form: Form) -> Object:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{form.version}",
        "metadata": obj["metadata"],
    }


def _list(kind: str, api_version: str, metadata: Object, items: Sequence[bytes]) -> bytes:
    head = orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata})
    return head[:-1] + b',"items":[' + b",".join(items) + b"]}"


def answer(body: bytes, *, form: Form | None = None, status: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    """An HTTP answer with a JSON body (or its YAML)."""
    content_type = JSON
    if form is not None and form.yaml:
        body = yaml.safe_dump(orjson.loads(body), sort_keys=False).encode()
        content_type = YAML
    response = web.Response(body=body, status=status, content_type=content_type)
    add_warnings(response, warnings)
    return response


def answer_document(document: Any, *, status: int = 200, warnings: Sequence[str] = ()) -> web.Response:
    return answer(orjson.dumps(document), status=status, warnings=warnings)


def add_warnings(response: web.StreamResponse, warnings: Sequence[str]) -> None:
    """The `Warning` headers (RFC 7234, code 299) that clients print."""
    for warning in dict.fromkeys(warnings):
        text = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("\n", " ")
        response.headers.add("Warning", f'299 - "{text}"')
