"""Models of a hub: one commit, every file, large ones with the checksum that the hub knows."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from kservectl.download.errors import DownloadRefused
from tests.download.files import FileServer, content, downloader, serving

WEIGHTS = b"w" * 200_000
TREE = "/api/models/org/tiny/tree/c0ffee"


@pytest.fixture
async def hub() -> AsyncIterator[FileServer]:
    running = Hub()
    async with serving(running):
        yield running


class Hub(FileServer):
    """Answers as a hub does, with a listing in two pages."""

    digest = hashlib.sha256(WEIGHTS).hexdigest()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        match request.path:
            case "/api/models/org/tiny/revision/v1" | "/api/models/org/tiny/revision/main":
                return web.json_response({"sha": "c0ffee"})
            case path if path == TREE and "cursor" not in request.query:
                link = f'<{self.url}{TREE}?recursive=true&cursor=2>; rel="next"'
                return web.json_response([{"type": "directory", "path": "1"}], headers={"Link": link})
            case path if path == TREE:
                large = {"type": "file", "path": "1/w.bin", "size": len(WEIGHTS), "lfs": {"oid": self.digest}}
                return web.json_response([{"type": "file", "path": "config.json", "size": 2}, large])
            case "/org/tiny/resolve/c0ffee/config.json":
                return web.Response(body=b"{}")
            case "/org/tiny/resolve/c0ffee/1/w.bin":
                return web.Response(body=WEIGHTS)
        return web.Response(status=404)


async def test_all_files_of_one_commit_are_fetched_with_the_token(hub: FileServer, tmp_path: Path) -> None:
    environ = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_secret"}
    async with downloader(environ=environ) as fetching:
        await fetching.fetch("hf://org/tiny:v1", tmp_path / "m")
        await fetching.fetch("hf://org/tiny", tmp_path / "n")

    assert content(tmp_path / "m") == {"config.json": b"{}", "1/w.bin": WEIGHTS}
    assert content(tmp_path / "n") == content(tmp_path / "m")
    assert {request.headers.get("Authorization") for request in hub.seen} == {"Bearer hf_secret"}


async def test_a_file_that_is_not_what_the_hub_says_is_refused(
    hub: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "digest", hashlib.sha256(b"").hexdigest())
    async with downloader(environ={"HF_ENDPOINT": hub.url}) as fetching:
        with pytest.raises(DownloadRefused, match=r"1/w.bin has the sha256 checksum"):
            await fetching.fetch("hf://org/tiny", tmp_path / "m")
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize("uri", ["hf://org", "hf://org/none", "hf://"])
async def test_a_model_that_is_none_is_refused(hub: FileServer, tmp_path: Path, uri: str) -> None:
    async with downloader(environ={"HF_ENDPOINT": hub.url}) as fetching:
        with pytest.raises(DownloadRefused):
            await fetching.fetch(uri, tmp_path / "m")
