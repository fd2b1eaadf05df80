"""How things look that commands print."""

import pytest

from kservectl.cli.printing import print_tree
from kservectl.inspection.state import State
from kservectl.inspection.tree import Node

REASON = "no runtime found to support predictor with model type: {sklaern}, " * 5


def test_a_tree_is_printed_whole_however_long_its_lines_are(capsys: pytest.CaptureFixture[str]) -> None:
    child = Node(
        {"kind": "Deployment", "metadata": {"name": "d"}}, State(False, "MinimumReplicasUnavailable", REASON), ()
    )
    print_tree(Node({"kind": "InferenceService", "metadata": {"name": "x"}}, State(False, "", REASON), (child,)))

    first, second = capsys.readouterr().out.splitlines()
    assert REASON.strip() in first
    assert REASON.strip() in second
