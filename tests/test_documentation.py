"""What the documentation says about this project's own files."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_test_that_the_documentation_names_exists() -> None:
    suites = [path for folder in ("tests", "e2e") for path in (ROOT / folder).rglob("test_*.py")]
    defined = {name for path in suites for name in re.findall(r"def (test_\w+)\(", path.read_text())}
    named = {name for page in (ROOT / "docs").glob("*.md") for name in re.findall(r"`(test_\w+)`", page.read_text())}

    assert named
    assert named - defined == set()
