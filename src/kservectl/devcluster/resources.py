"""The verbs of the API on stored kinds: from a parsed request to an HTTP answer."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.deletion import Deleted, DeleteOptions, Deleter, delete_options, returns_object
from kservectl.devcluster.listing import Lister
from kservectl.devcluster.negotiation import Form, decode_body, decode_patch, negotiate
from kservectl.devcluster.refusals import method_not_allowed, no_such_subresource
from kservectl.devcluster.request import RequestInfo, User, dry_run_of, write_options
from kservectl.devcluster.responses import Presenter, answer, answer_document
from kservectl.devcluster.storage import Entry
from kservectl.devcluster.subresources import Subresources
from kservectl.devcluster.writing import Writer, Written
from kservectl.objects.metadata import Object, ObjectKey


class Resources:
    """Answers every request on a stored kind but watches."""

    def __init__(
        self,
        lister: Lister,
        writer: Writer,
        deleter: Deleter,
        presenter: Presenter,
        subresources: Subresources,
    ) -> None:
        self._lister = lister
        self._writer = writer
        self._deleter = deleter
        self._presenter = presenter
        self._subresources = subresources

    async def serve(self, request: web.Request, info: RequestInfo, served: ServedKind, user: User) -> web.Response:
        """Answer one request; refusals are raised as ApiError."""
        form = negotiate(request.headers.get("Accept", ""))
        if info.subresource and info.subresource != "status":
            return await self._subresources.serve(request, info, served, user)
        _check_scope(info, served)
        key = ObjectKey(info.namespace, info.name)
        match info.verb:
            case "get":
                return self._answer(served, self._lister.get(served, key), form, info)
            case "list":
                page = self._lister.list(served, info)
                return answer(
                    self._presenter.many(served, page, form, include=info.query.get("includeObject", "")), form=form
                )
            case "create" if not info.name:
                return await self._create(request, info, served, user, form)
            case "update":
                body = decode_body(request.content_type, await request.read())
                options = write_options(info, request.headers.get("User-Agent", ""), user)
                written = await self._writer.update(served, key, body, options, subresource=info.subresource)
                return self._written(served, written, form, info)
            case "patch":
                return await self._patch(request, info, served, user, form)
            case "delete":
                how = await self._delete_options(request, info, user)
                return self._deleted(served, await self._deleter.delete(served, key, how), form, info)
            case "deletecollection":
                return await self._delete_collection(request, info, served, user, form)
            case _:
                raise method_not_allowed()

    async def _create(
        self, request: web.Request, info: RequestInfo, served: ServedKind, user: User, form: Form
    ) -> web.Response:
        body = decode_body(request.content_type, await request.read())
        options = write_options(info, request.headers.get("User-Agent", ""), user)
        written = await self._writer.create(served, info.namespace, body, options)
        return self._written(served, written, form, info)

    async def _patch(
        self, request: web.Request, info: RequestInfo, served: ServedKind, user: User, form: Form
    ) -> web.Response:
        patch_type, body = decode_patch(request.content_type, await request.read(), strategic=not served.custom)
        agent = request.headers.get("User-Agent", "")
        options = write_options(info, agent, user, is_apply=patch_type == "apply")
        key = ObjectKey(info.namespace, info.name)
        written = await self._writer.patch(served, key, body, patch_type, options, subresource=info.subresource)
        return self._written(served, written, form, info)

    async def _delete_options(self, request: web.Request, info: RequestInfo, user: User) -> DeleteOptions:
        raw = await request.read()
        body: Any = decode_body(request.content_type, raw) if raw else {}
        dry_run = dry_run_of(info.query.get("dryRun", ""), "DeleteOptions")
        return delete_options(body if isinstance(body, Mapping) else {}, info.query, dry_run=dry_run, user=user)

    async def _delete_collection(
        self, request: web.Request, info: RequestInfo, served: ServedKind, user: User, form: Form
    ) -> web.Response:
        options = await self._delete_options(request, info, user)
        page = self._lister.list(served, info)
        for entry in page.entries:
            if self._writer.entry(served, entry.key) is not None:
                await self._deleter.delete(served, entry.key, options)
        return answer(self._presenter.many(served, page, form), form=form)

    def _answer(self, served: ServedKind, entry: Entry, form: Form, info: RequestInfo) -> web.Response:
        include = info.query.get("includeObject", "")
        return answer(self._presenter.one(served, entry, form, include=include), form=form)

    def _written(self, served: ServedKind, written: Written, form: Form, info: RequestInfo) -> web.Response:
        body = self._presenter.one(served, written.entry, form, include=info.query.get("includeObject", ""))
        return answer(body, form=form, status=201 if written.created else 200, warnings=written.warnings)

    def _deleted(self, served: ServedKind, deleted: Deleted, form: Form, info: RequestInfo) -> web.Response:
        if deleted.gone and not returns_object(served):
            return answer_document(_success(served, deleted.entry), warnings=deleted.warnings)
        body = self._presenter.one(served, deleted.entry, form, include=info.query.get("includeObject", ""))
        return answer(body, form=form, warnings=deleted.warnings)


def _check_scope(info: RequestInfo, served: ServedKind) -> None:
    """Verbs on one object or a new one need the scope of their kind in the path."""
    namespaced = bool(info.namespace)
    if namespaced and not served.kind.namespaced:
        raise web.HTTPNotFound(text="404 page not found\n")
    if served.kind.namespaced and not namespaced:
        if info.name:
            raise web.HTTPNotFound(text="404 page not found\n")
        if info.verb in {"create", "deletecollection"}:
            raise method_not_allowed()
    if info.subresource == "status" and not served.status:
        raise no_such_subresource(served, info.name)


def _success(served: ServedKind, entry: Entry) -> Object:
    kind = served.kind
    details = {"name": entry.key.name, "group": kind.group, "kind": kind.plural, "uid": entry.object["metadata"]["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
