"""Payloads as records of a file, in the forms in which KServe's logger stores them.

JSON: an object for one record, a list for several. CSV: a header, then a line a record. A marshaller of somebody's own gets the
list over HTTP and answers with the bytes of the file, and its extension in the header `X-Log-Marshal-Extension`.
"""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from kservectl.agent.events import TYPES, About, Payload
from kservectl.agent.payloads import SinkError
from kservectl.clock import Clock
from kservectl.download.blocking import in_thread

FORMATS = ("json", "csv")
EXTENSION_HEADER = "X-Log-Marshal-Extension"

_SECONDS = 30.0
_COLUMNS = (
    "url",
    "bytes",
    "contentType",
    "reqType",
    "id",
    "sourceUri",
    "inferenceService",
    "namespace",
    "component",
    "endpoint",
    "metadata",
    "annotations",
    "certName",
    "tlsSkipVerify",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """What is in every record beside the payload: where it comes from, and the settings of the log."""

    about: About
    log_url: str
    cert_name: str = ""
    tls_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to be stored."""

    content: bytes
    extension: str


def to_file(batch: Sequence[Payload], origin: Origin, file_format: str) -> LogFile:
    """The file for `batch` in one of FORMATS."""
    if file_format == "csv":
        return LogFile(_csv(batch, origin), "csv")
    records = [record(payload, origin) for payload in batch]
    return LogFile(orjson.dumps(records[0] if len(records) == 1 else records), "json")


class Marshaller:
    """A service that makes the files, at `url`."""

    def __init__(self, session: aiohttp.ClientSession, url: str, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._clock = clock

    async def to_file(self, batch: Sequence[Payload], origin: Origin) -> LogFile:
        """The file for `batch`; raises SinkError."""
        body = await in_thread(lambda _: orjson.dumps([record(payload, origin) for payload in batch]))
        headers = {"Content-Type": "application/json"}
        try:
            async with (
                self._clock.timeout(_SECONDS),
                self._session.post(self._url, data=body, headers=headers) as answer,
            ):
                if answer.status != 200:
                    raise SinkError(f"the marshaller {self._url} answered {answer.status}")
                extension = answer.headers.get(EXTENSION_HEADER, "")
                return LogFile(await answer.read(), extension if extension.isalnum() else "json")
        except TimeoutError as error:
            raise SinkError(f"the marshaller {self._url} gave no answer within {_SECONDS:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise SinkError(f"the marshaller {self._url}: {error or type(error).__name__}") from error


def record(payload: Payload, origin: Origin) -> Mapping[str, Any]:
    """One record as JSON, under the names that KServe's have."""
    about = origin.about
    return {
        "Url": _url(origin.log_url),
        "Bytes": base64.b64encode(payload.body).decode(),
        "ContentType": payload.content_type,
        "ReqType": TYPES[payload.kind],
        "Id": payload.id,
        "SourceUri": _url(about.source),
        "InferenceService": about.inference_service,
        "Namespace": about.namespace,
        "Component": about.component,
        "Endpoint": about.endpoint,
        "Metadata": dict(payload.metadata) or None,
        "Annotations": dict(about.annotations) or None,
        "CertName": origin.cert_name,
        "TlsSkipVerify": origin.tls_skip_verify,
    }


def _csv(batch: Sequence[Payload], origin: Origin) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for payload in batch:
        values = record(payload, origin)
        writer.writerow(_cell(values[column[0].upper() + column[1:]]) for column in _COLUMNS)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    """A value of a record as text: URLs as they are written, objects as JSON, nothing as empty."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case {"Scheme": scheme, "Host": host, "Path": path}:
            return f"{scheme}://{host}{path}" if scheme else str(path)
        case dict():
            return orjson.dumps(value).decode()
    return str(value)


def _url(text: str) -> Mapping[str, Any]:
    """A URL in the parts that Go's encoder makes of one."""
    parts = urlsplit(text)
    return {
        "Scheme": parts.scheme,
        "Opaque": "",
        "User": None,
        "Host": parts.netloc.rpartition("@")[2],
        "Path": parts.path,
        "RawPath": "",
        "OmitHost": False,
        "ForceQuery": False,
        "RawQuery": parts.query,
        "Fragment": parts.fragment,
        "RawFragment": "",
    }
