"""Which version of Kubernetes the API server is."""

import structlog

from kservectl.client.client import Client
from kservectl.client.errors import ClientError


async def server_version(client: Client) -> str:
    """`major.minor` as the server reports them (some clouds write `1.31+`); empty when it does not answer or say."""
    try:
        answer = await client.raw("GET", "/version")
    except ClientError as error:
        structlog.get_logger().warning("the API server's version is not known", error=str(error))
        return ""
    if not isinstance(answer, dict) or not answer.get("major") or not answer.get("minor"):
        return ""
    return f"{answer['major']}.{answer['minor']}"
