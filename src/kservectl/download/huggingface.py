"""Models of a Hugging Face hub: `hf://OWNER/MODEL[:REVISION][/PATH]`, over the hub's REST interface.

The listing carries the SHA-256 of every large file, which is checked. `HF_ENDPOINT` names another hub, `HF_TOKEN` a user. The
hub's own library is not used: its downloads cannot be stopped, and report to its own progress bars.
https://huggingface.co/docs/hub/api
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import orjson
from yarl import URL

from kservectl.download.checksum import Checksum
from kservectl.download.errors import DownloadRefused, Interrupted, shown
from kservectl.download.http import Web, opened
from kservectl.download.source import Opened, RemoteFile

_URI = re.compile(r"hf://(?P<owner>[\w.-]+)/(?P<model>[\w.-]+)(?::(?P<revision>[^/]+))?(?:/(?P<path>.+))?")
_HUB = "https://huggingface.co"
_MAIN = "main"


class HuggingFaceModel:
    """All files of a model at one revision, or those below a path of it."""

    def __init__(self, web: Web, uri: str) -> None:
        found = _URI.fullmatch(uri.rstrip("/"))
        if found is None:
            raise DownloadRefused(
                f"{shown(uri)} names no model: hf://OWNER/MODEL or hf://OWNER/MODEL:REVISION is expected"
            )
        self._uri = uri
        self._web = web
        self._model = f"{found['owner']}/{found['model']}"
        self._revision = found["revision"] or _MAIN
        self._below = found["path"] or ""
        self._hub = web.environ.get("HF_ENDPOINT") or _HUB
        self._commit = self._revision

    async def files(self) -> Sequence[RemoteFile]:
        """Every file of the revision, which is one commit from then on, whatever its branch does meanwhile."""
        revision = quote(self._revision, safe="")
        about = await self._json(URL(f"{self._hub}/api/models/{self._model}/revision/{revision}", encoded=True))
        self._commit = str(about.get("sha") or self._revision) if isinstance(about, dict) else self._revision
        url: URL | None = URL(
            f"{self._hub}/api/models/{self._model}/tree/{quote(self._commit, safe='')}/{quote(self._below)}".rstrip("/")
            + "?recursive=true",
            encoded=True,
        )
        found: list[RemoteFile] = []
        while url is not None:
            async with self._web.get(url, self._headers(), allowed=(200,)) as answer:
                entries = orjson.loads(await answer.read())
                following = answer.links.get("next")
                url = URL(str(following["url"]), encoded=True) if following else None
            found += [self._file(entry) for entry in entries if entry.get("type") == "file"]
        if not found:
            raise DownloadRefused(f"{shown(self._uri)} has no files")
        return found

    @asynccontextmanager
    async def open(self, file: RemoteFile, offset: int, version: str) -> AsyncIterator[Opened]:
        """One file. The commit and the file's hash are its version, so that any answer will do."""
        path = quote("/".join(part for part in (self._below, file.path) if part))
        url = URL(f"{self._hub}/{self._model}/resolve/{quote(self._commit, safe='')}/{path}", encoded=True)
        async with opened(self._web, url, self._headers(), offset, version if ":" not in version else "") as found:
            yield found

    def _file(self, entry: Mapping[str, Any]) -> RemoteFile:
        lfs = entry.get("lfs") or {}
        oid = str(lfs.get("oid") or "")
        path = str(entry["path"])
        if self._below:
            path = path.removeprefix(self._below).lstrip("/")
        return RemoteFile(path, entry.get("size"), checksum=Checksum("sha256", oid) if oid else None)

    async def _json(self, url: URL) -> Any:
        async with self._web.get(url, self._headers(), allowed=(200,)) as answer:
            try:
                return orjson.loads(await answer.read())
            except orjson.JSONDecodeError as error:
                raise Interrupted(f"{shown(str(url))} answered with what is not JSON") from error

    def _headers(self) -> dict[str, str]:
        token = self._web.environ.get("HF_TOKEN", "")
        return {"Authorization": f"Bearer {token}"} if token else {}
