"""Which headers of a request are passed on to the services.

`PROPAGATE_HEADERS` lists regular expressions, separated by commas, that are searched for in the canonical names
(`Test-Header-Key`). Trace context (W3C) is always passed on. What belongs to one connection never is.
"""

import re
from collections.abc import Sequence

import structlog
from multidict import CIMultiDict, CIMultiDictProxy

_ALWAYS = ("traceparent", "tracestate")
_OF_A_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


class HeaderRules:
    """`patterns` that are no regular expression are logged and left out."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns: list[re.Pattern[str]] = []
        for pattern in patterns:
            try:
                self._patterns.append(re.compile(pattern))
            except re.error as error:
                structlog.get_logger().warning("header pattern is left out", pattern=pattern, why=str(error))

    @classmethod
    def of_variable(cls, value: str | None) -> "HeaderRules":
        """From the text of `PROPAGATE_HEADERS`; an empty one, or none, passes nothing on."""
        return cls([part.strip() for part in (value or "").split(",") if part.strip()])

    def propagated(self, headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
        """The headers for a service, with a content type: JSON unless the request's own is passed on."""
        found: CIMultiDict[str] = CIMultiDict()
        for name, value in headers.items():
            if name.lower() in _OF_A_CONNECTION:
                continue
            canonical = "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
            if name.lower() in _ALWAYS or any(pattern.search(canonical) for pattern in self._patterns):
                found.add(canonical, value)
        found.setdefault("Content-Type", "application/json")
        return found
