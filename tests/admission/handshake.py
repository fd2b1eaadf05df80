"""A TLS handshake in memory: whether a client accepts what a server shows."""

import ssl
import tempfile
from pathlib import Path

from kservectl.admission.certificates import Pair


def load(context: ssl.SSLContext, pair: Pair) -> None:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(file.name)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, hostname: str) -> str | None:
    """The TLS version both agreed on; raises ssl.SSLError when the client refuses."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=hostname)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    done = {ours: False, theirs: False}
    for _ in range(10):
        for side in done:
            try:
                side.do_handshake()
                done[side] = True
            except ssl.SSLWantReadError:
                continue
        if all(done.values()):
            return ours.version()
    raise AssertionError("the handshake does not end")
