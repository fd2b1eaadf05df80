"""Where the log of payloads goes with a store path: files in a bucket.

`s3://BUCKET/PREFIX` and the store path `/logger` give `PREFIX/NAMESPACE/SERVICE/COMPONENT/logger/ID-request.json`; a file with
several records is called after the first, `ID-batch.json`.
"""

from collections.abc import Mapping, Sequence

from kservectl.agent.events import Payload
from kservectl.agent.payloads import SinkError
from kservectl.agent.records import LogFile, Marshaller, Origin, to_file
from kservectl.clock import Clock
from kservectl.download.blocking import in_thread
from kservectl.download.buckets import Store, bucket_of, told
from kservectl.download.errors import DownloadRefused, Interrupted

_SECONDS = 60.0
_READ_SECONDS = 30.0
_TYPES = {"json": "application/json", "csv": "text/csv"}


class BucketSink:
    """Stores files below the log URL of `origin`, an s3:// or gs:// one. Raises DownloadRefused if that names no bucket."""

    def __init__(
        self,
        origin: Origin,
        store_path: str,
        file_format: str,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        marshaller: Marshaller | None = None,
    ) -> None:
        self._origin = origin
        self._path = store_path.strip("/")
        self._format = file_format
        self._marshaller = marshaller
        self._clock = clock
        self._bucket = bucket_of(origin.log_url, environ, _READ_SECONDS)
        self._store: Store | None = None

    async def __call__(self, batch: Sequence[Payload]) -> None:
        """Store `batch` as one file; raises SinkError."""
        if self._marshaller is None:
            file = await in_thread(lambda _: to_file(batch, self._origin, self._format))
        else:
            file = await self._marshaller.to_file(batch, self._origin)
        await self._put(self._key(batch, file), file)

    def _key(self, batch: Sequence[Payload], file: LogFile) -> str:
        about = self._origin.about
        kind = batch[0].kind if len(batch) == 1 else "batch"
        name = f"{_segment(batch[0].id)}-{kind}.{file.extension}"
        parts = (self._bucket.prefix, about.namespace, about.inference_service, about.component, self._path, name)
        return "/".join(part for part in parts if part)

    async def _put(self, key: str, file: LogFile) -> None:
        import obstore  # an extra, which a log over HTTP does without

        try:
            async with self._clock.timeout(_SECONDS):
                with told(self._origin.log_url):
                    if self._store is None:
                        self._store = self._bucket.stores[-1]()  # writing needs an account: nobody is asked as anybody
                    content_type = _TYPES.get(file.extension, "application/octet-stream")
                    attributes = {"Content-Type": content_type}
                    await obstore.put_async(self._store, key, file.content, attributes=attributes)
        except TimeoutError as error:
            raise SinkError(f"{key} could not be stored within {_SECONDS:g} s") from error
        except (DownloadRefused, Interrupted) as error:
            raise SinkError(f"{key} could not be stored: {error}") from error


def _segment(text: str) -> str:
    """An id that a caller chose, as a part of a key that stays in its place."""
    return text.replace("/", "_").replace("..", "_")
