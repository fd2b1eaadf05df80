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
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 16


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


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def _pass_on_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(1024)

    async def read() -> None:
        while chunk := await reader.read(_CHUNK):
            await waiting.put((loop.time() + seconds, chunk))
        await waiting.put((loop.time() + seconds, b""))

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        while True:
            due, chunk = await waiting.get()
            await asyncio.sleep(due - loop.time())
            if not chunk:
                break
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def _serve(host: str, port: int, seconds: float) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection(host, port)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pass_on_later(reader, up_writer, seconds))
                group.create_task(_pass_on(up_reader, writer))
        except* OSError:
            writer.close()  # either end went away, which is how connections end

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--milliseconds", type=float, required=True)
    options = parser.parse_args()
    host, _, port = options.to.rpartition(":")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(host, int(port), options.milliseconds / 1000))


if __name__ == "__main__":
    _main()
