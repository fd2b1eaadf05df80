"""Subresources other than status: scale, a namespace's finalize, and a pod's binding, eviction and log."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from kservectl.clock import Clock, rfc3339
from kservectl.devcluster.contract import PatchType, ServedKind
from kservectl.devcluster.deletion import DeleteOptions, Deleter
from kservectl.devcluster.listing import Lister
from kservectl.devcluster.negotiation import decode_body, decode_patch
from kservectl.devcluster.refusals import bad_request, conflict, method_not_allowed, no_such_subresource
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.request import RequestInfo, User, integer, write_options
from kservectl.devcluster.responses import answer, answer_document
from kservectl.devcluster.scale import patched_scale, scale_of, scaled, shown_scale
from kservectl.devcluster.writing import Writer
from kservectl.objects.kind import NAMESPACE, POD, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object, ObjectKey

LogOf = Callable[[Object, str], str]
"""The log of a pod's container, for `kubectl logs`; the simulated workloads bring a better one."""


def no_log(pod: Object, container: str) -> str:
    """What a pod that runs nothing has to say."""
    about = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
    return f"devcluster: the containers of pod {about} are simulated; they write no log\n"


class Subresources:
    """Answers requests on subresources; each is reachable only where discovery shows it."""

    def __init__(
        self,
        registry: Registry,
        lister: Lister,
        writer: Writer,
        deleter: Deleter,
        *,
        clock: Clock,
        log_of: LogOf = no_log,
    ) -> None:
        self._registry = registry
        self._lister = lister
        self._writer = writer
        self._deleter = deleter
        self._clock = clock
        self.log_of = log_of

    async def serve(self, request: web.Request, info: RequestInfo, served: ServedKind, user: User) -> web.Response:
        """Answer one request; refusals are raised as ApiError."""
        key = ObjectKey(info.namespace, info.name)
        match served.kind, info.subresource, info.verb:
            case _, "scale", "get" | "update" | "patch" if served.scale is not None:
                return await self._scale(request, info, served, user, key)
            case kind, "finalize", "update" if kind == NAMESPACE:
                body = decode_body(request.content_type, await request.read())
                options = write_options(info, request.headers.get("User-Agent", ""), user)
                written = await self._writer.update(served, key, body, options, subresource="finalize")
                return answer(written.entry.encoded(served.kind, self._registry.convert))
            case kind, "log", "get" if kind == POD:
                return self._log(info, served, key)
            case kind, "binding", "create" if kind == POD:
                return await self._bind(request, info, served, user, key)
            case kind, "eviction", "create" if kind == POD:
                return await self._evict(request, served, user, key)
            case kind, "token", "create" if kind == SERVICE_ACCOUNT:
                return await self._token(request, served, key)
            case _ if _is_served(served, info.subresource):
                raise method_not_allowed()
            case _:
                raise no_such_subresource(served, info.name)

    async def _scale(
        self, request: web.Request, info: RequestInfo, served: ServedKind, user: User, key: ObjectKey
    ) -> web.Response:
        if info.verb == "get":
            entry = self._lister.get(served, key)
            return answer_document(shown_scale(served, entry.as_kind(served.kind, self._registry.convert)))
        patch_type: PatchType | None = None
        if info.verb == "patch":
            patch_type, body = decode_patch(request.content_type, await request.read(), strategic=True)
        else:
            body = decode_body(request.content_type, await request.read())

        def change(live: Object) -> Object:
            new = patched_scale(scale_of(served, live), body, patch_type) if patch_type else body
            return scaled(served, live, new)

        options = write_options(info, request.headers.get("User-Agent", ""), user)
        written = await self._writer.modify(served, key, change, options, subresource="scale")
        new = written.entry.as_kind(served.kind, self._registry.convert)
        return answer_document(scale_of(served, new), warnings=written.warnings)

    def _log(self, info: RequestInfo, served: ServedKind, key: ObjectKey) -> web.Response:
        pod = self._lister.get(served, key).object
        names = [container["name"] for container in pod["spec"].get("containers") or ()]
        names += [container["name"] for container in pod["spec"].get("initContainers") or ()]
        container = info.query.get("container", "")
        if container and container not in names:
            raise bad_request(f"container {container} is not valid for pod {key.name}")
        if not container and len(pod["spec"].get("containers") or ()) > 1:
            listed = " ".join(names)
            raise bad_request(f"a container name must be specified for pod {key.name}, choose one of: [{listed}]")
        container = container or names[0]
        if info.flag("previous"):
            about = f'previous terminated container "{container}" in pod "{key.name}"'
            raise bad_request(f"{about} not found")
        lines = self.log_of(pod, container).splitlines(keepends=True)
        wanted = integer(info, "tailLines", len(lines))
        return web.Response(text="".join(lines[max(len(lines) - wanted, 0) :]), content_type="text/plain")

    async def _bind(
        self, request: web.Request, info: RequestInfo, served: ServedKind, user: User, key: ObjectKey
    ) -> web.Response:
        body: Any = decode_body(request.content_type, await request.read())
        node = (body.get("target") or {}).get("name") if isinstance(body, dict) else None
        if not node:
            raise bad_request("Binding.target.name: Required value")

        def bound(live: Object) -> Object:
            if live["spec"].get("nodeName"):
                raise conflict(
                    POD, key.name, f'pod {key.name} is already assigned to node "{live["spec"]["nodeName"]}"'
                )
            scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": rfc3339(self._clock.now())}
            status = live.get("status") or {}
            others = [one for one in status.get("conditions") or () if one["type"] != "PodScheduled"]
            return {
                **live,
                "spec": {**live["spec"], "nodeName": node},
                "status": {**status, "conditions": [*others, scheduled]},
            }

        options = write_options(info, request.headers.get("User-Agent", ""), user)
        await self._writer.modify(served, key, bound, options, subresource="binding")
        return answer_document(_SUCCESS, status=201)

    async def _evict(self, request: web.Request, served: ServedKind, user: User, key: ObjectKey) -> web.Response:
        body: Any = decode_body(request.content_type, await request.read())
        wanted = (body.get("deleteOptions") or {}) if isinstance(body, dict) else {}
        await self._deleter.delete(served, key, DeleteOptions(grace=wanted.get("gracePeriodSeconds"), user=user))
        return answer_document(_SUCCESS, status=201)

    async def _token(self, request: web.Request, served: ServedKind, key: ObjectKey) -> web.Response:
        """A TokenRequest. The token is made up: the devcluster asks nobody for one."""
        entry = self._lister.get(served, key)
        body: Any = decode_body(request.content_type, await request.read())
        spec = (body.get("spec") or {}) if isinstance(body, dict) else {}
        seconds = int(spec.get("expirationSeconds") or 3600)
        until = rfc3339(self._clock.now() + timedelta(seconds=seconds))
        status = {"token": f"devcluster.{entry.object['metadata']['uid']}", "expirationTimestamp": until}
        answered = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"name": key.name, "namespace": key.namespace},
            "spec": {**spec, "expirationSeconds": seconds},
            "status": status,
        }
        return answer_document(answered, status=201)


_SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


_OF_A_KIND = {
    NAMESPACE: {"finalize"},
    POD: {"log", "binding", "eviction"},
    SERVICE_ACCOUNT: {"token"},
}


def _is_served(served: ServedKind, subresource: str) -> bool:
    """Whether the kind has the subresource at all, for whatever verb."""
    return subresource in _OF_A_KIND.get(served.kind, ()) or (subresource == "scale" and served.scale is not None)
