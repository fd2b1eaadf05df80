"""What each step of a graph says: its name, its target, its weight, its condition."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from kservectl.admission.review import FieldError
from kservectl.api.inferencegraph import InferenceGraphSpec, InferenceRouter, InferenceStep

_WHOLE = 100
_MOST_RETRIES = 10
_DATA = ("$request", "$response")


def step_errors(graph: str, spec: InferenceGraphSpec) -> Iterator[FieldError]:
    """KServe's own checks: unique names, one target each, weights that add up."""
    for name, node in sorted(spec.nodes.items()):
        steps = node.steps or []
        yield from _name_errors(graph, name, steps)
        yield from _target_errors(graph, name, steps)
        if node.router_type == "Splitter":
            yield from _weight_errors(graph, name, steps)


def further_step_errors(spec: InferenceGraphSpec) -> Iterator[FieldError]:
    """Weights that are no share, limits that are none, and conditions that cannot do what they look like."""
    for name, node in sorted(spec.nodes.items()):
        for position, step in enumerate(node.steps or ()):
            field = f"spec.nodes[{name}].steps[{position}]"
            if node.router_type == "Splitter" and step.weight is not None and not 0 <= step.weight <= _WHOLE:
                yield FieldError(f"{field}.weight", f"must be between 0 and {_WHOLE} percent, not {step.weight}")
            if step.timeout is not None and step.timeout <= 0:
                yield FieldError(f"{field}.timeout", f"must be a number of seconds above 0, not {step.timeout}")
            if step.retries is not None and not 0 <= step.retries <= _MOST_RETRIES:
                yield FieldError(f"{field}.retries", f"must be between 0 and {_MOST_RETRIES}, not {step.retries}")
            condition = (step.condition or "").strip()
            if condition.startswith("{") and condition.endswith("}"):
                yield FieldError(
                    f"{field}.condition",
                    f"{condition!r} always holds: in GJSON, braces build an object instead of looking for a field;"
                    f" write {condition[1:-1].strip().lstrip('.')!r}, or '[@this].#(field==value)' to compare a field",
                )


def step_warnings(spec: InferenceGraphSpec) -> Iterator[str]:
    """What is allowed and surely not meant."""
    for name, node in sorted(spec.nodes.items()):
        if not node.steps and node.router_type != "Splitter":
            yield f"spec.nodes[{name}] has no steps" + (
                "" if node.router_type == "Ensemble" else ", so every request that reaches it fails"
            )
        for position, step in enumerate(node.steps or ()):
            for problem in _step_warnings(node, position, step):
                yield f"spec.nodes[{name}].steps[{position}]: {problem}"


def _name_errors(graph: str, node: str, steps: list[InferenceStep]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for position, step in enumerate(steps):
        if step.name and step.name in seen:
            yield FieldError(
                f"spec.nodes[{node}].steps[{position}].name",
                f'Node "{node}" of InferenceGraph "{graph}" contains more than one step with name "{step.name}"',
                "FieldValueDuplicate",
            )
        seen.add(step.name or "")


def _target_errors(graph: str, node: str, steps: list[InferenceStep]) -> Iterator[FieldError]:
    for position, step in enumerate(steps):
        targets = [target for target in (step.node_name, step.service_name, step.service_url) if target]
        which = f'Step {position} ("{step.name or ""}") in node "{node}" of InferenceGraph "{graph}"'
        field = f"spec.nodes[{node}].steps[{position}]"
        if not targets:
            yield FieldError(field, f"{which} does not specify an inference target", "FieldValueRequired")
        elif len(targets) > 1:
            yield FieldError(field, f"{which} specifies more than one of nodeName, serviceName, serviceUrl")


def _weight_errors(graph: str, node: str, steps: list[InferenceStep]) -> Iterator[FieldError]:
    for position, step in enumerate(steps):
        if step.weight is None:
            yield FieldError(
                f"spec.nodes[{node}].steps[{position}].weight",
                f"InferenceGraph[{graph}] Node[{node}] Route[{step.service_name or ''}] missing the 'Weight'",
                "FieldValueRequired",
            )
            return
    if sum(step.weight or 0 for step in steps) != _WHOLE:
        yield FieldError(
            f"spec.nodes[{node}].steps",
            f"InferenceGraph[{graph}] Node[{node}] splitter node: the sum of traffic weights for all routing targets"
            f" should be {_WHOLE}",
        )


def _step_warnings(node: InferenceRouter, position: int, step: InferenceStep) -> Iterator[str]:
    if node.router_type == "Switch" and not step.condition:
        yield "a step of a Switch without a condition is never taken; '@this' always holds"
    if node.router_type == "Sequence" and position == 0 and step.condition:
        yield "the first step of a Sequence has no answer before it to look at, so its condition fails every request"
    if step.data and step.data not in _DATA:
        yield f"data {step.data!r} means the request, as it would without; use $response for the answer before"
    if step.service_url and not _is_callable(step.service_url):
        yield f"{step.service_url!r} is no http or https URL that requests can be sent to"


def _is_callable(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return parts.scheme in ("http", "https") and bool(host) and not set(host) & set("{}$<> \"'")
