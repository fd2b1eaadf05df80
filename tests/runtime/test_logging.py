"""What the log's lines look like."""

import io
import json

import pytest
import structlog

from kservectl.runtime.logging import configure


def test_json_has_one_object_a_line_with_time_level_and_keys() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    structlog.get_logger(controller="isvc").info("reconciled", key="n/w", attempt=2)
    entry = json.loads(stream.getvalue())
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"msg": "reconciled", "level": "info", "controller": "isvc", "key": "n/w", "attempt": 2}
    assert stream.getvalue().count("\n") == 1


def test_json_keeps_a_stack_in_its_line() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    structlog.get_logger().error("reconcile failed", exc_info=RuntimeError("no idea"))
    (line,) = stream.getvalue().splitlines()
    assert "RuntimeError: no idea" in json.loads(line)["exception"]


def test_json_takes_values_of_any_type() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    structlog.get_logger().info("odd", value=KeyError("k"), keys={1: "x"})
    entry = json.loads(stream.getvalue())
    assert (entry["value"], entry["keys"]) == ("'k'", {"1": "x"})


def test_console_is_key_value_without_colors_off_a_terminal() -> None:
    stream = io.StringIO()
    configure("console", stream=stream)
    structlog.get_logger().info("reconciled", key="n/w")
    assert "reconciled" in stream.getvalue()
    assert "key=n/w" in stream.getvalue()
    assert "\x1b[" not in stream.getvalue()


def test_lower_levels_are_left_out() -> None:
    stream = io.StringIO()
    configure("json", "warning", stream)
    structlog.get_logger().info("chatter")
    structlog.get_logger().warning("trouble")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == ["trouble"]


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown log level 'loud'"):
        configure("json", "loud")
