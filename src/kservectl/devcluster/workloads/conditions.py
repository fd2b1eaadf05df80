"""Conditions of Kubernetes' own kinds: a list keyed by type, with a transition time that moves when the status does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kservectl.clock import rfc3339
from kservectl.objects.metadata import Object


def status_of(obj: Mapping[str, Any], type_: str) -> str:
    """`True`, `False`, `Unknown`, or empty when there is no such condition."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry.get("type") == type_:
            return str(entry.get("status"))
    return ""


def condition(
    obj: Mapping[str, Any],
    type_: str,
    status: bool | str,
    now: datetime,
    *,
    reason: str = "",
    message: str = "",
    updated: bool = False,
    generation: int | None = None,
) -> Object:
    """The condition to put into the new status of `obj`; its transition time is kept unless its status changes.

    `updated` adds a lastUpdateTime (Deployments have one), which moves when anything of the condition does.
    """
    value = status if isinstance(status, str) else ("True" if status else "False")
    before = next(
        (entry for entry in (obj.get("status") or {}).get("conditions") or () if entry.get("type") == type_), None
    )
    moment = rfc3339(now)
    fresh: Object = {"type": type_, "status": value}
    if reason:
        fresh["reason"] = reason
    if message:
        fresh["message"] = message
    if generation is not None:
        fresh["observedGeneration"] = generation
    same_status = before is not None and before.get("status") == value
    fresh["lastTransitionTime"] = before["lastTransitionTime"] if before is not None and same_status else moment
    if updated:
        unchanged = before is not None and all(before.get(name) == item for name, item in fresh.items())
        fresh["lastUpdateTime"] = before.get("lastUpdateTime", moment) if before is not None and unchanged else moment
    return fresh
