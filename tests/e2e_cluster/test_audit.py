"""Which events of an audit log are read."""

import json
from datetime import UTC, datetime
from pathlib import Path

from e2e.cluster.audit import read_audit_log


def event(second: int) -> str:
    return json.dumps({"verb": "get", "requestReceivedTimestamp": f"2026-11-27T02:00:{second:02}.250000Z"})


def test_there_may_be_no_log_yet(tmp_path: Path) -> None:
    assert read_audit_log(tmp_path / "audit.log") == []


def test_a_line_that_is_half_written_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text(f'{event(1)}\n{event(2)}\n{{"verb": "ge')
    assert len(read_audit_log(log)) == 2


def test_what_was_asked_of_a_server_that_was_starting_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    log.write_text("\n".join(event(second) for second in (1, 2, 3, 4)))
    starting = (datetime(2026, 11, 27, 2, 0, 2, tzinfo=UTC), datetime(2026, 11, 27, 2, 0, 3, 500000, tzinfo=UTC))
    kept = read_audit_log(log, [starting])
    assert [each["requestReceivedTimestamp"][17:19] for each in kept] == ["01", "04"]
