"""What the server says it serves: groups, versions and resources, in the legacy and the aggregated form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kservectl.devcluster.contract import ServedKind
from kservectl.devcluster.registry import Registry
from kservectl.devcluster.scale import SCALE
from kservectl.objects.kind import NAMESPACE, POD, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object

VERSION: Mapping[str, str] = {
    "major": "1",
    "minor": "34",
    "emulationMajor": "1",
    "emulationMinor": "34",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "33",
    "gitVersion": "v1.34.4+kservectl",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource as discovery shows it: the kind of its objects and its verbs."""

    name: str
    kind: Kind
    verbs: Sequence[str]


_CHANGED = ("get", "patch", "update")
_OWN_SUBRESOURCES: Mapping[Kind, Sequence[Subresource]] = {
    NAMESPACE: (Subresource("finalize", NAMESPACE, ("update",)),),
    POD: (
        Subresource("binding", Kind("", "v1", "Binding", "bindings"), ("create",)),
        Subresource("eviction", Kind("policy", "v1", "Eviction", "evictions"), ("create",)),
        Subresource("log", POD, ("get",)),
    ),
    SERVICE_ACCOUNT: (
        Subresource("token", Kind("authentication.k8s.io", "v1", "TokenRequest", "tokenrequests"), ("create",)),
    ),
}


def subresources(served: ServedKind) -> list[Subresource]:
    """The subresources of a kind."""
    found = list(_OWN_SUBRESOURCES.get(served.kind, ()))
    if served.scale is not None:
        found.append(Subresource("scale", SCALE, _CHANGED))
    if served.status:
        found.append(Subresource("status", served.kind, _CHANGED))
    return found


class Discovery:
    """Documents about the registry's kinds. `created_only` are kinds that are answered, not stored (reviews)."""

    def __init__(self, registry: Registry, created_only: Sequence[Kind]) -> None:
        self._registry = registry
        self._created_only = created_only

    def versions(self) -> Object:
        addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}

    def group_list(self) -> Object:
        groups = [self._group(group) for group in self._groups() if group]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def group(self, group: str) -> Object | None:
        if not group or group not in self._groups():
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(group)}

    def resource_list(self, group: str, version: str) -> Object | None:
        """The legacy list of one group version; None when it is not served."""
        stored = [one for one in self._registry.served if (one.kind.group, one.kind.version) == (group, version)]
        created = [kind for kind in self._created_only if (kind.group, kind.version) == (group, version)]
        if not stored and not created:
            return None
        resources = [legacy for one in stored for legacy in _legacy(one)]
        resources += [_legacy_created(kind) for kind in created]
        resources.sort(key=lambda resource: resource["name"])
        group_version = f"{group}/{version}" if group else version
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}

    def aggregated(self, *, core: bool, version: str) -> Object:
        """Everything at once: `core` for /api, the named groups for /apis; `version` of apidiscovery.k8s.io."""
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
                "versions": [self._aggregated_version(group, one) for one in versions],
            }
            for group, versions in self._groups().items()
            if bool(group) is not core
        ]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": items,
        }

    def paths(self) -> list[str]:
        found = ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
        for group, versions in self._groups().items():
            base = f"/apis/{group}" if group else "/api"
            found += [base] if group else []
            found += [f"{base}/{version}" for version in versions]
        return sorted(found)

    def _groups(self) -> dict[str, list[str]]:
        """Versions by group, the preferred one first; groups in the order of the registry."""
        preferred: dict[str, list[str]] = {}
        for one in sorted(self._registry.served, key=lambda one: not one.preferred):
            preferred.setdefault(one.kind.group, [])
            if one.kind.version not in preferred[one.kind.group]:
                preferred[one.kind.group].append(one.kind.version)
        order = dict.fromkeys(one.kind.group for one in self._registry.served)
        groups = {group: preferred[group] for group in order}
        for kind in self._created_only:
            versions = groups.setdefault(kind.group, [])
            if kind.version not in versions:
                versions.append(kind.version)
        return groups

    def _group(self, group: str) -> Object:
        versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in self._groups()[group]]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def _aggregated_version(self, group: str, version: str) -> Object:
        stored = [one for one in self._registry.served if (one.kind.group, one.kind.version) == (group, version)]
        created = [kind for kind in self._created_only if (kind.group, kind.version) == (group, version)]
        resources = [_aggregated(one) for one in stored] + [_aggregated_created(kind) for kind in created]
        resources.sort(key=lambda resource: resource["resource"])
        return {"version": version, "resources": resources, "freshness": "Current"}


def _legacy(served: ServedKind) -> list[Object]:
    kind = served.kind
    main: Object = {
        "name": kind.plural,
        "singularName": served.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(_VERBS),
    }
    if served.short_names:
        main["shortNames"] = list(served.short_names)
    if served.categories:
        main["categories"] = list(served.categories)
    found = [main]
    for sub in subresources(served):
        shown: Object = {
            "name": f"{kind.plural}/{sub.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": sub.kind.kind,
            "verbs": list(sub.verbs),
        }
        if (sub.kind.group, sub.kind.version) != (kind.group, kind.version):
            shown |= {"group": sub.kind.group, "version": sub.kind.version}
        found.append(shown)
    return found


def _legacy_created(kind: Kind) -> Object:
    return {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": ["create"],
    }


def _aggregated(served: ServedKind) -> Object:
    kind = served.kind
    shown: Object = {
        "resource": kind.plural,
        "responseKind": _response_kind(kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": served.singular,
        "verbs": list(_VERBS),
    }
    if served.short_names:
        shown["shortNames"] = list(served.short_names)
    if served.categories:
        shown["categories"] = list(served.categories)
    subs = [
        {"subresource": sub.name, "responseKind": _response_kind(sub.kind), "verbs": list(sub.verbs)}
        for sub in subresources(served)
    ]
    if subs:
        shown["subresources"] = subs
    return shown


def _aggregated_created(kind: Kind) -> Object:
    return {
        "resource": kind.plural,
        "responseKind": _response_kind(kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.kind.lower(),
        "verbs": ["create"],
    }


def _response_kind(kind: Kind) -> Object:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}
