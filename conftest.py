"""What no test leaves behind for the next one of its process: how the log is written, and what its lines carry."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Whatever a test configures, as most commands of the command line do, ends with it."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
