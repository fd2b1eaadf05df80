"""Whether this pod is part of an Istio mesh, whose side car adds TLS itself and therefore has to be given plain HTTP.

Asked when it first matters, because side cars start late, and once: pods do not change sides.
"""

import asyncio

import aiohttp
import structlog

_ADMIN = "http://localhost:15000"
_SECONDS = 3.0


class Mesh:
    """`admin` is where the side car's administration answers."""

    def __init__(self, admin: str = _ADMIN) -> None:
        self._admin = admin
        self._known: bool | None = None
        self._asking = asyncio.Lock()

    async def has_side_car(self, session: aiohttp.ClientSession) -> bool:
        """Whether there is one; never raises."""
        async with self._asking:
            if self._known is None:
                self._known = await self._ask(session)
                structlog.get_logger().info("looked for an Istio side car", found=self._known)
        return self._known

    async def _ask(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self._admin, timeout=aiohttp.ClientTimeout(total=_SECONDS)) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
