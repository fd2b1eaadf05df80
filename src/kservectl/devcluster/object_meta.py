"""The rules of metadata that hold for objects of every kind, on creation and on update."""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.refusals import bad_request, quoted
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")

_SAY_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_SAY_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_SAY_1035 = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
    "with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_SAY_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_SAY_LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)

_ANNOTATIONS_LIMIT = 256 * 1024
_GENERATED_BASE_LIMIT = 58
_GENERATED_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels and no digits that look like letters: no words by chance
_LABEL_NAMED = {"namespaces", "jobs.batch"}
_PATH_NAMED_GROUPS = {"rbac.authorization.k8s.io"}


def generate_name(base: str, source: random.Random) -> str:
    """A name for `metadata.generateName`: the base (cut to fit) and five random letters."""
    return base[:_GENERATED_BASE_LIMIT] + "".join(source.choice(_GENERATED_LETTERS) for _ in range(5))


def same_namespace(kind: Kind, obj: Object, namespace: str) -> Object:
    """`obj` in the namespace of the request; raises BadRequest when it says another one."""
    metadata = obj.get("metadata") or {}
    said = metadata.get("namespace") or ""
    if not kind.namespaced:
        if said:
            raise (
                bad_request("namespace should be empty for cluster-scoped resources")
                if namespace
                else bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                )
            )
        return obj
    if said and said != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    return obj if said else {**obj, "metadata": {**metadata, "namespace": namespace}}


def check(kind: Kind, obj: Object) -> list[Cause]:
    """What is wrong with the metadata of an object about to be stored."""
    metadata = obj["metadata"]
    found = [*_check_name(kind, str(metadata.get("name") or ""))]
    found += _check_labels(metadata.get("labels") or {})
    found += _check_annotations(metadata.get("annotations") or {})
    for finalizer in metadata.get("finalizers") or ():
        found += _qualified("metadata.finalizers", finalizer)
    found += _check_owners(metadata.get("ownerReferences") or ())
    return found


def check_update(new: Object, old: Object) -> list[Cause]:
    """What of an update's metadata may not change."""
    before, after = old["metadata"], new["metadata"]
    found: list[Cause] = []
    for name in ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if after.get(name) != before.get(name):
            said = f"Invalid value: {quoted(after.get(name))}: field is immutable"
            found += [Cause("FieldValueInvalid", said, f"metadata.{name}")] * (2 if name == "uid" else 1)
    if before.get("deletionTimestamp"):
        added = set(after.get("finalizers") or ()) - set(before.get("finalizers") or ())
        if added:
            listed = quoted(sorted(added))
            said = f"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {listed}"
            found.append(Cause("FieldValueForbidden", said, "metadata.finalizers"))
    return found


def _check_name(kind: Kind, name: str) -> Iterator[Cause]:
    field = "metadata.name"
    if not name:
        yield Cause("FieldValueRequired", "Required value: name or generateName is required", field)
        return
    if kind.group in _PATH_NAMED_GROUPS:
        pattern, limit, said = None, 253, ""
    elif kind.resource == "services":
        pattern, limit, said = _DNS_1035, 63, _SAY_1035
    elif kind.resource in _LABEL_NAMED:
        pattern, limit, said = _LABEL, 63, _SAY_LABEL
    else:
        pattern, limit, said = _SUBDOMAIN, 253, _SAY_SUBDOMAIN
    if len(name) > limit:
        yield Cause("FieldValueInvalid", f"Invalid value: {quoted(name)}: must be no more than {limit} bytes", field)
    if pattern is not None and not pattern.fullmatch(name):
        yield Cause("FieldValueInvalid", f"Invalid value: {quoted(name)}: {said}", field)
    if pattern is None and (name in {".", ".."} or "/" in name or "%" in name):
        yield Cause("FieldValueInvalid", f"Invalid value: {quoted(name)}: may not contain '/' or '%'", field)


def _check_labels(labels: Mapping[str, Any]) -> Iterator[Cause]:
    for key, value in labels.items():
        yield from _qualified("metadata.labels", key)
        if len(value) > 63:
            said = f"Invalid value: {quoted(value)}: must be no more than 63 bytes"
            yield Cause("FieldValueInvalid", said, "metadata.labels")
        if not _LABEL_VALUE.fullmatch(value):
            yield Cause("FieldValueInvalid", f"Invalid value: {quoted(value)}: {_SAY_LABEL_VALUE}", "metadata.labels")


def _check_annotations(annotations: Mapping[str, Any]) -> Iterator[Cause]:
    for key in annotations:
        yield from _qualified("metadata.annotations", key.lower())
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        said = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        yield Cause("FieldValueTooLong", said, "metadata.annotations")


def _qualified(field: str, key: str) -> Iterator[Cause]:
    prefix, slash, short = key.rpartition("/")
    if slash and not (prefix and len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix)):
        said = f"Invalid value: {quoted(key)}: prefix part {_SAY_SUBDOMAIN}"
        yield Cause("FieldValueInvalid", said, field)
    if len(short) > 63:
        yield Cause(
            "FieldValueInvalid", f"Invalid value: {quoted(key)}: name part must be no more than 63 bytes", field
        )
    if not _QUALIFIED.fullmatch(short):
        yield Cause("FieldValueInvalid", f"Invalid value: {quoted(key)}: {_SAY_QUALIFIED}", field)


def _check_owners(owners: Iterable[Mapping[str, Any]]) -> Iterator[Cause]:
    controllers: list[Mapping[str, Any]] = []
    for owner in owners:
        for part in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(part):
                said = f'Invalid value: "": {"version" if part == "apiVersion" else part} must not be empty'
                yield Cause("FieldValueInvalid", said, f"metadata.ownerReferences.{part}")
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        first, second = (f"{owner.get('kind')}/{owner.get('name')}" for owner in controllers[:2])
        said = (
            f"Invalid value: {quoted(list(controllers))}: Only one reference can have Controller set to true. Found "
            f'"true" in references for {first} and {second}'
        )
        yield Cause("FieldValueInvalid", said, "metadata.ownerReferences")
