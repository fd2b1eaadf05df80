"""Who answers a request when there are canaries: rules of an HTTPRoute with shares, by header, or for one canary alone.

Works on finished rules, whatever they match. Each leads to the Service of a stable component; its counterpart is the
Service of the same component of a canary, at the port that speaks the same protocol. A canary that is not ready, or has no
such port, is no backend of a rule, and its share stays with the stable version.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.service import is_grpc
from kservectl.controllers.inferenceservice.workload import Deployed
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

_MOST_RULES = 16
"""Of one HTTPRoute (Gateway API)."""


@dataclass(frozen=True, slots=True)
class Split:
    """The stable components, the canaries beside them, and the request header that names a canary (empty for none)."""

    stable: Sequence[Deployed]
    canaries: Sequence[Canary] = ()
    header: str = ""

    def of(self, rules: Sequence[Object]) -> list[Object]:
        """`rules` with shares, and ahead of them those for requests that name a canary; as they are without canaries."""
        if not self.canaries:
            return list(rules)
        return [*self._named(rules), *(self._shared(rule) for rule in rules)]

    def only(self, canary: Canary, rules: Sequence[Object]) -> list[Object]:
        """`rules` as they lead to `canary` alone; those that it has no port for are left out."""
        found: list[Object] = []
        for rule in rules:
            backend = self._counterpart(rule["backendRefs"][0], canary) if rule.get("backendRefs") else None
            if backend is not None:
                found.append({**rule, "backendRefs": [backend]})
        return found

    def _shared(self, rule: Object) -> Object:
        if not rule.get("backendRefs"):
            return rule
        stable: Object = rule["backendRefs"][0]
        others = [
            {**backend, "weight": canary.percent}
            for canary in self.canaries
            if canary.ready and (backend := self._counterpart(stable, canary)) is not None
        ]
        rest = 100 - sum(int(backend["weight"]) for backend in others)
        return {**rule, "backendRefs": [{**stable, "weight": rest}, *others]}

    def _named(self, rules: Sequence[Object]) -> list[Object]:
        """Rules for requests with the header, for as many canaries as a route has room for."""
        found: list[Object] = []
        for canary in self.canaries if self.header else ():
            own = self.only(canary, rules) if canary.ready else []
            if len(found) + len(own) + len(rules) > _MOST_RULES:
                break
            found += [_with_header(rule, self.header, canary.name) for rule in own]
        return found

    def _counterpart(self, backend: Object, canary: Canary) -> Object | None:
        part = next((part for part in self.stable if part.workload.metadata.name == backend.get("name")), None)
        other = canary.part(part.role) if part is not None else None
        if part is None or other is None:
            return None
        wanted = any(is_grpc(port) for port in _ports(part.service) if port.get("port") == backend.get("port"))
        number = next((port["port"] for port in _ports(other.service) if is_grpc(port) == wanted), None)
        return None if number is None else {**backend, "name": metadata.name(other.service), "port": number}


def _with_header(rule: Object, header: str, value: str) -> Object:
    match = {"type": "Exact", "name": header, "value": value}
    present: Sequence[Object] = rule.get("matches") or ({},)
    matches = [{**each, "headers": [*each.get("headers", ()), match]} for each in present]
    return {**rule, "matches": matches}


def _ports(service: Object) -> Sequence[Object]:
    return (service.get("spec") or {}).get("ports") or ()
