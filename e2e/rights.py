"""What an account may do, by its roles, beside what it did, by the API server's audit log.

Pure functions: roles are RBAC objects, events are those of `audit.k8s.io/v1`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kservectl.objects.metadata import Object

_CREATED = 201


@dataclass(frozen=True, order=True, slots=True)
class Grant:
    """The smallest part of a role: one verb on one resource. `namespace` empty means all, `name` empty means any."""

    group: str
    resource: str
    verb: str
    namespace: str = ""
    name: str = ""

    def covers(self, use: "Grant") -> bool:
        """Whether it allows a request, itself written as a grant of exactly that request."""
        return (
            (self.group, self.resource, self.verb) == (use.group, use.resource, use.verb)
            and self.namespace in ("", use.namespace)
            and self.name in ("", use.name)
        )

    def __str__(self) -> str:
        place = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{'.' if self.group else ''}{self.group} {self.name or '*'}{place}"


def grants(roles: Iterable[Object]) -> list[Grant]:
    """Everything that these Roles and ClusterRoles (the latter bound for all namespaces) allow."""
    return [
        Grant(group, resource, verb, role["metadata"].get("namespace", ""), name)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames") or ("",)
    ]


def roles_of(objects: Iterable[Object]) -> list[Object]:
    """The Roles and ClusterRoles among these."""
    return [obj for obj in objects if obj["kind"] in ("Role", "ClusterRole")]


def without(role: Object, resource: str, verb: str) -> list[Object]:
    """The rules of a role but for one verb on one resource, wherever it is granted.

    Raises ValueError when it is not: a test that takes nothing away would show nothing.
    """
    rules: list[Object] = []
    for rule in role["rules"]:
        if resource not in rule["resources"] or verb not in rule["verbs"]:
            rules.append(rule)
            continue
        others = [each for each in rule["resources"] if each != resource]
        verbs = [each for each in rule["verbs"] if each != verb]
        rules += [rule | {"resources": others}] if others else []
        rules += [rule | {"resources": [resource], "verbs": verbs}] if verbs else []
    if rules == role["rules"]:
        raise ValueError(f"{role['kind']} {role['metadata']['name']} does not grant {verb} {resource}")
    return rules


def uses(events: Iterable[Mapping[str, Any]], user: str) -> set[Grant]:
    """What `user` asked for and was not refused, each request as the grant that it needs."""
    found: set[Grant] = set()
    for event in events:
        if event["user"]["username"] != user or is_refused(event) or not event.get("objectRef"):
            continue
        found.add(_use(event, event["verb"]))
        # An apply that creates is authorized a second time, which is not logged.
        if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == _CREATED:
            found.add(_use(event, "create"))
    return found


def refusals(events: Iterable[Mapping[str, Any]], user: str) -> list[str]:
    """The requests of `user` that it had no right to make."""
    return sorted(
        {str(_use(event, event["verb"])) for event in events if event["user"]["username"] == user and is_refused(event)}
    )


def is_refused(event: Mapping[str, Any]) -> bool:
    """Whether the authorizer said no. An answer of 403 alone may also come from admission."""
    return (event.get("annotations") or {}).get("authorization.k8s.io/decision") == "forbid"


def idle(granted: Sequence[Grant], used: Iterable[Grant]) -> list[Grant]:
    """The grants that could be taken away and nobody would notice: no request needs them, or another one allows it too."""
    needed = set()
    for use in used:
        covering = [grant for grant in granted if grant.covers(use)]
        if len(covering) == 1:
            needed.add(covering[0])
    return sorted(set(granted) - needed)


def _use(event: Mapping[str, Any], verb: str) -> Grant:
    about = event["objectRef"]
    resource = "/".join(filter(None, (about["resource"], about.get("subresource", ""))))
    # Who may create is not a matter of names: there is none yet when it is decided.
    name = "" if verb == "create" else about.get("name", "")
    return Grant(about.get("apiGroup", ""), resource, verb, about.get("namespace", ""), name)
