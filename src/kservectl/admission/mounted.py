"""Serving certificates that somebody else keeps in files, such as cert-manager through a mounted Secret.

The files are looked at every few seconds (a kubelet replaces them by moving a symbolic link, which no portable
notification reports) and read again when they changed. Files that are missing, half written or no pair are reported and
looked at again; what is shown stays shown.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog

from kservectl.admission.tls import ServingCertificate, UnusableCertificate
from kservectl.clock import Clock

_INTERVAL = 10.0

_Seen = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Found:
    seen: _Seen
    certificate: bytes
    key: bytes


class MountedCertificate:
    """Loads `tls.crt` and `tls.key` from `folder` into `certificate`, again whenever they change."""

    def __init__(self, folder: Path, certificate: ServingCertificate, *, clock: Clock) -> None:
        self._files = (folder / "tls.crt", folder / "tls.key")
        self._certificate = certificate
        self._clock = clock
        self._loaded: _Seen | None = None
        self._reported = ""
        self._log = structlog.get_logger(__name__)

    async def run(self) -> None:
        """Watch the files until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(_INTERVAL)

    async def look(self) -> None:
        """Look at the files once, and load them if they changed since they were last loaded."""
        try:
            found = await asyncio.to_thread(self._read)
            changed = found is not None and self._certificate.load(found.certificate, found.key)
        except (OSError, UnusableCertificate) as problem:
            self._report(str(problem))
            return
        if found is not None:
            self._loaded = found.seen
            self._reported = ""
        if changed:
            self._log.info(
                "webhook certificate loaded", file=str(self._files[0]), expires=str(self._certificate.expires)
            )

    def _read(self) -> _Found | None:
        seen = tuple(_identity(file) for file in self._files)
        if seen == self._loaded:
            return None
        return _Found(seen, *(file.read_bytes() for file in self._files))

    def _report(self, problem: str) -> None:
        if problem != self._reported:  # once, not every ten seconds
            self._log.error("webhook certificate cannot be used", file=str(self._files[0]), problem=problem)
            self._reported = problem


def _identity(file: Path) -> tuple[int, int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_ino, status.st_size
