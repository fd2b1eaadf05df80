"""What is asked once, at start."""

from typing import Any

import pytest

from kservectl.client.client import Client
from kservectl.client.server_version import server_version
from tests.client.scripted_server import ScriptedServer, answer, status


async def test_version_is_major_and_minor_as_the_server_says_them(server: ScriptedServer, client: Client) -> None:
    server.answer(answer({"major": "1", "minor": "31+", "gitVersion": "v1.31.4-eks"}))

    assert await server_version(client) == "1.31+"
    assert (server.asked[0].method, server.asked[0].path) == ("GET", "/version")


async def test_version_of_a_server_that_does_not_tell_is_unknown(server: ScriptedServer, client: Client) -> None:
    server.answer(status(403, "Forbidden"))

    assert await server_version(client) == ""


@pytest.mark.parametrize("body", [{}, {"major": "1"}, {"major": "", "minor": ""}, []])
async def test_answer_without_a_version_is_none(server: ScriptedServer, client: Client, body: Any) -> None:
    server.answer(answer(body))

    assert await server_version(client) == ""
