"""JSON as Go's encoder spells it, for values that KServe's images and KServe's own manager must find alike."""

import json
from typing import Any

_ESCAPED = str.maketrans({character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"})


def compact(value: Any, *, sort_keys: bool = False) -> str:
    """`value` without spaces, with what HTML or JavaScript would read otherwise escaped."""
    return json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False).translate(_ESCAPED)
