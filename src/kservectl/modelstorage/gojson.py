"""JSON as Go's encoder spells it, for values that KServe's images and KServe's own manager must find alike."""

import json
from typing import Any


def compact(value: Any, *, sort_keys: bool = False) -> str:
    """`value` without spaces, with `<`, `>` and `&` escaped."""
    text = json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
