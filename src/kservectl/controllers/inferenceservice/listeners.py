"""Whether a listener of a Gateway admits an HTTPRoute, and which of the Gateway API's rules stands in the way.

Pure. Of the labels of a namespace only its name is known here (`kubernetes.io/metadata.name`, which the API server sets),
because watching every namespace for the sake of a sentence would cost too much; a selector that asks for other labels is
told as a possible obstacle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kservectl.api.kinds import HTTP_ROUTE
from kservectl.objects.metadata import Object

Rule = Literal["protocol", "kind", "namespace", "hostname", "status"]

_NAME_LABEL = "kubernetes.io/metadata.name"
_PROTOCOLS = ("HTTP", "HTTPS")
_MUST_BE_TRUE = ("Accepted", "Programmed", "ResolvedRefs")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the listener does not admit a route (`certain`), or may not; `message` continues "listener NAME …"."""

    listener: str
    rule: Rule
    message: str
    certain: bool = True

    def __str__(self) -> str:
        return f"listener {self.listener} {self.message}"


def refusals(gateway: Object, namespace: str, hosts: Sequence[str]) -> list[Refusal]:
    """One refusal for each listener, when none of them surely admits an HTTPRoute of `namespace` for any of `hosts`."""
    found = []
    for listener in _listeners(gateway):
        refusal = _refusal(listener, gateway, namespace, hosts)
        if refusal is None:
            return []
        found.append(refusal)
    return found


def unreached(gateway: Object, namespace: str, hosts: Sequence[str]) -> list[str]:
    """Those of `hosts` for which no listener admits the route, though one does for others."""
    if refusals(gateway, namespace, hosts):
        return []
    return [host for host in hosts if refusals(gateway, namespace, [host])]


def host_matches(listener: str, host: str) -> bool:
    """Whether a listener's hostname, which may begin with `*.`, covers `host`."""
    pattern, name = listener.lower(), host.lower()
    if pattern.startswith("*."):
        return name.endswith(pattern[1:]) and len(name) > len(pattern) - 1
    return name == pattern


def _listeners(gateway: Object) -> Sequence[Object]:
    return (gateway.get("spec") or {}).get("listeners") or ()


def _refusal(listener: Object, gateway: Object, namespace: str, hosts: Sequence[str]) -> Refusal | None:
    """The rule that comes first; one that is certain before one that is not."""
    name = str(listener.get("name"))
    allowed = listener.get("allowedRoutes") or {}
    protocol = listener.get("protocol")
    if protocol not in _PROTOCOLS:
        return Refusal(name, "protocol", f"speaks {protocol}, and HTTPRoutes need HTTP or HTTPS")
    kinds = allowed.get("kinds") or ()
    if kinds and not any(_is_http_route(kind) for kind in kinds):
        return Refusal(name, "kind", f"takes {', '.join(str(kind.get('kind')) for kind in kinds)} only, not HTTPRoute")
    pattern = listener.get("hostname")
    if pattern and not any(host_matches(str(pattern), host) for host in hosts):
        return Refusal(
            name, "hostname", f"is for {pattern} only, not for {', '.join(hosts) or 'routes without a host'}"
        )
    return _namespace_refusal(name, allowed.get("namespaces") or {}, gateway, namespace) or _status_refusal(
        name, gateway
    )


def _is_http_route(kind: Object) -> bool:
    return kind.get("kind") == HTTP_ROUTE.kind and (kind.get("group") or HTTP_ROUTE.group) == HTTP_ROUTE.group


def _namespace_refusal(name: str, namespaces: Object, gateway: Object, namespace: str) -> Refusal | None:
    own = (gateway.get("metadata") or {}).get("namespace")
    match namespaces.get("from", "Same"):
        case "All":
            return None
        case "Same":
            if namespace == own:
                return None
            return Refusal(name, "namespace", f"takes routes of its own namespace {own} only, not of {namespace}")
        case "Selector":
            selector = namespaces.get("selector") or {}
            selected = _selects(selector, namespace)
            if selected:
                return None
            words = f"takes routes of namespaces with {_described(selector)} only"
            if selected is None:
                return Refusal(name, "namespace", f"{words}, which {namespace} may not have", certain=False)
            return Refusal(name, "namespace", f"{words}, which {namespace} has not")
        case other:
            return Refusal(name, "namespace", f"takes routes of no namespace (from: {other})")


def _status_refusal(name: str, gateway: Object) -> Refusal | None:
    """What the gateway itself says of its listener."""
    for listener in (gateway.get("status") or {}).get("listeners") or ():
        if listener.get("name") != name:
            continue
        for condition in listener.get("conditions") or ():
            expected = "False" if condition.get("type") == "Conflicted" else "True"
            known = condition.get("type") in (*_MUST_BE_TRUE, "Conflicted")
            if known and condition.get("status") in ("True", "False") and condition["status"] != expected:
                said = ": ".join(str(condition[part]) for part in ("reason", "message") if condition.get(part))
                return Refusal(name, "status", f"is not in service ({said or condition['type']})")
    return None


def _selects(selector: Object, namespace: str) -> bool | None:
    """Whether a label selector takes the namespace; None when that is up to labels that are not known here."""
    answers = [_answer("In", [value], key, namespace) for key, value in (selector.get("matchLabels") or {}).items()]
    answers += [
        _answer(str(each.get("operator")), each.get("values") or (), str(each.get("key")), namespace)
        for each in selector.get("matchExpressions") or ()
    ]
    if False in answers:
        return False
    return None if None in answers else True


def _answer(operator: str, values: Sequence[str], key: str, namespace: str) -> bool | None:
    if key != _NAME_LABEL:
        return None
    match operator:
        case "In":
            return namespace in values
        case "NotIn":
            return namespace not in values
        case "Exists":
            return True
        case "DoesNotExist":
            return False
    return None


def _described(selector: Object) -> str:
    parts = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for each in selector.get("matchExpressions") or ():
        values = f" ({', '.join(each['values'])})" if each.get("values") else ""
        parts.append(f"{each.get('key')} {each.get('operator')}{values}")
    return f"the labels {', '.join(parts)}" if parts else "any labels"
