"""Credentials of a `storage:` spec: an entry of a Secret that describes a storage, and parameters that override it."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from kservectl.api.config_keys import Credentials
from kservectl.modelstorage import gojson
from kservectl.modelstorage.ca_bundle import BUNDLE_ENV
from kservectl.modelstorage.context import FindObject
from kservectl.modelstorage.credentials import secret_data
from kservectl.modelstorage.credentials.grant import Grant, from_secret
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.kind import SECRET
from kservectl.objects.metadata import Object

SPEC_ANNOTATION = "internal.serving.kserve.io/storage-spec"
PARAMETERS_ANNOTATION = "internal.serving.kserve.io/storage-spec-param"
KEY_ANNOTATION = "internal.serving.kserve.io/storage-spec-key"

PLACEHOLDER = "<scheme-placeholder>://"
"""The beginning of a URI whose scheme only the Secret knows."""

_TYPES = ("s3", "hdfs", "webhdfs")


@dataclass(frozen=True, slots=True)
class StorageSpec:
    """`secret` is the name of the Secret, `key` that of the entry; "" for the default one."""

    secret: str
    key: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ResolvedStorage:
    """What a spec comes down to: the storage's type, its bucket ("" for none), and what the container is given."""

    type: str
    bucket: str
    grant: Grant

    def uri(self, uri: str) -> str:
        """`uri` with its placeholder filled in; raises PodRefused for S3 without a bucket."""
        if not uri.startswith(PLACEHOLDER):
            return uri
        path = uri.removeprefix(PLACEHOLDER)
        if self.type != "s3":
            return f"{self.type}://{path}"
        if not self.bucket:
            raise PodRefused(
                "format [s3] requires a bucket but one wasn't found in storage data or parameters;"
                " set storage.parameters.bucket"
            )
        return f"s3://{self.bucket}/{path}"


def spec_of(notes: Mapping[str, str], config: Credentials) -> StorageSpec | None:
    """The storage spec in a pod's annotations, if there is one; raises PodRefused for unreadable parameters."""
    if notes.get(SPEC_ANNOTATION) != "true":
        return None
    chosen = config.storage_secret_name_annotation
    secret = notes.get(chosen, "") if chosen else ""
    return StorageSpec(secret or config.secret_name, notes.get(KEY_ANNOTATION, ""), _parameters(notes))


def resolve(spec: StorageSpec, find: FindObject) -> ResolvedStorage:
    """`spec` with what its Secret says; raises PodRefused."""
    secret = find(SECRET, spec.secret)
    kind = spec.parameters.get("type", "")
    key = spec.key or (f"default_{kind}" if kind else "default")
    if secret is None and spec.key:
        missing = f'secrets "{spec.secret}" not found'
        raise PodRefused(f"can't read storage secret {spec.secret}: {missing}")
    present = secret is not None and key in secret_data.keys(secret)
    if spec.key and not present:
        raise PodRefused(f"specified storage key {key} not found in storage secret {spec.secret}")
    bucket = spec.parameters.get("bucket", "")
    entry: Mapping[str, str] = {}
    if secret is not None and present and (not kind or (kind == "s3" and not bucket)):
        entry = _entry(secret, key, spec.secret)
    kind = _checked_type(kind, entry, key, spec.secret)
    env: list[Object] = []
    if entry.get("cabundle_configmap"):
        env.append({"name": BUNDLE_ENV, "value": entry["cabundle_configmap"]})
    if present:
        env.append(from_secret("STORAGE_CONFIG", spec.secret, key))
    if spec.parameters:
        env.append({"name": "STORAGE_OVERRIDE_CONFIG", "value": gojson.compact(spec.parameters, sort_keys=True)})
    return ResolvedStorage(kind, bucket or entry.get("bucket", ""), Grant(env=tuple(env)))


def _parameters(notes: Mapping[str, str]) -> Mapping[str, str]:
    try:
        found = orjson.loads(notes.get(PARAMETERS_ANNOTATION) or "{}")
    except orjson.JSONDecodeError as problem:
        raise PodRefused(f"annotation {PARAMETERS_ANNOTATION} is not JSON: {problem}") from problem
    if not _is_texts(found):
        raise PodRefused(f"annotation {PARAMETERS_ANNOTATION} is not a JSON object of texts")
    parameters: Mapping[str, str] = found
    return parameters


def _entry(secret: Object, key: str, name: str) -> Mapping[str, str]:
    problem = f"invalid json encountered in key {key} of storage secret {name}"
    try:
        found = orjson.loads(secret_data.text(secret, key))
    except orjson.JSONDecodeError as error:
        # Without its cause, which carries the whole text.
        raise PodRefused(f"{problem}: line {error.lineno} column {error.colno} is no JSON") from None
    if not _is_texts(found):
        raise PodRefused(f"{problem}: it must be an object whose values are all texts")
    entry: Mapping[str, str] = found
    return entry


def _checked_type(wanted: str, entry: Mapping[str, str], key: str, secret: str) -> str:
    accepted = ", ".join(_TYPES)
    if wanted:
        if wanted not in _TYPES:
            raise PodRefused(
                f"storage type must be one of [{accepted}]. storage type [{wanted}] is not supported;"
                " correct storage.parameters.type"
            )
        return wanted
    if "type" not in entry:
        raise PodRefused(
            f"unable to determine storage type; set storage.parameters.type to one of [{accepted}],"
            f" or type in key {key} of Secret {secret}"
        )
    if entry["type"] not in _TYPES:
        raise PodRefused(
            f"storage type must be one of [{accepted}]. The storage type in key {key} of Secret {secret} is not supported"
        )
    return entry["type"]


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(member, str) for member in value.values())
