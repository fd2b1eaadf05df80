"""Rules about numbers, ports, percentages and quantities, as the kinds share them."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.names import port_name
from kservectl.objects import quantity

_PERCENT = re.compile(r"[0-9]+%")


def at_least(path: str, value: Any, minimum: int) -> Iterable[Cause]:
    """`value`, if given, is no smaller than `minimum`."""
    if isinstance(value, int) and value < minimum:
        yield say.invalid(path, value, f"must be greater than or equal to {minimum}")


def positive(path: str, value: Any) -> Iterable[Cause]:
    if isinstance(value, int) and value <= 0:
        yield say.invalid(path, value, "must be greater than 0")


def port_number(path: str, value: Any) -> Iterable[Cause]:
    if isinstance(value, int) and not 1 <= value <= 65535:
        yield say.invalid(path, value, "must be between 1 and 65535, inclusive")


def port(path: str, value: Any) -> Iterable[Cause]:
    """A port by number or by name."""
    if isinstance(value, str):
        if problem := port_name(value):
            yield say.invalid(path, value, problem)
    else:
        yield from port_number(path, value)


def int_or_percent(path: str, value: Any) -> Iterable[Cause]:
    """A count that is not negative, or a percentage."""
    if isinstance(value, str):
        if not _PERCENT.fullmatch(value):
            yield say.invalid(
                path,
                value,
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                "regex used for validation is '[0-9]+%')",
            )
    else:
        yield from at_least(path, value, 0)


def one_of(path: str, value: Any, supported: Iterable[str]) -> Iterable[Cause]:
    """`value`, if given, is among `supported`, listed in this order."""
    choices = tuple(supported)
    if value is not None and value not in choices:
        yield say.unsupported(path, value, choices)


def resources(requirements: Mapping[str, Any], path: str) -> Iterable[Cause]:
    """Limits and requests of a container."""
    limits: Mapping[str, Any] = requirements.get("limits") or {}
    requests: Mapping[str, Any] = requirements.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _amount(name, amount, f"{path}.{field}")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is None:
            if _is_extended(name):
                yield say.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        elif _is_extended(name) and quantity.parse(amount) != quantity.parse(limit):
            yield say.invalid(f"{path}.requests", amount, f"must be equal to {name} limit of {limit}")
        elif quantity.parse(amount) > quantity.parse(limit):
            yield say.invalid(f"{path}.requests", amount, f"must be less than or equal to {name} limit of {limit}")


_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})


def _amount(name: str, amount: Any, path: str) -> Iterable[Cause]:
    where = f"{path}[{name}]"
    if "/" not in name and name not in _STANDARD and not name.startswith("hugepages-"):
        yield say.invalid(where, name, "must be a standard resource type or fully qualified")
        yield say.invalid(where, name, "must be a standard resource for containers")
    value = quantity.parse(amount)
    if value < 0:
        yield say.invalid(where, amount, "must be greater than or equal to 0")
    elif _is_extended(name) and value.denominator != 1:
        yield say.invalid(where, amount, "must be an integer")


def _is_extended(name: str) -> bool:
    """Resources of devices, which cannot be shared and so not be promised twice."""
    return "/" in name and not name.partition("/")[0].endswith("kubernetes.io")
