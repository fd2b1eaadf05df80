"""Who asks: an identity that stays current.

Credentials are a live thing: they are read again each minute, because tokens are replaced on disk while the process runs, and
at once when the server refuses them. No credential is ever part of a message.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import structlog

from kservectl.client.errors import InvalidConfiguration
from kservectl.client.kubeconfig import Entry
from kservectl.clock import Clock

REFRESH_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """What is shown to the server: an Authorization header, a client certificate (files in PEM form), or nothing."""

    authorization: str = ""
    cert_file: str = ""
    key_file: str = ""


class Credentials(Protocol):
    """The identity to use now."""

    async def identity(self) -> Identity:
        """The identity, brought up to date when it is a minute old. A failed renewal keeps the old one."""
        ...

    async def reload(self) -> None:
        """Read everything again: the server refused the present identity. Raises InvalidConfiguration."""
        ...


class FixedCredentials:
    """An identity that never changes; without arguments, an anonymous one."""

    def __init__(self, identity: Identity | None = None) -> None:
        self._identity = identity or Identity()

    async def identity(self) -> Identity:
        return self._identity

    async def reload(self) -> None:
        """There is nothing to read again."""


class FileCredentials:
    """An identity in files that somebody replaces from time to time; `read` reads it, and raises InvalidConfiguration."""

    def __init__(self, read: Callable[[], Identity], *, clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._identity = Identity()
        self._read_at = float("-inf")
        self._log = structlog.get_logger()

    async def identity(self) -> Identity:
        now = self._clock.monotonic()
        if now - self._read_at >= REFRESH_SECONDS:
            # Requests beside this one go on with the old identity, and a failure is not repeated at once.
            self._read_at = now
            try:
                await self.reload()
            except InvalidConfiguration as error:
                self._log.warning("credentials not renewed, the old ones stay in use", error=str(error))
        return self._identity

    async def reload(self) -> None:
        self._identity = await asyncio.to_thread(self._read)
        self._read_at = self._clock.monotonic()


class TokenFile(FileCredentials):
    """A bearer token in a file."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        super().__init__(lambda: Identity(authorization=f"Bearer {_token(path)}"), clock=clock)


def is_plain(user: Entry) -> bool:
    """Whether `identity_of` can tell who this user of a kubeconfig is; others have plugins or providers."""
    return "exec" not in user.values and "auth-provider" not in user.values


def identity_of(user: Entry) -> Identity:
    """A user with a token, a password, a client certificate, or nothing. Reads files; raises InvalidConfiguration."""
    authorization = ""
    if token_file := user.text("tokenFile"):
        authorization = f"Bearer {_token(user.folder / token_file)}"
    elif token := user.text("token").strip():
        authorization = f"Bearer {token}"
    elif name := user.text("username"):
        secret = f"{name}:{user.text('password')}".encode()
        authorization = f"Basic {base64.b64encode(secret).decode('ascii')}"
    return Identity(authorization, user.path("client-certificate"), user.path("client-key"))


def _token(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except OSError as error:
        raise InvalidConfiguration(f"the token file {path} cannot be read: {error}") from error
    if not token:
        raise InvalidConfiguration(f"the token file {path} is empty")
    return token
