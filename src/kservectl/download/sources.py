"""Which place a URI names, by its scheme."""

import re
from pathlib import Path

from kservectl.download.buckets import bucket_of
from kservectl.download.errors import DownloadRefused, shown
from kservectl.download.http import HttpFile, Web
from kservectl.download.huggingface import HuggingFaceModel
from kservectl.download.local import LocalFiles
from kservectl.download.objectstore import BucketFiles
from kservectl.download.source import Source

_SCHEME = re.compile(r"(\w+)://")
_UNSUPPORTED = "unsupported protocol: "


def source_of(uri: str, web: Web, local_root: Path | None, read_seconds: float) -> Source:
    """The place that `uri` names; raises DownloadRefused, in KServe's words where it has some, for one that is none."""
    if not uri:
        raise DownloadRefused(_UNSUPPORTED + "there is no storageUri supplied")
    found = _SCHEME.match(uri)
    if found is None:
        raise DownloadRefused(_UNSUPPORTED + "there is no protocol specified for the storageUri")
    match found[1]:
        case "http" | "https":
            return HttpFile(web, uri)
        case "s3" | "gs":
            return BucketFiles(bucket_of(uri, web.environ, read_seconds))
        case "hf":
            return HuggingFaceModel(web, uri)
        case "file" | "pvc" if local_root is not None:
            return LocalFiles(uri, local_root)
        case "file" | "pvc":
            raise DownloadRefused(f"{shown(uri)}: no folder was named below which {found[1]}:// may be read")
        case _:
            raise DownloadRefused(_UNSUPPORTED + "protocol not supported for storageUri")
