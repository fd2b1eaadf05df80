"""Where the nodes of a graph lead to: every named node exists, is reached, and never leads back to itself."""

from collections.abc import Iterator, Mapping

from kservectl.admission.review import FieldError
from kservectl.api.inferencegraph import ROOT, InferenceGraphSpec

_SHOWN = 10
"""Names of nodes that a message lists."""


def path_errors(spec: InferenceGraphSpec) -> Iterator[FieldError]:
    """Steps that lead to a node that is not there, and circles, in which a request would run for ever."""
    there = ", ".join(sorted(spec.nodes)[:_SHOWN]) + (", …" if len(spec.nodes) > _SHOWN else "")
    for name, node in sorted(spec.nodes.items()):
        for position, step in enumerate(node.steps or ()):
            if step.node_name and step.node_name not in spec.nodes:
                yield FieldError(
                    f"spec.nodes[{name}].steps[{position}].nodeName",
                    f'there is no node "{step.node_name}" in the graph; there are: {there}',
                    "FieldValueNotSupported",
                )
    circle = _circle(_successors(spec))
    if circle:
        yield FieldError(
            f"spec.nodes[{circle[0]}]",
            f"the nodes {' → '.join((*circle, circle[0]))} lead in a circle, in which a request would run for ever",
        )


def path_warnings(spec: InferenceGraphSpec) -> Iterator[str]:
    """Nodes that no request reaches."""
    if ROOT not in spec.nodes:
        return
    successors = _successors(spec)
    reached, waiting = {ROOT}, [ROOT]
    while waiting:
        fresh = [node for node in successors[waiting.pop()] if node not in reached]
        reached.update(fresh)
        waiting += fresh
    for name in sorted(spec.nodes.keys() - reached):
        yield f'spec.nodes[{name}]: no step leads to this node from "{ROOT}", so it is never used'


def _successors(spec: InferenceGraphSpec) -> dict[str, list[str]]:
    return {
        name: [step.node_name for step in node.steps or () if step.node_name and step.node_name in spec.nodes]
        for name, node in sorted(spec.nodes.items())
    }


def _circle(successors: Mapping[str, list[str]]) -> list[str]:
    """The nodes of one circle in their order; empty when there is none. Walks without recursion: graphs may be deep."""
    done: set[str] = set()
    for start in successors:
        if start in done:
            continue
        trail = {start: None}  # in order
        stack = [(start, iter(successors[start]))]
        while stack:
            node, following = stack[-1]
            after = next((each for each in following if each not in done), None)
            if after is None:
                stack.pop()
                del trail[node]
                done.add(node)
            elif after in trail:
                names = list(trail)
                return names[names.index(after) :]
            else:
                trail[after] = None
                stack.append((after, iter(successors[after])))
    return []
