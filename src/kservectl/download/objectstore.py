"""Objects of a bucket: `s3://BUCKET/PREFIX` and `gs://BUCKET/PREFIX`, by obstore.

Everything below the prefix is fetched, without the prefix in its name; a prefix that is an object itself is that one file.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from kservectl.download.buckets import Bucket, Store, told
from kservectl.download.errors import DownloadRefused, shown
from kservectl.download.source import Opened, RemoteFile

_PIECE = 1 << 18


class BucketFiles:
    """The objects below the prefix of `bucket`."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._store: Store | None = None
        self._base = bucket.prefix

    async def files(self) -> Sequence[RemoteFile]:
        """Every object below the prefix, with size and ETag."""
        refused: DownloadRefused | None = None
        for make in self._bucket.stores:
            try:
                self._store = make()
                return await self._list(self._store)
            except DownloadRefused as error:
                refused = refused or error
        raise refused or DownloadRefused(f"{shown(self._bucket.uri)} has no objects or does not exist")

    async def _list(self, store: "Store") -> list[RemoteFile]:
        import obstore

        prefix = self._bucket.prefix
        with told(self._bucket.uri):
            found = [entry async for batch in obstore.list(store, prefix or None) for entry in batch]
        # Consoles make empty objects to show folders by.
        folders = {str(parent) for entry in found for parent in Path(entry["path"]).parents}
        found = [entry for entry in found if entry["size"] or entry["path"] not in {prefix, *folders}]
        if not found and prefix:
            with told(self._bucket.uri):
                found = [await obstore.head_async(store, prefix)]
            self._base = prefix.rpartition("/")[0]
        if not found:
            raise DownloadRefused(f"{shown(self._bucket.uri)} has no objects or does not exist")
        base = f"{self._base}/" if self._base else ""
        return [RemoteFile(entry["path"].removeprefix(base), entry["size"], entry["e_tag"] or "") for entry in found]

    @asynccontextmanager
    async def open(self, file: RemoteFile, offset: int, version: str) -> AsyncIterator[Opened]:
        """The object, from `offset` if it still has `version`."""
        if offset and version and offset == file.size and version == file.version:
            yield Opened(offset, file.size, version, _nothing())
            return
        key = f"{self._base}/{file.path}" if self._base else file.path
        found = await self._get(key, offset, version)
        with told(self._bucket.uri):
            start, size, etag = found.range[0], found.meta["size"], found.meta["e_tag"] or ""
            yield Opened(start, size, etag, self._chunks(found))

    async def _get(self, key: str, offset: int, version: str) -> Any:
        import obstore
        from obstore import exceptions

        if self._store is None:
            raise RuntimeError("files() comes before open()")
        with told(self._bucket.uri):
            if offset and version:
                try:
                    return await obstore.get_async(
                        self._store, key, options={"range": {"offset": offset}, "if_match": version}
                    )
                except exceptions.PreconditionError:
                    pass  # it was replaced meanwhile: all of it is wanted
            return await obstore.get_async(self._store, key)

    async def _chunks(self, found: Any) -> AsyncIterator[bytes]:
        with told(self._bucket.uri):
            async for chunk in found.stream(min_chunk_size=_PIECE):
                yield bytes(chunk)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
