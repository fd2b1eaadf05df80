"""What one decision would change, to the field: the writes of `apply` carried out on copies, as the API server would.

A child that KServe's manager wrote is taken over first (`runtime.inheritance`); then what is desired is applied to it by the
rules of server-side apply, and the defaults of its kind are filled in. What comes out is compared with what is there. So a
field that the predecessor set and nobody wants goes, unless the API server would only put it back. What a mutating webhook
of somebody else would put back is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from kservectl.devcluster.contract import InvalidObject, RefusedByTypes, TypeSystem
from kservectl.devcluster.refusals import invalid
from kservectl.objects import mergepatch, metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.preflight.fields import FieldChange, field_changes
from kservectl.preflight.report import Finding, Forecast, ObjectChange
from kservectl.runtime.controller import Controller
from kservectl.runtime.drift import applied_fields, differences
from kservectl.runtime.inheritance import Inheritance, inherited
from kservectl.runtime.outcome import Child, Failure, Outcome
from kservectl.runtime.planning import child_body, leftovers, owner_patch, stranger
from kservectl.runtime.view import View
from kservectl.runtime.writes import FIELD_MANAGER

_SERVERS_OWN = frozenset({"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"})
_MOMENTS = frozenset({"lastTransitionTime", "lastUpdateTime", "observedGeneration", "time"})
"""Fields of a status that say when, not what."""


@dataclass(frozen=True, slots=True)
class _Child:
    """One desired object: the change that it comes to, or why it would be refused; neither when it stays as it is."""

    kind: Kind
    key: ObjectKey
    exists: bool
    change: ObjectChange | None
    refusal: str


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Decides with the controllers' own functions. `types` knows the kinds of children, `now` dates nothing that is kept."""

    types: TypeSystem
    inheritance: Inheritance
    now: datetime

    def forecast(
        self, controller: Controller, owner: Object, outcome: Outcome, view: View, unseen: Mapping[Child, Object]
    ) -> Forecast:
        """`unseen` holds objects that the caches do not show, because they lack our labels, under names that are wanted."""
        about = metadata.describe({**owner, "kind": controller.kind.kind})
        adopts = {owned.kind: owned.adopts for owned in controller.owns}
        children = self._children(owner, outcome, adopts, view, unseen)
        changes = [each.change for each in children if each.change is not None]
        failures = [Failure(each.kind, each.key, each.refusal) for each in children if each.refusal]
        findings = [_refused(about, owner, each) for each in children if each.refusal]
        if outcome.terminal_error is not None:
            findings.append(Finding("warning", about, f"it cannot be decided: {outcome.terminal_error}"))
        if failures and controller.on_failure is not None:
            outcome = controller.on_failure(owner, outcome, failures, view)
        wanted = {(each.kind, each.key) for each in children}
        if outcome.complete and not metadata.is_deleting(owner):
            changes += [
                ObjectChange(kind, metadata.key(obj), "delete", f"{about} owns it and does not lead to it any more")
                for kind, obj in leftovers(owner, adopts, wanted, view)
            ]
        changes += [
            ObjectChange(each.kind, ObjectKey(each.namespace, each.name), "delete", f"{about} asks for it")
            for each in outcome.delete
            if view.get(each.kind, each.name, each.namespace) is not None
        ]
        changes += self._of_owner(controller.kind, owner, outcome)
        findings += _lost_conditions(about, owner, outcome)
        kept = sum(each.change is None and not each.refusal for each in children)
        return Forecast(controller.kind, metadata.key(owner), tuple(changes), tuple(findings), kept)

    def wanted_unseen(self, controller: Controller, owner: Object, outcome: Outcome, view: View) -> set[Child]:
        """Names under which the caches show nothing, so that an object would be created."""
        kinds = {owned.kind: owned.adopts for owned in controller.owns}
        found: set[Child] = set()
        for desired in outcome.desired:
            kind = _kind_of(desired, kinds)
            key = metadata.key(child_body(owner, desired, kind, shared=True))
            if view.get(kind, key.name, key.namespace) is None:
                found.add((kind, key))
        return found

    def _children(
        self, owner: Object, outcome: Outcome, adopts: Mapping[Kind, bool], view: View, unseen: Mapping[Child, Object]
    ) -> list[_Child]:
        if metadata.is_deleting(owner):
            return []
        found = []
        for position, desired in enumerate(outcome.desired):
            kind = _kind_of(desired, adopts)
            body = child_body(owner, desired, kind, shared=position in outcome.shared)
            key = metadata.key(body)
            live = view.get(kind, key.name, key.namespace) or unseen.get((kind, key))
            change, refusal = None, ""
            if live is not None and (why := stranger(owner, body, kind, live, adopts=adopts[kind])):
                refusal = why
            else:
                try:
                    change = self._written(kind, key, body, live)
                except InvalidObject as problem:
                    refusal = invalid(kind, key.name, problem.causes).message
                except RefusedByTypes as problem:
                    refusal = f'{kind} "{key.name}" would be refused: {problem}'
            found.append(_Child(kind, key, live is not None, change, refusal))
        return found

    def _written(self, kind: Kind, key: ObjectKey, body: Object, live: Object | None) -> ObjectChange | None:
        """The write of one child; None when it stays as it is."""
        if live is None:
            created = self._applied(kind, None, body)
            return ObjectChange(kind, key, "create", "it is wanted and is not there", tuple(_fields({}, created)))
        if applied_fields(live, FIELD_MANAGER) is None:
            entries = inherited(live, kind.api_version, FIELD_MANAGER, self.inheritance, body)
            taken = _with_record(live, entries if entries is not None else _record(live))
        elif not differences(live, body, FIELD_MANAGER):
            return None
        else:
            taken = _with_record(live, _record(live))
        before = self.types.prepare(kind, live, field_validation="Ignore").object
        after = self._applied(kind, taken, body)
        fields = tuple(_fields(before, after))
        return ObjectChange(kind, key, "update", _why(fields), fields) if fields else None

    def _applied(self, kind: Kind, live: Object | None, body: Object) -> Object:
        merged = self.types.apply(kind, live, body, manager=FIELD_MANAGER, force=True, now=self.now)
        prepared = self.types.prepare(kind, merged, field_validation="Ignore").object
        self.types.validate(kind, prepared, live)
        return prepared

    def _of_owner(self, kind: Kind, owner: Object, outcome: Outcome) -> list[ObjectChange]:
        patch = owner_patch(owner, outcome)
        after = owner if patch is None else mergepatch.apply(owner, patch)
        fields = _fields(owner, after)
        if outcome.status is not None:
            fields += field_changes(_timeless({"status": owner.get("status")}), _timeless({"status": outcome.status}))
        if not fields:
            return []
        return [ObjectChange(kind, metadata.key(owner), "update", _why(tuple(fields)), tuple(fields))]


def _refused(about: str, owner: Object, child: _Child) -> Finding:
    """What is refused stands in the way of something that works now; what does not work stays as it is."""
    conditions = (owner.get("status") or {}).get("conditions") or ()
    works = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
    return Finding("blocker" if child.exists or works else "warning", about, child.refusal)


def _kind_of(desired: Object, kinds: Mapping[Kind, bool]) -> Kind:
    named = (str(desired.get("apiVersion")), str(desired.get("kind")))
    return next(kind for kind in kinds if (kind.api_version, kind.kind) == named)


def _with_record(live: Object, entries: list[Object]) -> Object:
    """With these entries as managedFields, and their `fieldsV1` as trees: caches hold it as text."""
    trees = [
        {**entry, "fieldsV1": orjson.loads(fields)} if isinstance(fields := entry.get("fieldsV1"), str) else entry
        for entry in entries
    ]
    return {**live, "metadata": {**live["metadata"], "managedFields": trees}}


def _record(live: Object) -> list[Object]:
    found: list[Object] = live["metadata"].get("managedFields") or []
    return found


def _fields(before: Object, after: Object) -> list[FieldChange]:
    """Of two states of an object, without what the server keeps of it for itself."""
    return field_changes(comparable(before), comparable(after))


def comparable(obj: Object, *, status: bool = False) -> Object:
    """What of an object is compared: not what the server keeps for itself; its status if asked for, without times."""
    if status:
        return {**comparable(obj), "status": _timeless(obj.get("status") or {})}
    meta = {name: value for name, value in metadata.metadata(obj).items() if name not in _SERVERS_OWN}
    inner = {name: value for name, value in obj.items() if name not in ("status", "apiVersion", "kind")}
    return {**inner, "metadata": meta}


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _timeless(inner) for name, inner in value.items() if name not in _MOMENTS}
    if isinstance(value, list):
        items = [_timeless(item) for item in value]
        by_type = all(isinstance(item, dict) and "type" in item for item in items)
        # Conditions have no order.
        return {str(item["type"]): item for item in items} if by_type and items else items
    return value


def _why(fields: tuple[FieldChange, ...]) -> str:
    hows = {each.how for each in fields}
    if hows == {"removed"}:
        return "it has fields that were set by KServe's manager and that nobody wants any more"
    if hows == {"added"}:
        return "kservectl sets fields that it does not have"
    return "kservectl wants it otherwise"


def _lost_conditions(about: str, owner: Object, outcome: Outcome) -> list[Finding]:
    """Conditions that hold now and would not: somebody waits for them, or is alarmed."""
    if outcome.status is None:
        return []
    held, holding = (
        {each.get("type"): each for each in (status or {}).get("conditions") or ()}
        for status in (owner.get("status"), outcome.status)
    )
    return [
        Finding(
            "warning", about, f"condition {type_} would not hold any more: {after.get('message') or 'no reason given'}"
        )
        for type_, before in held.items()
        if before.get("status") == "True"
        and (after := holding.get(type_) or {}).get("status", "") != "True"
        and (after or type_ == "Ready")
    ]
