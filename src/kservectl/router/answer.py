"""What comes back from a step, and what is said when nothing usable does."""

from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whatever its status: that a service refuses is an answer too. `content_type` may be empty.

    A `relayed` one has been passed on already, and its body with it.
    """

    status: int
    body: bytes
    content_type: str = ""
    relayed: bool = False

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class StepError(Exception):
    """A step gave no answer, or one that its node cannot use. `status` is what the caller gets.

    `unsent` says that nothing has reached the service, `passing` that the same call might well succeed.
    """

    def __init__(self, cause: str, status: int = 500, *, unsent: bool = False, passing: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.status = status
        self.unsent = unsent
        self.passing = passing


def failure(cause: str, status: int) -> Answer:
    """The answer that tells a caller of a failure, in KServe's form."""
    return Answer(status, orjson.dumps({"error": "Failed to process request", "cause": cause}), "application/json")


def is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def content_type(answer: Answer) -> str:
    """What to call the body: JSON when it is, else what the service called it, else what it looks like."""
    if answer.content_type.partition(";")[0].strip().lower() == "application/json" or is_json(answer.body):
        return "application/json"
    return answer.content_type or _sniffed(answer.body)


def _sniffed(body: bytes) -> str:
    start = body[:512].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "text/html; charset=utf-8"
    is_text = not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in body[:512])
    return "text/plain; charset=utf-8" if is_text else "application/octet-stream"
