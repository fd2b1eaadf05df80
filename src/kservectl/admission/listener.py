"""Where the webhook server lets connections in.

A connection reaches aiohttp once its TLS handshake is done, which may be after the server has ended: aiohttp's own sites give
such a one a task that answers it, and that nobody owns. Here it is closed.
"""

import asyncio
import ssl
from typing import cast

from aiohttp import web

_BACKLOG = 128


class Listener:
    """Accepts TLS connections for `runner`, which has been set up."""

    def __init__(self, runner: web.AppRunner, context: ssl.SSLContext) -> None:
        self._runner = runner
        self._context = context
        self._sockets: asyncio.Server | None = None

    async def start(self, host: str | None, port: int) -> int:
        """Listen there, on all interfaces without a host; return the port. Raises OSError when that is not possible."""
        loop = asyncio.get_running_loop()
        self._sockets = await loop.create_server(
            lambda: _Door(self._runner), host, port, ssl=self._context, backlog=_BACKLOG
        )
        return int(self._sockets.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Accept no more; connections that are there go on until the runner is cleaned up."""
        if self._sockets is not None:
            self._sockets.close()


class _Door(asyncio.Protocol):
    """Hands a connection over to the runner's server, while there is one."""

    def __init__(self, runner: web.AppRunner) -> None:
        self._runner = runner

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection, server = cast(asyncio.Transport, transport), self._runner.server
        if server is None:
            connection.abort()
            return
        handler = server()
        connection.set_protocol(handler)
        handler.connection_made(connection)
