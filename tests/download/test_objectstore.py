"""Buckets of S3 and GCS, which speak the same dialect: listed in pages, fetched side by side, resumed object by object."""

from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from kservectl.download.errors import DownloadFailed, DownloadRefused
from tests.download.files import FileServer, content, downloader, serving

BIG = b"b" * 3_000_000


class BucketServer(FileServer):
    """A bucket called `models`, whose objects are `files`, listed two at a time; forbidden without a signature if `closed`."""

    closed = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.closed and "Authorization" not in request.headers:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        if request.path.rstrip("/") != "/models":
            return await super().handle(request)
        self.seen.append(request)
        prefix = request.query.get("prefix", "")
        keys = sorted(path.removeprefix("/models/") for path in self.files)
        start = int(request.query.get("continuation-token", "0"))
        found = [key for key in keys if key.startswith(prefix)]
        page = found[start : start + 2]
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.files[f'/models/{key}'])}</Size>"
            f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>{self.etag(f'/models/{key}')}</ETag></Contents>"
            for key in page
        )
        more = f"<NextContinuationToken>{start + 2}</NextContinuationToken>" if start + 2 < len(found) else ""
        truncated = "true" if more else "false"
        return web.Response(
            text=f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{more}{entries}</ListBucketResult>",
            content_type="application/xml",
        )


@pytest.fixture
async def bucket() -> AsyncIterator[BucketServer]:
    objects = {"iris/model.bin": BIG, "iris/1/config.json": b"{}", "iris/1/": b"", "iris2/other": b"o", "iris/z": b"z"}
    async with serving(BucketServer(files={f"/models/{key}": data for key, data in objects.items()})) as running:
        assert isinstance(running, BucketServer)
        yield running


def s3(bucket: FileServer, **more: str) -> dict[str, str]:
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_DEFAULT_REGION": "eu-west-1"}
    return {**keys, "AWS_ENDPOINT_URL": bucket.url, **more}


def gcs(bucket: FileServer) -> dict[str, str]:
    return {"STORAGE_EMULATOR_HOST": bucket.url}


WANTED = {"model.bin": BIG, "1/config.json": b"{}", "z": b"z"}


@pytest.mark.parametrize("scheme", ["s3", "gs"])
async def test_everything_below_the_prefix_is_fetched_under_its_name_without_it(
    bucket: BucketServer, tmp_path: Path, scheme: str
) -> None:
    environ = s3(bucket) if scheme == "s3" else gcs(bucket)
    async with downloader(environ=environ) as fetching:
        await fetching.fetch(f"{scheme}://models/iris", tmp_path / "m")
        await fetching.fetch(f"{scheme}://models/iris/", tmp_path / "n")

    assert content(tmp_path / "m") == WANTED
    assert content(tmp_path / "n") == WANTED


async def test_a_prefix_that_is_an_object_is_a_file_of_that_name(bucket: BucketServer, tmp_path: Path) -> None:
    async with downloader(environ=s3(bucket)) as fetching:
        await fetching.fetch("s3://models/iris/model.bin", tmp_path / "m")

    assert content(tmp_path / "m") == {"model.bin": BIG}


async def test_no_prefix_is_the_whole_bucket(bucket: BucketServer, tmp_path: Path) -> None:
    async with downloader(environ=s3(bucket)) as fetching:
        await fetching.fetch("s3://models", tmp_path / "m")

    assert set(content(tmp_path / "m")) == {"iris/model.bin", "iris/1/config.json", "iris/z", "iris2/other"}


async def test_a_later_try_fetches_only_what_is_missing(bucket: BucketServer, tmp_path: Path) -> None:
    bucket.break_after = [10_000_000, 2_500_000]
    async with downloader(environ=s3(bucket), tries=1, parallel=1) as fetching:
        with pytest.raises(DownloadFailed):
            await fetching.fetch("s3://models/iris", tmp_path / "m")
        fetched = await fetching.fetch("s3://models/iris", tmp_path / "m")

    assert fetched.received < 2_000_000
    assert content(tmp_path) == {f"m/{name}": data for name, data in WANTED.items()}


async def test_an_object_that_was_replaced_meanwhile_is_fetched_anew(bucket: BucketServer, tmp_path: Path) -> None:
    bucket.break_after = [10_000_000, 2_500_000]
    async with downloader(environ=s3(bucket), tries=1, parallel=1) as fetching:
        with pytest.raises(DownloadFailed):
            await fetching.fetch("s3://models/iris", tmp_path / "m")
        bucket.files["/models/iris/model.bin"] = b"another"
        await fetching.fetch("s3://models/iris", tmp_path / "m")

    assert content(tmp_path / "m") == {**WANTED, "model.bin": b"another"}


@pytest.mark.parametrize("uri", ["s3://models/none", "s3://", "gs://models/none", "gs://"])
async def test_what_is_not_there_is_refused(bucket: BucketServer, tmp_path: Path, uri: str) -> None:
    async with downloader(environ=s3(bucket) | gcs(bucket)) as fetching:
        with pytest.raises(DownloadRefused, match=r"has no objects or does not exist|names no bucket"):
            await fetching.fetch(uri, tmp_path / "m")


async def test_credentials_that_may_not_are_told_of_without_them(bucket: BucketServer, tmp_path: Path) -> None:
    bucket.closed = True
    async with downloader(environ=s3(bucket, awsAnonymousCredential="true")) as fetching:
        with pytest.raises(DownloadRefused, match="may not be used with the credentials of this pod"):
            await fetching.fetch("s3://models/iris", tmp_path / "m")
    async with downloader(environ=s3(bucket)) as fetching:
        await fetching.fetch("s3://models/iris", tmp_path / "m")
    assert content(tmp_path / "m") == WANTED


async def test_requests_are_signed_for_the_region_and_not_when_anonymous(bucket: BucketServer, tmp_path: Path) -> None:
    async with downloader(environ=s3(bucket)) as fetching:
        await fetching.fetch("s3://models/iris", tmp_path / "m")
    assert all("/eu-west-1/s3/" in request.headers["Authorization"] for request in bucket.seen)
    bucket.seen.clear()
    async with downloader(environ=s3(bucket, awsAnonymousCredential="true")) as fetching:
        await fetching.fetch("s3://models/iris", tmp_path / "m")
    assert not any("Authorization" in request.headers for request in bucket.seen)


async def test_an_endpoint_without_scheme_is_http_where_the_secret_says_so(
    bucket: BucketServer, tmp_path: Path
) -> None:
    environ = s3(bucket, S3_ENDPOINT=bucket.url.removeprefix("http://"), S3_USE_HTTPS="0")
    del environ["AWS_ENDPOINT_URL"]
    async with downloader(environ=environ) as fetching:
        await fetching.fetch("s3://models/iris", tmp_path / "m")
    assert content(tmp_path / "m") == WANTED


async def test_gcs_is_asked_as_anybody_before_the_account_of_the_machine_is_looked_for(
    bucket: BucketServer, tmp_path: Path
) -> None:
    async with downloader(environ=gcs(bucket)) as fetching:
        await fetching.fetch("gs://models/iris", tmp_path / "m")

    assert not any("Authorization" in request.headers for request in bucket.seen)


async def test_without_the_package_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    async with downloader() as fetching:
        with pytest.raises(DownloadRefused, match=r"s3:// needs the package obstore: install kservectl\[storage\]"):
            await fetching.fetch("s3://models/iris", tmp_path / "m")
