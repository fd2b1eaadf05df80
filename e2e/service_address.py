"""What a Service's address does for several replicas: one port, and behind it whichever of them can take a connection.

A real cluster's kube-proxy sends webhook calls to replicas that are ready. The suite's managers are plain processes, so a
forwarder stands in for it; it knows nothing of what passes through.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

_CHUNK = 65536


class ServiceAddress:
    """Forwards connections to the first of `backends()` (ports of the loopback) that accepts them, in a thread of its own."""

    def __init__(self, backends: Callable[[], Sequence[int]]) -> None:
        self.port = 0
        self._backends = backends
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._listening = threading.Event()
        self._stop = asyncio.Event()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def __enter__(self) -> "ServiceAddress":
        self._thread.start()
        assert self._listening.wait(5), "the forwarder does not listen"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._forward(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        await self._stop.wait()
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer):
            for port in self._backends():
                with contextlib.suppress(OSError):
                    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
                    with contextlib.closing(inner_writer), contextlib.suppress(OSError):
                        await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
                    return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
