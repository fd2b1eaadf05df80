"""Downloads over HTTP: whole or not at all, resumed, verified, unpacked; with a server that breaks off, hangs and lies."""

import asyncio
import base64
import gzip
import hashlib
import io
import json
import random
import shutil
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from kservectl.download.errors import DownloadFailed, DownloadRefused
from kservectl.download.progress import Fetched, Progress
from tests.download.files import FileServer, HastyClock, content, downloader, serving

MODEL = random.Random(7).randbytes(10_000_000)
_LOST = 2_000_000
"""Bytes that may be on their way when a connection breaks."""


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with serving(FileServer(files={"/models/model.bin": MODEL})) as running:
        yield running


async def test_a_file_is_put_into_the_folder_under_its_own_name(server: FileServer, tmp_path: Path) -> None:
    async with downloader() as fetching:
        fetched = await fetching.fetch(f"{server.url}/models/model.bin?signature=1", tmp_path / "deep" / "m")

    assert content(tmp_path) == {"deep/m/model.bin": MODEL}
    assert fetched == Fetched(files=1, bytes=len(MODEL), received=len(MODEL))


async def test_a_broken_download_goes_on_where_it_broke(server: FileServer, tmp_path: Path) -> None:
    server.break_after = [6_000_000, 1_000_000]
    clock = HastyClock()
    async with downloader(clock) as fetching:
        await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")

    assert content(tmp_path / "m") == {"model.bin": MODEL}
    assert len(server.seen) == 3
    assert len(MODEL) <= server.sent < len(MODEL) + _LOST, "what had arrived was not sent twice"
    assert len(clock.slept) == 2


async def test_a_later_process_goes_on_too(server: FileServer, tmp_path: Path) -> None:
    server.break_after = [5_000_000]
    async with downloader(tries=1) as fetching:
        with pytest.raises(DownloadFailed, match="gave up after 1 tries"):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")
    assert not (tmp_path / "m").exists()

    async with downloader() as fetching:
        fetched = await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")

    assert len(MODEL) - 5_000_000 <= fetched.received < len(MODEL) - 5_000_000 + _LOST
    assert content(tmp_path) == {"m/model.bin": MODEL}, "nothing is left of the unfinished download"


@pytest.mark.parametrize("change", ["etag", "no ranges", "no etag"])
async def test_what_cannot_be_resumed_starts_anew(server: FileServer, tmp_path: Path, change: str) -> None:
    server.break_after = [5_000_000]
    server.etags = change != "no etag"
    async with downloader(tries=1) as fetching:
        with pytest.raises(DownloadFailed):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")
    wanted = b"another" if change == "etag" else MODEL
    server.files["/models/model.bin"] = wanted
    server.ranges = change != "no ranges"

    async with downloader() as fetching:
        await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")

    assert content(tmp_path) == {"m/model.bin": wanted}


async def test_another_uri_does_not_go_on_with_what_the_first_left(server: FileServer, tmp_path: Path) -> None:
    server.files["/other"] = MODEL[:100]
    server.break_after = [5_000_000]
    async with downloader(tries=1) as fetching:
        with pytest.raises(DownloadFailed):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")
        await fetching.fetch(f"{server.url}/other", tmp_path / "m")

    assert content(tmp_path) == {"m/other": MODEL[:100]}


async def test_errors_that_may_pass_are_tried_again_up_to_a_limit(server: FileServer, tmp_path: Path) -> None:
    clock = HastyClock()
    server.faults = [503, 429]
    async with downloader(clock, tries=3) as fetching:
        await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")
        assert len(clock.slept) == 2
        server.faults = [503] * 9
        with pytest.raises(DownloadFailed, match=r"3 tries: URI: .*model.bin returned a 503 response code"):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "n")

    assert not (tmp_path / "n").exists()


async def test_what_is_not_there_is_refused_at_once_and_without_its_secrets(server: FileServer, tmp_path: Path) -> None:
    clock = HastyClock()
    async with downloader(clock) as fetching:
        with pytest.raises(DownloadRefused, match="/none returned a 404 response code") as refused:
            await fetching.fetch(f"{server.url}/none?X-Amz-Signature=secret", tmp_path / "m")

    assert "secret" not in str(refused.value)
    assert clock.slept == []
    assert not (tmp_path / "m").exists()


async def test_a_connection_over_which_nothing_comes_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.hang = True
    async with downloader(tries=1, stall_seconds=0.2) as fetching:
        with pytest.raises(DownloadFailed):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")


async def test_a_cancelled_download_leaves_no_model_and_can_go_on(server: FileServer, tmp_path: Path) -> None:
    server.hang = True
    half = asyncio.Event()

    def report(progress: Progress) -> None:
        if progress.bytes_done > 3_000_000:
            half.set()

    async with downloader() as fetching:
        running = asyncio.create_task(fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m", report))
        await half.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not (tmp_path / "m").exists()
        server.hang = False
        fetched = await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")

    assert fetched.received < len(MODEL) - 3_000_000
    assert content(tmp_path) == {"m/model.bin": MODEL}


async def test_progress_is_told_from_the_first_byte_to_the_last(server: FileServer, tmp_path: Path) -> None:
    told: list[Progress] = []
    async with downloader() as fetching:
        await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m", told.append)

    assert told[0] == Progress(0, 1, 0, len(MODEL))
    assert told[-1] == Progress(1, 1, len(MODEL), len(MODEL))
    assert [step.bytes_done for step in told] == sorted(step.bytes_done for step in told)
    assert len(told) > 3


async def test_a_folder_that_is_there_is_replaced_once_the_new_one_is_whole(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "old.bin").write_bytes(b"old")
    server.break_after = [100]
    async with downloader(tries=1) as fetching:
        with pytest.raises(DownloadFailed):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")
        assert content(tmp_path / "m") == {"old.bin": b"old"}
        await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")

    assert content(tmp_path) == {"m/model.bin": MODEL}


class Digests(NamedTuple):
    right: str
    wrong: str


SHA = Digests(hashlib.sha256(MODEL).hexdigest(), hashlib.sha256(b"").hexdigest())


async def test_a_checksum_in_the_uri_is_checked_also_over_a_resumed_download(
    server: FileServer, tmp_path: Path
) -> None:
    server.break_after = [5_000_000]
    async with downloader() as fetching:
        await fetching.fetch(f"{server.url}/models/model.bin#sha256={SHA.right}", tmp_path / "m")
        with pytest.raises(DownloadRefused, match=f"model.bin has the sha256 checksum {SHA.right}, not {SHA.wrong}"):
            await fetching.fetch(f"{server.url}/models/model.bin#sha256={SHA.wrong}", tmp_path / "n")
        with pytest.raises(DownloadRefused, match="is no sha256 checksum"):
            await fetching.fetch(f"{server.url}/models/model.bin#sha256=12", tmp_path / "n")

    assert content(tmp_path / "m") == {"model.bin": MODEL}
    assert not (tmp_path / "n").exists()


async def test_a_checksum_that_the_server_sends_is_checked(server: FileServer, tmp_path: Path) -> None:
    def repr_digest(data: bytes) -> dict[str, str]:
        return {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}

    server.headers["/models/model.bin"] = repr_digest(MODEL)
    async with downloader() as fetching:
        await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")
        server.headers["/models/model.bin"] = repr_digest(b"")
        with pytest.raises(DownloadRefused, match="checksum"):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "n")


def tar_of(entries: dict[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as tar:  # type: ignore[call-overload]  # the modes are literals there
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def zip_of(entries: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return packed.getvalue()


ENTRIES = {"config.json": b"{}", "1/weights.bin": b"w" * 100_000}


@pytest.mark.parametrize(
    ("path", "packed", "content_type"),
    [
        ("/get", zip_of(ENTRIES), "application/zip"),
        ("/get", tar_of(ENTRIES), "application/x-gzip; charset=binary"),
        ("/get", tar_of(ENTRIES), "application/x-tar"),
        ("/get", tar_of(ENTRIES, "w"), "application/tar"),
        ("/m.tar.gz", tar_of(ENTRIES), "application/octet-stream"),
        ("/m.tgz", tar_of(ENTRIES), ""),
        ("/m.zip", zip_of(ENTRIES), "binary/octet-stream"),
    ],
)
async def test_archives_are_unpacked(
    server: FileServer, tmp_path: Path, path: str, packed: bytes, content_type: str
) -> None:
    server.files[path] = packed
    server.headers[path] = {"Content-Type": content_type}
    server.break_after = [len(packed) // 2]
    async with downloader() as fetching:
        fetched = await fetching.fetch(f"{server.url}{path}", tmp_path / "m")

    assert content(tmp_path) == {f"m/{name}": data for name, data in ENTRIES.items()}
    assert fetched == Fetched(files=2, bytes=100_002, received=len(packed))


@pytest.mark.parametrize("packed", [zip_of({"../../evil": b"x"}), tar_of({"../../evil": b"x"}), b"no archive"])
async def test_an_archive_that_is_broken_or_leads_out_of_its_folder_is_refused(
    server: FileServer, tmp_path: Path, packed: bytes
) -> None:
    server.files["/m"] = packed
    server.headers["/m"] = {"Content-Type": "application/zip" if packed[:2] == b"PK" else "application/x-tar"}
    async with downloader() as fetching:
        with pytest.raises(DownloadRefused, match=r"archive|outside"):
            await fetching.fetch(f"{server.url}/m", tmp_path / "deep" / "m")

    assert content(tmp_path) == {}


async def test_no_space_is_noticed_before_the_first_byte(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=70 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: nearly_full)
    async with downloader() as fetching:
        with pytest.raises(DownloadRefused, match=r"not enough space .* 10000000 bytes are still to come, 6291456 may"):
            await fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m")

    assert content(tmp_path / ".m.partial" / "files") == {}


async def test_headers_of_the_environment_go_to_their_host_alone(server: FileServer, tmp_path: Path) -> None:
    headers = {"127.0.0.1-headers": json.dumps({"Authorization": "Bearer secret", "X-Team": "a"})}
    async with serving(FileServer(files={"/m": b"1"})) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        server.headers["/moved"] = {"Location": f"{elsewhere}/m"}
        async with downloader(environ=headers) as fetching:
            await fetching.fetch(f"{server.url}/moved", tmp_path / "m")

        assert server.seen[0].headers["Authorization"] == "Bearer secret"
        assert server.seen[0].headers["X-Team"] == "a"
        assert not {"Authorization", "X-Team"} & set(other.seen[0].headers)
    assert content(tmp_path / "m") == {"moved": b"1"}


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("", "unsupported protocol: there is no storageUri supplied"),
        ("models/x", "unsupported protocol: there is no protocol specified for the storageUri"),
        ("s3:://bucket", "unsupported protocol: there is no protocol specified for the storageUri"),
        ("ftp://host/x", "unsupported protocol: protocol not supported for storageUri"),
        ("http:///x", "names no host"),
        ("file:///etc/passwd", "no folder was named"),
    ],
)
async def test_uris_that_name_nothing_are_refused_in_the_words_of_kserve(tmp_path: Path, uri: str, why: str) -> None:
    async with downloader() as fetching:
        with pytest.raises(DownloadRefused, match=why):
            await fetching.fetch(uri, tmp_path / "m")
    assert content(tmp_path) == {}


async def test_a_server_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    clock = HastyClock()
    async with downloader(clock, tries=4) as fetching:
        with pytest.raises(DownloadFailed, match="4 tries"):
            await fetching.fetch("http://127.0.0.1:9/model", tmp_path / "m")
    assert len(clock.slept) == 3


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[fd00:ec2::254]"])
async def test_where_clouds_keep_credentials_nothing_is_fetched_also_not_by_a_redirect(
    server: FileServer, tmp_path: Path, host: str
) -> None:
    server.headers["/moved"] = {"Location": f"http://{host}/latest/meta-data/"}
    async with downloader() as fetching:
        for uri in (f"http://{host}/latest/meta-data/", f"{server.url}/moved"):
            with pytest.raises(DownloadRefused, match="nothing may be fetched from"):
                await fetching.fetch(uri, tmp_path / "m")


async def test_a_name_that_leads_there_is_no_way_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def leads_there(self: object, host: str, port: int = 0, family: object = None) -> list[dict[str, object]]:
        return [{"hostname": host, "host": "169.254.169.254", "port": port, "family": 2, "proto": 0, "flags": 0}]

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", leads_there)
    clock = HastyClock()
    async with downloader(clock) as fetching:
        with pytest.raises(DownloadRefused, match=r"nothing may be fetched from 169\.254\.169\.254"):
            await fetching.fetch("http://metadata.example/x", tmp_path / "m")
    assert clock.slept == []


async def test_what_a_server_packs_on_its_own_is_unpacked(server: FileServer, tmp_path: Path) -> None:
    server.files["/m"] = gzip.compress(MODEL)
    server.headers["/m"] = {"Content-Encoding": "gzip"}
    server.break_after = [1_000_000]
    async with downloader() as fetching:
        await fetching.fetch(f"{server.url}/m", tmp_path / "m")
    assert content(tmp_path / "m") == {"m": MODEL}


async def test_a_cancellation_that_meets_a_failure_is_not_lost(server: FileServer, tmp_path: Path) -> None:
    def report(progress: Progress) -> None:
        running.cancel()
        raise DownloadRefused("at the same moment")

    async with downloader() as fetching:
        running = asyncio.create_task(fetching.fetch(f"{server.url}/models/model.bin", tmp_path / "m", report))
        await asyncio.wait([running])
    assert running.cancelled()
