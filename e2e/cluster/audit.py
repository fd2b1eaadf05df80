"""Reading what kube-apiserver wrote of the requests that the audit policy is about."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["read_audit_log"]


def read_audit_log(path: Path, starts: Iterable[tuple[datetime, datetime]] = ()) -> list[dict[str, Any]]:
    """Return the events of a log, which may not be there yet, and whose last line may be half written.

    :param starts: from when to when the API server was starting. What it answered then is left out: it refuses everybody
        until it has read the roles.
    """
    if not path.exists():
        return []
    spans = list(starts)
    events = (json.loads(line) for line in path.read_text().splitlines() if line.endswith("}"))
    return [event for event in events if not any(begin <= _received(event) <= end for begin, end in spans)]


def _received(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["requestReceivedTimestamp"])
