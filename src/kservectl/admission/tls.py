"""The certificate that the webhook server shows, replaceable while it serves.

A replacement is seen by handshakes that start after it; open connections live on. A pair that does not fit together is
refused with UnusableCertificate and changes nothing. Nothing older than TLS 1.2 is spoken.
"""

import asyncio
import ssl
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509


class UnusableCertificate(Exception):
    """The certificate and key cannot serve: not PEM, or not a pair."""


class ServingCertificate:
    """An SSLContext for a server and the certificate in it."""

    def __init__(self) -> None:
        self.context = _server_context()
        self.loaded = asyncio.Event()
        """Set once there is a certificate: before that no handshake can succeed."""
        self.expires: datetime | None = None
        self._loaded_pair: tuple[bytes, bytes] | None = None

    @property
    def shown(self) -> bytes | None:
        """The PEM certificate that new handshakes see; None when there is none."""
        return self._loaded_pair[0] if self._loaded_pair else None

    def load(self, certificate: bytes, key: bytes) -> bool:
        """Show this PEM certificate (with its chain, if any) from now on; False if it is the one already shown."""
        if (certificate, key) == self._loaded_pair:
            return False
        try:
            expires = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
        except ValueError as problem:
            raise UnusableCertificate(f"the serving certificate is not PEM: {problem}") from problem
        # The live context has no way back: a trial tells whether the pair fits before it is touched.
        for context in (_server_context(), self.context):
            _load(context, certificate, key)
        self._loaded_pair = (certificate, key)
        self.expires = expires
        self.loaded.set()
        return True

    def seconds_left(self, now: datetime | None = None) -> float:
        """Until the certificate expires; 0 when there is none."""
        return (self.expires - (now or datetime.now(UTC))).total_seconds() if self.expires else 0.0


def _server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # The ssl module reads keys from files only; this one exists for the moment of reading, in a folder of our own.
    with tempfile.TemporaryDirectory(prefix="kservectl-tls-") as folder:
        chain_file, key_file = Path(folder, "tls.crt"), Path(folder, "tls.key")
        chain_file.write_bytes(certificate)
        key_file.touch(mode=0o600)
        key_file.write_bytes(key)
        try:
            # An encrypted key would otherwise be asked for on the terminal.
            context.load_cert_chain(chain_file, key_file, password="")
        except (ssl.SSLError, ValueError) as problem:
            raise UnusableCertificate(f"the serving certificate and its key do not fit: {problem}") from problem
