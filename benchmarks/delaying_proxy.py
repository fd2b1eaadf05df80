"""A TCP proxy that delays what a client sends, as the network before a managed cluster does.

    python -m benchmarks.delaying_proxy --to HOST:PORT --milliseconds 10

Prints the port that it listens on. Bytes come out in order, each chunk that much later than it came in; answers pass at once,
so one request takes that much longer and many at a time take no longer than one. TLS passes through.
"""

import argparse
import asyncio
import contextlib
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import uvloop

_CLOCK_SECONDS = 0.001
"""What uvloop's timers are off by."""


@contextlib.contextmanager
def delaying_proxy(host: str, port: int, milliseconds: float) -> Iterator[int]:
    """Run one as a process of its own; gives its port."""
    command = [sys.executable, "-m", __name__, "--to", f"{host}:{port}", "--milliseconds", str(milliseconds)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    try:
        assert child.stdout is not None
        yield int(child.stdout.readline())
    finally:
        child.terminate()
        child.wait(10)


class _End(asyncio.Protocol):
    """One end of a connection: what comes in here goes out at the other one, `seconds` later.

    Callbacks of transports rather than streams and tasks: the proxy shares the cores with what is measured through it.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._transport: asyncio.Transport | None = None
        self._other: _End | None = None

    def pair(self, other: "_End") -> None:
        self._other, other._other = other, self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class
        if self._other is None:
            self._transport.pause_reading()  # until there is another end

    def data_received(self, data: bytes) -> None:
        if not self._seconds:
            self._send(data)
            return
        self._waiting.append((self._loop.time() + self._seconds, data))
        if len(self._waiting) == 1:
            self._loop.call_later(self._seconds, self._send_due)

    def eof_received(self) -> None:
        """Both ends close once one of them does: nothing here half-closes a connection."""

    def connection_lost(self, error: Exception | None) -> None:
        other = self._other._transport if self._other is not None else None
        if other is not None:
            self._loop.call_later(self._seconds + _CLOCK_SECONDS if self._waiting else 0.0, other.close)

    def pause_writing(self) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.pause_reading()

    def resume_writing(self) -> None:
        if self._other is not None and self._other._transport is not None:
            self._other._transport.resume_reading()

    def _send_due(self) -> None:
        now = self._loop.time() + _CLOCK_SECONDS
        while self._waiting and self._waiting[0][0] <= now:
            self._send(self._waiting.popleft()[1])
        if self._waiting:
            self._loop.call_later(max(self._waiting[0][0] - self._loop.time(), 0.0), self._send_due)

    def _send(self, data: bytes) -> None:
        other = self._other._transport if self._other is not None else None
        if other is not None and not other.is_closing():
            other.write(data)


async def _serve(host: str, port: int, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    connecting: set[asyncio.Task[None]] = set()

    async def join(client: _End, transport: asyncio.Transport) -> None:
        try:
            await loop.create_connection(lambda: _server_end(client), host, port)
        except OSError:
            transport.close()
        else:
            transport.resume_reading()

    def _server_end(client: _End) -> _End:
        end = _End(0.0)
        end.pair(client)
        return end

    class Accepted(_End):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            task = loop.create_task(join(self, cast(asyncio.Transport, transport)))
            connecting.add(task)
            task.add_done_callback(connecting.discard)

    server = await loop.create_server(lambda: Accepted(seconds), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--milliseconds", type=float, required=True)
    options = parser.parse_args()
    host, _, port = options.to.rpartition(":")
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(host, int(port), options.milliseconds / 1000))


if __name__ == "__main__":
    _main()
