"""Create, update and patch: from a decoded body to a stored object, in the order in which kube-apiserver does it.

decode and default → who owns which field → mutating admission → what the server itself sets → validation → validating
admission → compare-and-set. A dry run goes all the way but the last step. Whoever writes in this process (simulated
workloads) goes through the same door.
"""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kservectl.clock import Clock, rfc3339
from kservectl.devcluster import object_meta, strategies
from kservectl.devcluster.admission import Admission, Attributes, Operation
from kservectl.devcluster.contract import Cause, PatchType, Prepared, ServedKind, TypeSystem
from kservectl.devcluster.refusals import (
    already_exists,
    bad_request,
    conflict,
    forbidden,
    must_have_version,
    not_found,
    refusal,
)
from kservectl.devcluster.registry import Registry, resource_of
from kservectl.devcluster.request import WriteOptions
from kservectl.devcluster.storage import Entry, NameTaken, Resource, Stale, Store
from kservectl.devcluster.translation import refusing, refusing_patched
from kservectl.objects.kind import CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from kservectl.objects.metadata import Object, ObjectKey

_RETRIES = 200
"""How often a write without a condition is made anew because somebody was faster; a real server sets no limit."""

_NAME_TRIES = 8
_CLEARED_ON_CREATE = {
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generation",
    "resourceVersion",
}

Change = Callable[[Object], Prepared]
"""Makes the new object out of the live one (both in the version of the request)."""


@dataclass(frozen=True, slots=True)
class Written:
    """The answer to a write. `entry` is not in the store after a dry run or when the write removed the object."""

    entry: Entry
    created: bool = False
    warnings: tuple[str, ...] = ()


class Writer:
    """Writes objects of every stored kind. `random_source` makes generated names and uids."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        types: TypeSystem,
        *,
        clock: Clock,
        admission: Admission,
        addressed: Callable[[Object], Object],
        register: Callable[[Object], None],
        random_source: random.Random,
    ) -> None:
        self._store = store
        self._registry = registry
        self._types = types
        self._clock = clock
        self._admission = admission
        self._addressed = addressed
        self._register = register
        self._random = random_source

    async def create(self, served: ServedKind, namespace: str, body: Any, options: WriteOptions) -> Written:
        """Store a new object; its name may be left to the server (generateName)."""
        kind = served.kind
        body = object_meta.identified(served, body)
        with refusing(kind, str(body["metadata"].get("name") or "")):
            prepared = self._types.prepare(kind, body, field_validation=options.field_validation)
        if prepared.object["metadata"].get("resourceVersion", "") not in {"", "0"}:
            raise refusal(500, "", "resourceVersion should not be set on objects to be created")
        return await self._create(served, namespace, prepared, options, tracked=False)

    async def update(
        self, served: ServedKind, key: ObjectKey, body: Any, options: WriteOptions, *, subresource: str = ""
    ) -> Written:
        """Replace an object, or the part of it that the subresource is about."""
        kind = served.kind
        body = object_meta.identified(served, body)
        with refusing(kind, key.name):
            prepared = self._types.prepare(kind, body, field_validation=options.field_validation)
        prepared = Prepared(object_meta.same_namespace(kind, prepared.object, key.namespace), prepared.warnings)
        _check_name(prepared.object["metadata"].get("name") or "", key)
        live = self.entry(served, key)
        uid = prepared.object["metadata"].get("uid")
        if live is None and strategies.allows_create_on_update(served) and not subresource:
            if uid:
                raise conflict(kind, key.name, _storage_error(kind.plural, key, uid, ""))
            return await self._create(served, key.namespace, prepared, options, tracked=False)
        if live is not None and uid and uid != live.object["metadata"]["uid"]:
            raise conflict(kind, key.name, _storage_error(kind.plural, key, uid, live.object["metadata"]["uid"]))
        return await self._write_over(served, key, lambda _: prepared, options, subresource=subresource)

    async def patch(
        self,
        served: ServedKind,
        key: ObjectKey,
        body: Any,
        patch_type: PatchType,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Written:
        """Change an object by a patch; an apply patch creates it when it is not there."""
        if patch_type == "apply":
            return await self._apply(served, key, body, options, subresource)
        kind = served.kind

        def patched(live: Object) -> Prepared:
            new = self._types.patch(kind, live, body, patch_type, subresource=subresource)
            head = new.get("metadata")
            if isinstance(head, dict) and not head.get("name"):
                said = f"the name of the object ({key.name} based on URL) was undeterminable: name must be provided"
                raise bad_request(said)
            with refusing_patched(new):
                return self._types.prepare(kind, new, field_validation=options.field_validation)

        return await self._write_over(served, key, patched, options, subresource=subresource)

    async def modify(
        self,
        served: ServedKind,
        key: ObjectKey,
        change: Callable[[Object], Object],
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Written:
        """Replace an object by what a function makes of the live one; called again when somebody else was faster."""

        def prepared(live: Object) -> Prepared:
            return self._types.prepare(served.kind, change(live), field_validation="Ignore")

        return await self._write_over(served, key, prepared, options, subresource=subresource)

    def entry(self, served: ServedKind, key: ObjectKey) -> Entry | None:
        return self._store.collection(resource_of(served.kind)).get(key)

    async def _apply(
        self, served: ServedKind, key: ObjectKey, body: Any, options: WriteOptions, subresource: str
    ) -> Written:
        kind = served.kind
        _check_type(served, body)
        body = object_meta.identified(served, body)
        metadata = body["metadata"]
        if "managedFields" in metadata and metadata["managedFields"] is not None:
            raise bad_request("metadata.managedFields must be nil")
        said = metadata.setdefault("name", key.name)

        def applied(live: Object | None) -> Prepared:
            new = self._types.apply(
                kind,
                live,
                body,
                manager=options.manager,
                force=options.force,
                now=self._clock.now(),
                subresource=subresource,
            )
            if live is not None:
                _check_name(said, key)
                object_meta.same_namespace(kind, body, key.namespace)
            prepared = self._types.prepare(kind, new, field_validation=options.field_validation)
            return Prepared(object_meta.with_claims(prepared.object, metadata, live), prepared.warnings)

        if self.entry(served, key) is None:
            with refusing(kind, key.name):
                prepared = applied(None)
            if subresource and not metadata.get("uid"):
                object_meta.same_namespace(kind, body, key.namespace)
                raise not_found(kind, key.name)
            if metadata.get("uid"):
                why = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
                raise conflict(kind, key.name, why)
            _check_name(said, key)
            return await self._create(served, key.namespace, prepared, options, tracked=True)
        return await self._write_over(served, key, applied, options, subresource=subresource, tracked=True)

    async def _create(
        self, served: ServedKind, namespace: str, prepared: Prepared, options: WriteOptions, *, tracked: bool
    ) -> Written:
        kind = served.kind
        obj = object_meta.same_namespace(kind, prepared.object, namespace)
        self._check_namespace(served, obj)
        metadata = {field: value for field, value in obj["metadata"].items() if field not in _CLEARED_ON_CREATE}
        obj = {**obj, "metadata": metadata}
        if served.status:
            obj = strategies.without_status(obj)
        if not tracked:
            obj = self._types.track(kind, None, obj, manager=options.manager, now=self._clock.now())
        attributes = self._attributes("CREATE", served, namespace, str(metadata.get("name") or ""), obj, None, options)
        obj, warnings = await self._mutate(attributes)
        obj = self._with_system_fields(served, obj)
        obj = strategies.on_create(served, obj, addressed=self._addressed)
        self._validate(served, obj, None)
        final = self._attributes("CREATE", served, namespace, obj["metadata"]["name"], obj, None, options)
        warnings += await self._admission.validate(final)
        warnings = (*prepared.warnings, *warnings)
        if options.dry_run:
            if self.entry(served, ObjectKey(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])) is not None:
                raise already_exists(kind, obj["metadata"]["name"])
            return Written(_unstored(served, obj), True, warnings)
        return Written(self._insert(served, obj), True, warnings)

    def _with_system_fields(self, served: ServedKind, obj: Object) -> Object:
        metadata = dict(obj["metadata"])
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = object_meta.generate_name(metadata["generateName"], self._random)
        metadata["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        metadata["creationTimestamp"] = rfc3339(self._clock.now())
        if strategies.has_generation(served):
            metadata["generation"] = 1
        return {**obj, "metadata": metadata}

    def _insert(self, served: ServedKind, obj: Object) -> Entry:
        resource, stored_kind = self._stored(served)
        if (
            served.kind == CUSTOM_RESOURCE_DEFINITION
            and self.entry(served, ObjectKey("", obj["metadata"]["name"])) is None
        ):
            with refusing(served.kind, obj["metadata"]["name"]):
                self._register(obj)
        obj = self._registry.convert(obj, stored_kind)
        for _ in range(_NAME_TRIES):
            try:
                return self._store.insert(resource, stored_kind, obj)
            except NameTaken:
                base = obj["metadata"].get("generateName")
                if not base:
                    break
                metadata = {**obj["metadata"], "name": object_meta.generate_name(base, self._random)}
                obj = {**obj, "metadata": metadata}
        raise already_exists(served.kind, obj["metadata"]["name"])

    async def _write_over(
        self,
        served: ServedKind,
        key: ObjectKey,
        change: Change,
        options: WriteOptions,
        *,
        subresource: str,
        tracked: bool = False,
    ) -> Written:
        kind = served.kind
        for _ in range(_RETRIES):
            live = self.entry(served, key)
            if live is None:
                raise not_found(kind, key.name)
            old = live.as_kind(kind, self._registry.convert)
            with refusing(kind, key.name):
                prepared = change(old)
            self._check_version(served, key, prepared.object, old)
            new, warnings = await self._admitted(served, key, prepared.object, old, options, subresource, tracked)
            warnings = (*prepared.warnings, *warnings)
            if options.dry_run:
                return Written(_unstored(served, new), False, warnings)
            try:
                return Written(self._store_over(served, live, new, old), False, warnings)
            except Stale:
                continue
        raise conflict(kind, key.name)

    async def _admitted(
        self,
        served: ServedKind,
        key: ObjectKey,
        candidate: Object,
        old: Object,
        options: WriteOptions,
        subresource: str,
        tracked: bool,
    ) -> tuple[Object, tuple[str, ...]]:
        """The object to store in place of `old`, after everything that may change or refuse it."""
        kind = served.kind
        new = strategies.on_update(served, object_meta.inheriting(candidate, old), old, subresource)
        if not tracked:
            new = self._types.track(
                kind, old, new, manager=options.manager, now=self._clock.now(), subresource=subresource
            )
        attributes = self._attributes("UPDATE", served, key.namespace, key.name, new, old, options, subresource)
        mutated, warnings = await self._mutate(attributes)
        if mutated is not new:
            new = strategies.on_update(served, object_meta.inheriting(mutated, old), old, subresource)
        self._validate(served, new, old, subresource)
        final = self._attributes("UPDATE", served, key.namespace, key.name, new, old, options, subresource)
        return new, warnings + await self._admission.validate(final)

    def _store_over(self, served: ServedKind, live: Entry, new: Object, old: Object) -> Entry:
        resource, stored_kind = self._stored(served)
        metadata = new["metadata"]
        if metadata.get("deletionTimestamp") and may_go(served, new):
            last_state = self._registry.convert(new, stored_kind)
            self._store.remove(resource, live, last_state=last_state)
            return Entry(stored_kind, live.key, last_state, live.revision)  # kube-apiserver names the version it was
        if object_meta.same_but_for_times(new, old):
            if self._store.collection(resource).get(live.key) is not live:
                raise Stale(str(live.key))
            return live
        if served.kind == CUSTOM_RESOURCE_DEFINITION and new.get("spec") != old.get("spec"):
            with refusing(served.kind, live.key.name):
                self._register(new)
        return self._store.replace(resource, stored_kind, self._registry.convert(new, stored_kind), live)

    def _check_version(self, served: ServedKind, key: ObjectKey, candidate: Object, live: Object) -> None:
        version = candidate["metadata"].get("resourceVersion")
        if version in {None, "", "0"}:
            if not strategies.allows_unconditional_update(served):
                raise must_have_version(served.kind, key.name)
        elif version != live["metadata"]["resourceVersion"]:
            raise conflict(served.kind, key.name)

    def _check_namespace(self, served: ServedKind, obj: Object) -> None:
        """Namespace lifecycle: nothing new in a namespace that is absent or on its way out."""
        if not served.kind.namespaced:
            return
        name = obj["metadata"]["namespace"]
        namespace = self._store.collection(resource_of(NAMESPACE)).get(ObjectKey("", name))
        if namespace is None:
            raise not_found(NAMESPACE, name)
        if namespace.object["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {name} because it is being terminated"
            cause = Cause("NamespaceTerminating", f"namespace {name} is being terminated", "metadata.namespace")
            raise forbidden(served.kind, str(obj["metadata"].get("name") or ""), why, [cause])

    def _validate(self, served: ServedKind, new: Object, old: Object | None, subresource: str = "") -> None:
        with refusing(served.kind, str(new["metadata"].get("name") or "")):
            self._types.validate(served.kind, new, old, subresource=subresource)

    async def _mutate(self, attributes: Attributes) -> tuple[Object, tuple[str, ...]]:
        """The object after mutating admission, decoded and defaulted anew when it was changed."""
        before = attributes.object or {}
        mutated = await self._admission.mutate(attributes)
        if mutated.object is None or mutated.object is before:
            return before, mutated.warnings
        kind = attributes.served.kind
        with refusing(kind, attributes.name):
            return self._types.prepare(kind, mutated.object, field_validation="Ignore").object, mutated.warnings

    def _attributes(
        self,
        operation: Operation,
        served: ServedKind,
        namespace: str,
        name: str,
        obj: Object,
        old: Object | None,
        options: WriteOptions,
        subresource: str = "",
    ) -> Attributes:
        said: Object = {
            "kind": "CreateOptions" if operation == "CREATE" else "UpdateOptions",
            "apiVersion": "meta.k8s.io/v1",
            "fieldManager": options.manager,
            "fieldValidation": options.field_validation,
        }
        if options.dry_run:
            said["dryRun"] = ["All"]
        return Attributes(
            operation, served, namespace, name, obj, old, subresource, options.dry_run, said, options.user
        )

    def _stored(self, served: ServedKind) -> tuple[Resource, Any]:
        resource = resource_of(served.kind)
        return resource, self._registry.stored_as(resource) or served.kind


def may_go(served: ServedKind, obj: Object) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    metadata = obj["metadata"]
    if metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"):
        return False
    return served.kind != NAMESPACE or not (obj.get("spec") or {}).get("finalizers")


def _check_name(said: str, key: ObjectKey) -> None:
    if said != key.name:
        raise bad_request(f"the name of the object ({said}) does not match the name on the URL ({key.name})")


def _check_type(served: ServedKind, body: Any) -> None:
    """An apply says of what kind its object is; nothing is filled in for it."""
    if not isinstance(body, dict):
        return
    group, _, version = str(body.get("apiVersion") or "").rpartition("/")
    stated, kind = (group, version, body.get("kind") or ""), served.kind
    if stated != (kind.group, kind.version, kind.kind):
        raise bad_request(f"invalid object type: {group}/{version}, Kind={stated[2]}")


def _unstored(served: ServedKind, obj: Object) -> Entry:
    metadata = obj["metadata"]
    return Entry(served.kind, ObjectKey(metadata.get("namespace", ""), metadata["name"]), obj, 0)


def _storage_error(plural: str, key: ObjectKey, wanted: str, found: str) -> str:
    return (
        f"StorageError: invalid object, Code: 4, Key: /registry/{plural}/{key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {found}"
    )
