"""Buckets of S3 and GCS, reached by obstore (the extra `kservectl[storage]`).

Settings and credentials are the environment variables with which KServe's webhook provides a container that needs storage
(docs of `modelstorage.credentials`).
"""

import importlib.util
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import urlsplit

from kservectl.download.errors import DownloadRefused, Interrupted, shown

if TYPE_CHECKING:
    from obstore.store import ClientConfig, GCSConfig, GCSStore, S3Config, S3Store

Store: TypeAlias = "GCSStore | S3Store"

_STATUS = re.compile(r"status code: (401|403|404)\b")
_YES = ("1", "true", "yes")
_NO = ("0", "false", "no")
_FOR_EVER = timedelta(days=365)
"""obstore's limit for a whole request, which would end large downloads; each read has its own."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a URI points: `stores` are ways to reach the bucket, the first that may is used."""

    uri: str
    name: str
    prefix: str
    stores: tuple[Callable[[], Store], ...]


def bucket_of(uri: str, environ: Mapping[str, str], read_seconds: float) -> Bucket:
    """The bucket of an s3:// or gs:// URI; raises DownloadRefused if it names none, or obstore is not installed."""
    url = urlsplit(uri)
    if url.scheme not in ("s3", "gs"):
        raise DownloadRefused(f"{shown(uri)} is no bucket: s3:// or gs:// is expected")
    if not url.netloc:
        raise DownloadRefused(f"{shown(uri)} names no bucket")
    if importlib.util.find_spec("obstore") is None:
        raise DownloadRefused(f"{url.scheme}:// needs the package obstore: install kservectl[storage]")
    client = {
        "timeout": _FOR_EVER,
        "connect_timeout": timedelta(seconds=30),
        "read_timeout": timedelta(seconds=read_seconds),
    }
    stores = _s3 if url.scheme == "s3" else _gcs
    return Bucket(uri, url.netloc, url.path.strip("/"), tuple(stores(url.netloc, environ, client)))


@contextmanager
def told(uri: str) -> Iterator[None]:
    """Errors of obstore in the block, as Interrupted or DownloadRefused."""
    from obstore import exceptions

    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise _missing(uri) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
        raise _forbidden(uri, error) from error
    except (exceptions.BaseError, OSError) as error:
        # Listings tell of every status in the same way.
        status = _STATUS.search(str(error))
        if status is not None and status[1] == "404":
            raise _missing(uri) from error
        if status is not None:
            raise _forbidden(uri, error) from error
        raise Interrupted(f"{shown(uri)}: {_line(error)}") from error


def _missing(uri: str) -> DownloadRefused:
    return DownloadRefused(f"{shown(uri)} has no objects or does not exist")


def _forbidden(uri: str, error: Exception) -> DownloadRefused:
    return DownloadRefused(f"{shown(uri)} may not be used with the credentials of this pod: {_line(error)}")


def _line(error: Exception) -> str:
    """What an error says; the rest of its text is for debugging, at great length."""
    return str(error).partition("\n")[0]


def _s3(name: str, environ: Mapping[str, str], client: Mapping[str, Any]) -> list[Callable[[], Store]]:
    """S3 by the settings of KServe's Secrets (s3-endpoint, s3-usehttps, s3-verifyssl, …)."""

    def make() -> Store:
        from obstore.store import S3Store

        virtual = _flag(environ, "S3_USER_VIRTUAL_BUCKET")
        endpoint = _endpoint(environ)
        if _flag(environ, "S3_USE_ACCELERATE") and not endpoint:
            endpoint, virtual = "https://s3-accelerate.amazonaws.com", True
        if endpoint and virtual:
            url = urlsplit(endpoint)
            endpoint = url._replace(netloc=f"{name}.{url.netloc}").geturl()
        config = {
            "access_key_id": environ.get("AWS_ACCESS_KEY_ID", ""),
            "secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY", ""),
            "session_token": environ.get("AWS_SESSION_TOKEN", ""),
            "region": environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION", ""),
            "endpoint": endpoint,
            "virtual_hosted_style_request": virtual,
            "skip_signature": _flag(environ, "awsAnonymousCredential"),
        }
        options = {**client, "allow_http": endpoint.startswith("http://")}
        if environ.get("S3_VERIFY_SSL", "").lower() in _NO:
            options["allow_invalid_certificates"] = True
        if bundle := environ.get("AWS_CA_BUNDLE"):
            options["root_certificate"] = _bundle(bundle)
        return S3Store(
            name,
            config=cast("S3Config", {key: value for key, value in config.items() if value}),
            client_options=cast("ClientConfig", options),
            retry_config={"max_retries": 0},
        )

    return [make]


def _gcs(name: str, environ: Mapping[str, str], client: Mapping[str, Any]) -> list[Callable[[], Store]]:
    """GCS with the account in GOOGLE_APPLICATION_CREDENTIALS; without one as anybody, then as the machine's own account."""
    emulator = environ.get("STORAGE_EMULATOR_HOST", "")
    base = emulator if "://" in emulator or not emulator else f"http://{emulator}"

    def make(config: Mapping[str, Any]) -> Store:
        from obstore.store import GCSStore

        return GCSStore(
            name,
            config=cast("GCSConfig", {**config, **({"base_url": base} if base else {})}),
            client_options=cast("ClientConfig", {**client, "allow_http": base.startswith("http://")}),
            retry_config={"max_retries": 0},
        )

    if account := environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return [lambda: make({"application_credentials": account})]
    return [lambda: make({"skip_signature": True}), lambda: make({})]


def _endpoint(environ: Mapping[str, str]) -> str:
    given = environ.get("AWS_ENDPOINT_URL") or environ.get("S3_ENDPOINT", "")
    if not given or "://" in given:
        return given
    return f"{'http' if environ.get('S3_USE_HTTPS', '').lower() in _NO else 'https'}://{given}"


def _flag(environ: Mapping[str, str], name: str) -> bool:
    return environ.get(name, "").lower() in _YES


def _bundle(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DownloadRefused(f"the CA bundle {path} (AWS_CA_BUNDLE) cannot be read: {error.strerror}") from error
