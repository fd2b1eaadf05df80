"""A model registry on loopback that answers as MLflow 3.17 does, misbehaves on demand, and remembers what it was asked."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_PREFIX = "/api/2.0/mlflow"


class Registry:
    """`versions` maps a name to places by version, `aliases` a name to versions by alias.

    `fault` is "" or: `hang`, `reset`, `flood`, `html`, `list`, `500`, `redirect`, `empty`.
    """

    def __init__(self) -> None:
        self.versions: dict[str, dict[str, str]] = {}
        self.aliases: dict[str, dict[str, str]] = {}
        self.pending: set[tuple[str, str]] = set()
        self.token = ""
        self.fault = ""
        self.asked: list[str] = []
        self.authorizations: list[str] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path.removeprefix(_PREFIX))
        self.authorizations.append(request.headers.get("Authorization", ""))
        if self.fault:
            return await self._misbehave(request)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="You are not authenticated.")
        name, version = request.query.get("name", ""), request.query.get("version", "")
        match request.path.removeprefix(_PREFIX):
            case "/registered-models/alias":
                alias = request.query.get("alias", "")
                found = self.aliases.get(name, {}).get(alias)
                if found is None:
                    return _error(400, "INVALID_PARAMETER_VALUE", f"Registered model alias {alias} not found.")
                return web.json_response({"model_version": self._version(name, found)})
            case "/model-versions/get":
                if version not in self.versions.get(name, {}):
                    told = f"Model Version (name={name}, version={version}) not found"
                    return _error(404, "RESOURCE_DOES_NOT_EXIST", told)
                return web.json_response({"model_version": self._version(name, version)})
            case "/model-versions/get-download-uri":
                return web.json_response({"artifact_uri": self.versions[name][version]})
        return web.Response(status=404, text="<html>")

    def _version(self, name: str, version: str) -> dict[str, str]:
        status = "PENDING_REGISTRATION" if (name, version) in self.pending else "READY"
        return {"name": name, "version": version, "run_id": f"run-{version}", "status": status, "source": "elsewhere"}

    async def _misbehave(self, request: web.Request) -> web.StreamResponse:
        match self.fault:
            case "hang":
                await asyncio.Event().wait()
            case "reset":
                assert request.transport is not None
                request.transport.abort()
            case "flood":
                response = web.StreamResponse()
                await response.prepare(request)
                while True:
                    await response.write(b"x" * (1 << 16))
            case "html":
                return web.Response(text="<html>log in</html>", content_type="text/html")
            case "list":
                return web.json_response([])
            case "empty":
                return web.json_response({})
            case "redirect":
                return web.Response(status=302, headers={"Location": f"{self.url}/elsewhere"})
        return _error(500, "INTERNAL_ERROR", "the database is gone")


def _error(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status)


@asynccontextmanager
async def serving_registry(tls: ssl.SSLContext | None = None) -> AsyncIterator[Registry]:
    registry = Registry()
    app = web.Application()
    app.router.add_get("/{path:.*}", registry.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    registry.url = f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield registry
    finally:
        await runner.cleanup()
