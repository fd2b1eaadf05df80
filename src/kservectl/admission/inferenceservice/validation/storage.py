"""Where models come from: several sources at once, storage specs, and confidential serving."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kservectl.admission.inferenceservice.implementations import (
    Implementation,
    block,
    blocks,
    frameworks,
    storage_uri,
    text,
)
from kservectl.admission.inferenceservice.validation.subject import Component, Subject, given
from kservectl.admission.review import FieldError
from kservectl.objects.metadata import Object

_PVC = "pvc://"
_STORAGE_SPEC_SCHEMES = ("s3://", "hdfs://", "webhdfs://")
_RESOURCE_ID = re.compile(r"kbs:///[a-zA-Z0-9_.-]+/[a-zA-Z0-9_.-]+/[a-zA-Z0-9_.-]+")
_DEFAULT_MOUNT_PATH = "/mnt/models"


class _Source(NamedTuple):
    position: int
    uri: str
    path: str

    @property
    def claim(self) -> bool:
        return self.uri.startswith(_PVC)

    @property
    def segments(self) -> list[str]:
        return [segment for segment in self.path.split("/") if segment not in {"", "."}]


def storage_uris_errors(component: Component) -> Iterator[FieldError]:
    """`storageUris`: usable paths that can share one volume, each claim at a path of its own."""
    if "storageUris" not in component.spec:
        return
    field = f"{component.path}.storageUris"
    if any(storage_uri(found) for found in component.implementations):
        yield FieldError(
            field,
            "Setting both StorageURI and StorageURIs is not supported. Keep one of them",
            "FieldValueForbidden",
        )
    sources = _sources(component)
    wrong = [error for source in sources for error in _source_errors(field, source)]
    yield from wrong
    if not wrong:
        yield from _repeated(field, [source for source in sources if source.claim], "PVC storage paths must be unique")
        yield from _parent_errors(field, [source for source in sources if not source.claim])


def download_path_errors(component: Component) -> Iterator[FieldError]:
    """Two downloads into one folder would overwrite each other."""
    downloads = [source for source in _sources(component) if not source.claim]
    yield from _repeated(f"{component.path}.storageUris", downloads, "storage paths must be unique")


def confidential_errors(predictor: Component) -> Iterator[FieldError]:
    """A confidential model is downloaded, and its key has a place."""
    for implementation, confidential in _confidential(predictor):
        if not storage_uri(implementation):
            yield FieldError(
                f"{predictor.path}.{implementation.path}.storageUri",
                "confidential model serving requires storageUri to be set",
                "FieldValueRequired",
            )
        key = text(confidential, "resourceId")
        if key and not _RESOURCE_ID.fullmatch(key):
            yield FieldError(
                f"{predictor.path}.{implementation.path}.confidential.resourceId",
                f'spec.predictor.confidential.resourceId: Invalid value: "{key}": must be in the format'
                " kbs:///<repo>/<type>/<tag>",
            )


def confidential_warnings(subject: Subject) -> Iterator[str]:
    for predictor in subject.predictors:
        for implementation, _ in _confidential(predictor):
            uri = storage_uri(implementation) or ""
            if uri.startswith("oci://"):
                yield (
                    "confidential has no effect with OCI URIs; OCI image decryption is handled by the container runtime"
                    " via runtimeClassName"
                )
            elif uri.startswith(_PVC):
                yield "confidential has no effect with PVC URIs; the storage-initializer is not injected for PVC volumes"


def storage_spec_errors(path: str, implementation: Implementation) -> Iterator[FieldError]:
    """The schemes a `storage` block of a legacy framework can be used with."""
    storage = block(implementation.block, "storage")
    if storage is None:
        return
    uri = implementation.block.get("storageUri")
    accepted = f"[{', '.join(_STORAGE_SPEC_SCHEMES)}]"
    if isinstance(uri, str):
        if not uri.startswith(_STORAGE_SPEC_SCHEMES):
            yield FieldError(
                f"{path}.storageUri",
                f"storageUri, must be one of: {accepted} or match https://{{}}.blob.core.windows.net/{{}}/{{}} or be an"
                f" absolute or relative local path. StorageUri [{uri}] is not supported",
                "FieldValueNotSupported",
            )
        return
    kind = (block(storage, "parameters") or {}).get("type")
    if kind is not None and not f"{kind}://".startswith(_STORAGE_SPEC_SCHEMES):
        yield FieldError(
            f"{path}.storage.parameters.type",
            f"storage.spec.type, must be one of: {accepted}. storage.spec.type [{kind}] is not supported",
            "FieldValueNotSupported",
        )


def _sources(component: Component) -> list[_Source]:
    return [
        _Source(position, text(entry, "uri"), text(entry, "mountPath") if "mountPath" in entry else _DEFAULT_MOUNT_PATH)
        for position, entry in enumerate(blocks(component.spec, "storageUris"))
    ]


def _confidential(predictor: Component) -> Iterator[tuple[Implementation, Object]]:
    for implementation in frameworks(predictor.spec):
        confidential = block(implementation.block, "confidential")
        if confidential is not None and confidential.get("enabled") is True:
            yield implementation, confidential


def _source_errors(field: str, source: _Source) -> Iterator[FieldError]:
    path = f"{field}[{source.position}].mountPath"
    if not source.uri:
        yield FieldError(f"{field}[{source.position}].uri", "storage URI cannot be empty", "FieldValueRequired")
    if not source.path.startswith("/"):
        yield FieldError(path, f"storage path must be absolute: {source.path}")
    elif ".." in source.segments:
        yield FieldError(path, f"storage path cannot contain '..' for security reasons: {source.path}")
    elif not source.segments:
        yield FieldError(path, f"storage path cannot be empty; {given(source.path)} is the root of the container")


def _parent_errors(field: str, downloads: Sequence[_Source]) -> Iterator[FieldError]:
    if len({source.segments[0] for source in downloads}) > 1:
        paths = " ".join(source.path for source in downloads)
        yield FieldError(
            field,
            f"storage paths must have a common parent directory. Current paths: [{paths}] have no common parent beyond root",
        )


def _repeated(field: str, sources: Sequence[_Source], message: str) -> Iterator[FieldError]:
    seen: set[tuple[str, ...]] = set()
    for source in sources:
        segments = tuple(source.segments)
        if segments in seen:
            yield FieldError(
                f"{field}[{source.position}].mountPath",
                f"{message}: {source.path} is used twice",
                "FieldValueDuplicate",
            )
        seen.add(segments)
