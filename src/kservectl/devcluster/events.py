"""The two faces of an Event: core/v1 and events.k8s.io/v1 are one stored object under different field names."""

from kservectl.objects.kind import EVENT, Kind
from kservectl.objects.metadata import Object

CORE_EVENT = Kind("", "v1", "Event", "events")

_NEW_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}


def convert_event(obj: Object, to: Kind) -> Object:
    """An Event as the API of `to` shows it."""
    names = _NEW_NAMES if to.group == EVENT.group else _OLD_NAMES
    renamed = {names.get(field, field): value for field, value in obj.items()}
    return {**renamed, "apiVersion": to.api_version}
