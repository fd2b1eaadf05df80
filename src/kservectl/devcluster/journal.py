"""The cluster's state in a folder: one file, appended to at every write, rewritten when it has grown past its use.

A write is in the file (in the kernel's hands) before its answer is sent, so that a killed process loses nothing; no write
waits for the disk, so that a power cut may lose the last ones. A last line that was cut short is dropped on reading. The
rewritten file replaces the old one in one step. One process at a time may use a folder.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import structlog

from kservectl.devcluster.storage import Change, Convert, Entry, Resource, Store
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey, key

_FORMAT = 1
_STATE = "state.jsonl"
_LEAST_RECORDS = 20_000
_GROWTH = 4


class JournalError(Exception):
    """The folder cannot be used; the text says why and what to do."""


class Journal:
    """The file behind one store. `convert` is asked for nothing but the stored version."""

    def __init__(self, folder: Path, store: Store, convert: Convert) -> None:
        self._folder = folder
        self._store = store
        self._convert = convert
        self._lock = -1
        self._file = -1
        self._size = 0
        self._records = 0
        self._following = False
        self._log = structlog.get_logger()

    def open(self) -> None:
        """Take the folder, put what it holds into the store, and keep the file up to date from now on.

        Opened again after `close`, it writes down what the store holds by then.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            self._lock = -1
            raise JournalError(
                f"{self._folder} is in use by another devcluster; stop it or choose another folder"
            ) from error
        try:
            state = self._folder / _STATE
            if state.exists() and not self._following:
                for record in _read(state):
                    self._replay(record)
            self._rewrite()
        except Exception:
            self.close()
            raise
        if not self._following:
            self._store.listen(self._append)
            self._following = True

    def close(self) -> None:
        """Let go of the folder."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _replay(self, record: dict[str, Any]) -> None:
        self._store.revision = max(self._store.revision, int(record["r"]))
        if "k" not in record:
            return
        kind = Kind(*record["k"])
        resource = Resource(*record["in"])
        if "gone" in record:
            self._store.restore(resource, ObjectKey(*record["gone"]), None)
        else:
            obj: Object = record["o"]
            self._store.restore(resource, key(obj), Entry(kind, key(obj), obj, int(record["r"])))

    def _append(self, change: Change, resource: Resource) -> None:
        if self._file < 0:
            return
        line = self._line(change.entry, resource, gone=change.type == "DELETED")
        try:
            _write(self._file, line)
        except OSError as error:
            os.ftruncate(self._file, self._size)
            self._log.error("a write is not kept on disk", folder=str(self._folder), error=str(error))
            return
        self._size += len(line)
        self._records += 1
        if self._records > max(_LEAST_RECORDS, _GROWTH * sum(map(len, self._store.collections()))):
            self._rewrite()

    def _line(self, entry: Entry, resource: Resource, *, gone: bool) -> bytes:
        kind = entry.kind
        named = [kind.group, kind.version, kind.kind, kind.plural, kind.namespaced]
        head = orjson.dumps({"r": entry.revision, "in": list(resource), "k": named})
        if gone:
            return head[:-1] + b',"gone":' + orjson.dumps(list(entry.key)) + b"}\n"
        return head[:-1] + b',"o":' + entry.encoded(kind, self._convert) + b"}\n"

    def _rewrite(self) -> None:
        """Replace the file by one that holds the present state and nothing else."""
        fresh = self._folder / f"{_STATE}.new"
        descriptor = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_APPEND, 0o600)
        size = _write(descriptor, orjson.dumps({"format": _FORMAT, "r": self._store.revision}) + b"\n")
        records = 0
        for collection in self._store.collections():
            lines = [self._line(entry, collection.resource, gone=False) for entry in collection.entries()]
            size += _write(descriptor, b"".join(lines))
            records += len(lines)
        os.fsync(descriptor)
        fresh.replace(self._folder / _STATE)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._size, self._records = descriptor, size, records


def _write(descriptor: int, data: bytes) -> int:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    return len(data)


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a state file, without a last line that was cut short."""
    lines = path.read_bytes().split(b"\n")
    whole, rest = lines[:-1], lines[-1]
    for number, line in enumerate(whole, start=1):
        try:
            record: dict[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise JournalError(
                f"{path} is damaged in line {number} ({error}); restore it or remove it to start anew"
            ) from error
        if number == 1 and record.get("format") != _FORMAT:
            raise JournalError(f"{path} was written by another version of the devcluster; remove it to start anew")
        yield record
    if rest:
        structlog.get_logger().warning("the last write was cut short and is dropped", file=str(path), bytes=len(rest))
