"""A TypeSystem with no schemas: everything is allowed, patches are merges. For tests of the server alone."""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jsonpatch

from kservectl.devcluster.contract import FieldValidation, Malformed, PatchRefused, PatchType, Prepared, ServedKind
from kservectl.objects.kind import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    DEPLOYMENT,
    EVENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    LEASE,
    MUTATING_WEBHOOK_CONFIGURATION,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOK_CONFIGURATION,
    Kind,
)
from kservectl.objects.metadata import Object

_SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": ".status.selector",
}


class PlainTypes:
    def __init__(self) -> None:
        self._built_in = [
            ServedKind(
                kind,
                kind.kind.lower(),
                status=kind
                in {
                    DEPLOYMENT,
                    POD,
                    NAMESPACE,
                    SERVICE,
                    REPLICA_SET,
                    JOB,
                    CUSTOM_RESOURCE_DEFINITION,
                    HORIZONTAL_POD_AUTOSCALER,
                },
                scale=_SCALE if kind in {DEPLOYMENT, REPLICA_SET} else None,
            )
            for kind in (
                CONFIG_MAP,
                NAMESPACE,
                POD,
                SECRET,
                SERVICE,
                SERVICE_ACCOUNT,
                DEPLOYMENT,
                REPLICA_SET,
                JOB,
                LEASE,
                EVENT,
                Kind("", "v1", "Event", "events"),
                HORIZONTAL_POD_AUTOSCALER,
                CUSTOM_RESOURCE_DEFINITION,
                MUTATING_WEBHOOK_CONFIGURATION,
                VALIDATING_WEBHOOK_CONFIGURATION,
            )
        ]
        self._custom: dict[str, list[ServedKind]] = {}

    def served(self) -> Sequence[ServedKind]:
        return [*self._built_in, *(one for many in self._custom.values() for one in many)]

    def add_definition(self, crd: Object) -> None:
        spec = crd["spec"]
        names = spec["names"]
        self._custom[crd["metadata"]["name"]] = [
            ServedKind(
                Kind(spec["group"], version["name"], names["kind"], names["plural"], spec["scope"] == "Namespaced"),
                names["kind"].lower(),
                tuple(names.get("shortNames", ())),
                status="status" in version.get("subresources", {}),
                scale=version.get("subresources", {}).get("scale"),
                preferred=version.get("storage", False),
                custom=True,
            )
            for version in spec["versions"]
            if version["served"]
        ]

    def remove_definition(self, name: str) -> None:
        self._custom.pop(name, None)

    def convert(self, obj: Object, to: Kind) -> Object:
        return {**obj, "apiVersion": to.api_version}

    def prepare(self, kind: Kind, obj: Object, *, field_validation: FieldValidation = "Warn") -> Prepared:
        if obj.get("kind") != kind.kind or obj.get("apiVersion") != kind.api_version:
            raise Malformed("the API version in the data does not match the expected API version")
        return Prepared(copy.deepcopy(obj))

    def validate(self, kind: Kind, new: Object, old: Object | None, *, subresource: str = "") -> None:
        pass

    def patch(self, kind: Kind, live: Object, body: Any, type_: PatchType, *, subresource: str = "") -> Object:
        if type_ == "json":
            try:
                patched: Object = jsonpatch.apply_patch(live, body)
                return patched
            except jsonpatch.JsonPatchException as error:
                raise PatchRefused(str(error)) from error
        return dict(_merge(live, body))

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
        return dict(_merge(live or {}, body))

    def track(
        self, kind: Kind, old: Object | None, new: Object, *, manager: str, now: datetime, subresource: str = ""
    ) -> Object:
        return new

    def openapi_v2(self) -> Object:
        return {}

    def openapi_v3_index(self) -> Object:
        return {"paths": {}}

    def openapi_v3(self, group_version: str) -> Object | None:
        return None


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, Mapping):
        return patch
    base = target if isinstance(target, Mapping) else {}
    return {k: v for k, v in base.items() if k not in patch} | {
        k: _merge(base.get(k), v) for k, v in patch.items() if v is not None
    }
