"""The model server's side: loading and unloading by the V2 repository interface."""

import aiohttp
from yarl import URL

from kservectl.clock import Clock

_ASK_SECONDS = 5.0


class RepositoryError(Exception):
    """The server did not do it; the text says why. `status` is what it answered, 0 if nothing."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class ServerUnreachable(RepositoryError):
    """There is no server (yet)."""


class ModelRepository:
    """The models of the server at `base`, a URL. A load may take `load_seconds`."""

    def __init__(self, session: aiohttp.ClientSession, base: str, clock: Clock, *, load_seconds: float = 600.0) -> None:
        self._session = session
        self._base = URL(base)
        self._clock = clock
        self._load_seconds = load_seconds

    async def load(self, name: str) -> None:
        """Have the server load `name` from its folder; raises RepositoryError."""
        await self._post(name, "load")

    async def unload(self, name: str) -> None:
        """Have the server forget `name`; raises RepositoryError, also when it does not know it."""
        await self._post(name, "unload")

    async def is_loaded(self, name: str) -> bool:
        """Whether the server says that `name` is ready; no when it cannot be asked."""
        try:
            async with (
                self._clock.timeout(_ASK_SECONDS),
                self._session.get(self._base / "v2/models" / name / "ready") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _post(self, name: str, what: str) -> None:
        url = self._base / "v2/repository/models" / name / what
        try:
            async with self._clock.timeout(self._load_seconds), self._session.post(url, json={}) as answer:
                if answer.status != 200:
                    text = (await answer.content.read(400)).decode(errors="replace").strip()
                    why = f"the server answered {answer.status} to {what}: {text or answer.reason}"
                    raise RepositoryError(why, answer.status)
        except TimeoutError as error:
            raise RepositoryError(f"the server did not {what} within {self._load_seconds:g} s") from error
        except aiohttp.ClientConnectorError as error:
            raise ServerUnreachable(f"no server listens at {self._base}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise RepositoryError(f"{what} broke off: {error or type(error).__name__}") from error
