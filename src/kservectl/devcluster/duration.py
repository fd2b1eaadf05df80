"""Durations as kubectl shows them: about two significant parts, fewer the longer it is (`3m12s`, `5h`, `2d3h`, `400d`)."""

from datetime import datetime

from kservectl.clock import parse_time

UNKNOWN = "<unknown>"


def human_duration(seconds: float) -> str:
    """A duration in the shape of apimachinery's HumanDuration."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def age(timestamp: str | None, now: datetime) -> str:
    """How long ago a metav1.Time was."""
    return human_duration((now - parse_time(timestamp)).total_seconds()) if timestamp else UNKNOWN


def _two(first: int, unit: str, second: int, lesser: str) -> str:
    return f"{first}{unit}{second}{lesser}" if second else f"{first}{unit}"
