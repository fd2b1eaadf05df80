"""What the devcluster's server asks of its type system, so that either can be read without the other.

The server (storage, verbs, watches, admission calls) knows no schema; the type system (schemas, defaulting, validation,
patches, field ownership, OpenAPI) knows no storage and does no I/O.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

FieldValidation = Literal["Ignore", "Warn", "Strict"]
PatchType = Literal["json", "merge", "strategic", "apply"]


@dataclass(frozen=True, slots=True)
class Column:
    """A printer column (`kubectl get`): `path` is a JSONPath such as `.status.url`; `priority` above 0 shows with -o wide."""

    name: str
    type: str
    path: str
    priority: int = 0
    description: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class ServedKind:
    """One kind as discovery announces it. `status` and `scale` say which subresources it has."""

    kind: Kind
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: Mapping[str, str] | None = None
    """JSONPaths `specReplicasPath`, `statusReplicasPath`, `labelSelectorPath` when the kind has the scale subresource."""
    columns: tuple[Column, ...] = ()
    preferred: bool = True
    """Whether this is the preferred version of its group."""
    custom: bool = False
    """Whether a CustomResourceDefinition defines it."""
    selectable: tuple[str, ...] = ()
    """Fields (`spec.color`) beyond name and namespace that a definition lets its objects be selected by."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing wrong with an object, as in Status.details.causes. `reason` is metav1.CauseType (FieldValueInvalid …)."""

    reason: str
    message: str
    field: str


class RefusedByTypes(Exception):
    """Base of what the type system refuses; the server turns it into a Status."""


class UnknownFields(RefusedByTypes):
    """Strict field validation: `errors` holds texts such as `unknown field "spec.foo"`; answered with 400 BadRequest."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = tuple(errors)


class Malformed(RefusedByTypes):
    """The object or the patch cannot be understood at all; answered with 400 BadRequest."""


class Unreadable(Malformed):
    """A body that is no object of `kind`, for the reason `why`."""

    def __init__(self, kind: Kind, why: str) -> None:
        super().__init__(f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}')
        self.why = why


class Untyped(RefusedByTypes):
    """An applied object that does not fit its schema; answered with 500, as the server answers what it cannot convert."""


class PatchRefused(RefusedByTypes):
    """A patch that is well-formed but does not apply (a JSON patch `test` that fails); answered with 422 Invalid."""


class InvalidObject(RefusedByTypes):
    """Validation failed; answered with 422 Invalid."""

    def __init__(self, causes: Sequence[Cause], kind: str = "") -> None:
        """`kind` is what the object itself says that it is, where it says something else than the request."""
        super().__init__(", ".join(f"{cause.field}: {cause.message}" for cause in causes))
        self.causes = tuple(causes)
        self.kind = kind


class ApplyConflict(RefusedByTypes):
    """Server-side apply without force met fields of other managers; answered with 409 Conflict and one cause a field."""

    def __init__(self, message: str, causes: Sequence[Cause]) -> None:
        super().__init__(message)
        self.causes = tuple(causes)


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object ready to be stored (copied, pruned, defaulted) and the warnings that go with the answer."""

    object: Object
    warnings: tuple[str, ...] = field(default=())


class TypeSystem(Protocol):
    """Everything about kinds that is not storage. No method changes its arguments; all are synchronous and pure."""

    def served(self) -> Sequence[ServedKind]:
        """All kinds served now: built-in ones and those of accepted CRDs. The server caches nothing of it."""
        ...

    def add_definition(self, crd: Object) -> None:
        """Start (or go on) serving the versions of a CustomResourceDefinition; raises InvalidObject."""
        ...

    def remove_definition(self, name: str) -> None: ...

    def convert(self, obj: Object, to: Kind) -> Object:
        """The same object under another served version of its group and kind."""
        ...

    def prepare(self, kind: Kind, obj: Object, *, field_validation: FieldValidation = "Warn") -> Prepared:
        """Decode as the server does: check apiVersion/kind, drop or refuse unknown fields, apply defaults."""
        ...

    def validate(self, kind: Kind, new: Object, old: Object | None, *, subresource: str = "") -> None:
        """Schema and built-in rules, immutability included; raises InvalidObject."""
        ...

    def patch(self, kind: Kind, live: Object, body: Any, type_: PatchType, *, subresource: str = "") -> Object:
        """`live` with a JSON, merge or strategic merge patch applied (not defaulted, not validated)."""
        ...

    def apply(
        self,
        kind: Kind,
        live: Object | None,
        body: Object,
        *,
        manager: str,
        force: bool,
        now: datetime,
        subresource: str = "",
    ) -> Object:
        """Server-side apply: the merged object with its managedFields; raises ApplyConflict, Malformed."""
        ...

    def track(
        self, kind: Kind, old: Object | None, new: Object, *, manager: str, now: datetime, subresource: str = ""
    ) -> Object:
        """`new` with the managedFields entry of an Update by `manager` brought up to date."""
        ...

    def openapi_v2(self) -> Object: ...

    def openapi_v3_index(self) -> Object:
        """The answer of /openapi/v3: `{"paths": {"apis/apps/v1": {"serverRelativeURL": …}}}`."""
        ...

    def openapi_v3(self, group_version: str) -> Object | None:
        """The document of one group version (`api/v1`, `apis/apps/v1`), with paths whose parameters show that the server
        knows fieldValidation, dryRun and fieldManager; None when it is not served."""
        ...
