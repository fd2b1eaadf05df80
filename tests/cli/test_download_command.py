"""`kservectl download`: exit codes, and what is left for the node agent to read."""

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from e2e.process import kservectl
from kservectl.cli.download import download
from kservectl.modelfolder.progress import DownloadProgress


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/iris.bin":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"model")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_model_is_there_whole_and_marked_and_a_second_run_does_nothing(url: str, tmp_path: Path) -> None:
    for _ in range(2):
        done = kservectl("download", f"{url}/iris.bin", str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "iris.bin").read_bytes() == b"model"
        assert {path.name for path in tmp_path.iterdir()} == {"iris.bin", ".kservectl.json"}


def test_failure_is_a_sentence_an_exit_code_and_a_reason_for_the_agent(url: str, tmp_path: Path) -> None:
    done = kservectl("download", f"{url}/absent?token=s3cr3t", str(tmp_path))
    assert done.returncode == 1
    assert "404" in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cr3t" not in done.stderr + done.stdout
    work = os.open(tmp_path / ".kservectl", os.O_RDONLY)
    told = DownloadProgress.read(work)
    os.close(work)
    assert told is not None
    assert (told.reason, "404" in told.failure, "s3cr3t" in told.failure) == ("DownloadRefused", True, False)


def test_both_arguments_are_needed() -> None:
    assert CliRunner().invoke(download, ["http://127.0.0.1/x"]).exit_code == 2
