"""Which revisions of a Knative Service get which share, and which of them was rolled out last (serverless.md, 4).

The record of the revisions that had all the traffic is the component's status. It is checked against the Knative Service that
exists: a Service that was made anew numbers its revisions from 1 again, and then what was recorded is forgotten.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kservectl.controllers.inferenceservice.conditions import TRUE
from kservectl.controllers.inferenceservice.knative.told import conditions_of, is_observed
from kservectl.objects.metadata import Object

TAG_ROUTING = "serving.kserve.io/enable-tag-routing"
PREVIOUS = "prev"

_LATEST = "latest"
_ALL = 100
_NUMBER = re.compile(r"-(\d{5,})$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rollout:
    """The revision that had all the traffic last, and the one that had it before; empty where there is none."""

    latest: str = ""
    previous: str = ""


def rollout(recorded: Object, live: Object | None) -> Rollout:
    """What is rolled out, from the component's status as `recorded` and the Knative Service as it is."""
    status = (live or {}).get("status") or {}
    created = str(status.get("latestCreatedRevisionName") or "")
    latest = _existing(recorded.get("latestRolledoutRevision"), created)
    previous = _existing(recorded.get("previousRolledoutRevision"), created) if latest else ""
    if not latest:
        latest = _routed_as_previous(live, created)
    ready = str(status.get("latestReadyRevisionName") or "")
    entries: Sequence[Object] = status.get("traffic") or ()
    shares: Counter[str] = Counter()
    for entry in entries:
        shares[str(entry.get("revisionName"))] += int(entry.get("percent") or 0)
    for entry in entries:
        if not ready or not entry.get("latestRevision") or entry.get("revisionName") != ready:
            continue
        percent = entry.get("percent")
        if latest != ready and percent == _ALL:
            latest, previous = ready, latest
        elif (
            latest == ready == created
            and (percent or 0) < _ALL
            and shares[ready] == _ALL
            and previous
            and _is_settled(live)
        ):
            # The share that was left for the revision before went to the same revision: the user wants to go back.
            return Rollout(previous, previous)
    if previous and latest == ready and previous == _routed_as_previous(live, created):
        # That was noticed before and is routed; the record of it is yet to be written.
        return Rollout(previous, previous)
    return Rollout(latest, previous)


def entries(percent: int | None, rolled_out: str, *, tagged: bool) -> list[Object]:
    """`spec.traffic`: all to the newest revision, or `percent` of it beside the revision that is rolled out."""
    newest: Object = {"latestRevision": True, "percent": _ALL}
    if tagged:
        newest["tag"] = _LATEST
    if percent is None or not rolled_out:
        return [newest]
    newest["percent"] = percent
    if percent >= _ALL:
        return [newest]
    rest = {"latestRevision": False, "revisionName": rolled_out, "percent": _ALL - percent, "tag": PREVIOUS}
    return [newest, rest]


def _existing(revision: object, created: str) -> str:
    """The recorded revision, unless the Service is too young to have it."""
    name = str(revision or "")
    if not name or not created:
        return ""
    number, newest = _number(name), _number(created)
    return "" if number is not None and newest is not None and number > newest else name


def _routed_as_previous(live: Object | None, created: str) -> str:
    """The revision that the Service's own traffic names as rolled out: the record was lost, the routes were not."""
    spec: Sequence[Object] = ((live or {}).get("spec") or {}).get("traffic") or ()
    named = next((entry.get("revisionName") for entry in spec if entry.get("tag") == PREVIOUS), None)
    return _existing(named, created)


def _number(revision: str) -> int | None:
    found = _NUMBER.search(revision)
    return int(found[1]) if found else None


def _is_settled(live: Object | None) -> bool:
    """Whether the newest revision is that of the template as it is now, as far as the Service says so."""
    status = (live or {}).get("status") or {}
    settled = all(found.status == TRUE for found in conditions_of(status) if found.type == "ConfigurationsReady")
    return settled and is_observed(live or {})
