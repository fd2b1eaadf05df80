"""Checksums of files: those that a URI names in its fragment, and those that a server sends along."""

import base64
import binascii
import hashlib
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from kservectl.download.errors import DownloadRefused

_LENGTHS = {"sha256": 64, "sha512": 128}
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Checksum:
    """The hexadecimal `digest` that a file must have by `algorithm` (sha256 or sha512)."""

    algorithm: str
    digest: str

    @classmethod
    def of_fragment(cls, fragment: str) -> Self | None:
        """From the fragment of a URI: `sha256=<hex>`, as pip writes it. Raises DownloadRefused for one that is no digest."""
        name, equals, digest = fragment.partition("=")
        if not equals or name not in _LENGTHS:
            return None
        if not re.fullmatch("[0-9a-fA-F]+", digest) or len(digest) != _LENGTHS[name]:
            raise DownloadRefused(
                f"{fragment!r} is no {name} checksum: {_LENGTHS[name]} hexadecimal digits are expected"
            )
        return cls(name, digest.lower())

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """From `Repr-Digest` (RFC 9530) of an answer; None if there is none that can be checked."""
        for entry in headers.get("Repr-Digest", "").split(","):
            name, _, value = entry.strip().partition("=")
            algorithm = name.lower().replace("-", "")
            if algorithm not in _LENGTHS or not (value.startswith(":") and value.endswith(":")):
                continue
            try:
                return cls(algorithm, base64.b64decode(value[1:-1], validate=True).hex())
            except binascii.Error:
                continue
        return None

    def of_file(self, path: Path, stop: threading.Event) -> str:
        """The digest that the file at `path` has. Blocks; ends early, with a digest of no use, once `stop` is set."""
        found = hashlib.new(self.algorithm)
        with path.open("rb") as file:
            while not stop.is_set() and (piece := file.read(_PIECE)):
                found.update(piece)
        return found.hexdigest()
