"""An answer on its way to the caller while it comes in."""

from aiohttp import web


class ResponseRelay:
    """A Relay into the response to `request`."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self.response: web.StreamResponse | None = None
        """The response, once it has begun."""

    @property
    def begun(self) -> bool:
        return self.response is not None

    async def begin(self, status: int, content_type: str) -> None:
        response = web.StreamResponse(status=status, headers={"Content-Type": content_type})
        self.response = response
        await response.prepare(self._request)

    async def write(self, chunk: bytes) -> None:
        assert self.response is not None, "begin comes first"
        await self.response.write(chunk)

    def abort(self) -> None:
        """Break the connection off, so that nobody takes what was sent for the whole."""
        if self._request.transport is not None:
            self._request.transport.abort()
