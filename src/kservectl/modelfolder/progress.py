"""How far a download is, and why it failed: told by the process that downloads, read by the one that looks on."""

from dataclasses import dataclass
from typing import Any, Self

from kservectl.modelfolder.layout import PROGRESS, read_json, write_json

FULL = "DiskFull"
REFUSED = "DownloadRefused"
FAILED = "DownloadFailed"
REASONS = (FULL, REFUSED, FAILED)

_LONGEST = 500
"""Characters of a failure that are kept: it ends up in the status of an object."""


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """`done` of `total` bytes (None while unknown), of which `before` were there when this try began at `started`.

    `failure` is why the last try ended, in a sentence; `reason` the same in one of the words above.
    """

    done: int = 0
    total: int | None = None
    before: int = 0
    started: str = ""
    failure: str = ""
    reason: str = ""

    @classmethod
    def read(cls, work: int) -> Self | None:
        """What the open work folder of a download says, if anything. Raises OSError."""
        found = read_json(PROGRESS, work)
        if not isinstance(found, dict):
            return None
        total = found.get("total")
        return cls(
            done=_count(found.get("done")),
            total=_count(total) if total is not None else None,
            before=_count(found.get("before")),
            started=str(found.get("started") or ""),
            failure=str(found.get("failure") or "")[:_LONGEST],
            reason=next((each for each in REASONS if each == found.get("reason")), ""),
        )

    def write(self, work: int) -> None:
        """Put it into the open work folder. Raises OSError."""
        content = {
            "done": self.done,
            "total": self.total,
            "before": self.before,
            "started": self.started,
            "failure": self.failure[:_LONGEST],
            "reason": self.reason,
        }
        write_json(PROGRESS, work, content, durable=False)


def _count(value: Any) -> int:
    """A number of bytes that an object's status can hold; whoever wrote it need not be a friend."""
    return value if isinstance(value, int) and 0 <= value < 1 << 62 else 0
