"""The forwarder that stands in for a Service's address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from e2e.process import free_port
from e2e.service_address import ServiceAddress


@asynccontextmanager
async def backend(name: str) -> AsyncIterator[int]:
    """Answers a line with its own name and the line."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{name}: ".encode() + await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"hello\n")
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_first_backend_that_listens_answers() -> None:
    async with backend("one") as one, backend("two") as two:
        with ServiceAddress(lambda: [free_port(), one, two]) as address:
            assert await ask(address.port) == b"one: hello\n"


async def test_backends_are_looked_up_for_each_connection() -> None:
    async with backend("one") as one, backend("two") as two:
        backends = [one]
        with ServiceAddress(lambda: backends) as address:
            assert await ask(address.port) == b"one: hello\n"
            backends[:] = [two]
            assert await ask(address.port) == b"two: hello\n"
