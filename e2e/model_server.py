"""An HTTP server of models that counts what it serves. Contents follow from names, so that anybody can check them."""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_RANGE = re.compile(r"bytes=(\d+)-")
_PIECE = 64 << 10


@dataclass
class ModelServer:
    """Serves `/NAME` for every name, `size` bytes of it, at `rate` bytes a second on each connection, with Range and ETag."""

    size: int
    rate: float
    url: str = ""
    served: dict[str, int] = field(default_factory=dict)
    """Bytes that were handed to the network, by name."""
    requests: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def content(self, name: str) -> bytes:
        return _content(name, self.size)

    def count(self, name: str, *, sent: int = 0, requests: int = 0) -> None:
        with self._lock:
            self.served[name] = self.served.get(name, 0) + sent
            self.requests[name] = self.requests.get(name, 0) + requests


@contextmanager
def serving_models(size: int, rate: float) -> Iterator[ModelServer]:
    """A server on the loopback, until the block ends."""
    models = ModelServer(size, rate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _answer(self, models)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        models.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield models
        finally:
            server.shutdown()


def _answer(request: BaseHTTPRequestHandler, models: ModelServer) -> None:
    name = request.path.lstrip("/")
    content = models.content(name)
    etag = f'"{hashlib.sha256(content[:64]).hexdigest()[:16]}"'
    models.count(name, requests=1)
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    start = int(asked[1]) if asked and request.headers.get("If-Range") == etag else 0
    request.send_response(206 if start else 200)
    request.send_header("ETag", etag)
    request.send_header("Content-Type", "application/octet-stream")
    request.send_header("Content-Length", str(len(content) - start))
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.end_headers()
    try:
        for position in range(start, len(content), _PIECE):
            piece = content[position : position + _PIECE]
            request.wfile.write(piece)
            models.count(name, sent=len(piece))
            time.sleep(len(piece) / models.rate)
    except OSError:
        request.close_connection = True  # whoever asked is gone


@lru_cache(maxsize=8)
def _content(name: str, size: int) -> bytes:
    found = bytearray()
    counter = 0
    block = hashlib.shake_256(name.encode()).digest(1 << 16)
    while len(found) < size:
        found += counter.to_bytes(8) + block
        counter += 1
    return bytes(found[:size])
