"""Model servers of KServe's SDK, and routers in front of them, as processes."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.process import Process, free_port

__all__ = ["Graph", "answers", "model_server", "router"]

Graph = Mapping[str, Mapping[str, Any]]
"""The nodes of an InferenceGraph by name."""

_SERVER = Path(__file__).with_name("sdk_server.py")
_START_SECONDS = 60


@contextmanager
def model_server(python: Path, name: str, folder: Path) -> Iterator[str]:
    """The URL at which the model `name` predicts, on a server of its own; `python` has the SDK."""
    port = free_port()
    process = Process((str(port), name), folder / f"{name}.log", program=(str(python), str(_SERVER)))
    with _running(process, f"http://127.0.0.1:{port}/v1/models/{name}"):
        yield f"http://127.0.0.1:{port}/v1/models/{name}:predict"


@contextmanager
def router(nodes: Graph, folder: Path, options: Sequence[str] = ()) -> Iterator[str]:
    """The URL of a router that runs this graph."""
    port = free_port()
    arguments = ["router", "--graph-json", json.dumps({"nodes": nodes}), "--bind", f"127.0.0.1:{port}"]
    process = Process([*arguments, "--drain-seconds", "0", *options], folder / "router.log")
    with _running(process, f"http://127.0.0.1:{port}/readyz"):
        yield f"http://127.0.0.1:{port}/"


@contextmanager
def _running(process: Process, ready: str) -> Iterator[None]:
    process.start()
    try:
        process.wait_until(lambda: answers(ready), f"answering {ready}", _START_SECONDS)
        yield
    finally:
        process.stop()


def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
