"""Completion: scripts for shells, and the lines that kubectl asks its plugin for."""

import pytest
from click.testing import CliRunner

from kservectl.cli.completion import suggestions
from kservectl.cli.main import root


def values(*words: str) -> list[str]:
    return [line.partition("\t")[0] for line in suggestions(root, words)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell_completes_kservectl(shell: str) -> None:
    result = CliRunner().invoke(root, ["completion", shell])
    assert result.exit_code == 0
    assert f"_KSERVECTL_COMPLETE={shell}_complete" in result.output


def test_a_shell_that_is_not_known_is_refused() -> None:
    assert CliRunner().invoke(root, ["completion", "cmd"]).exit_code == 2


def test_commands_are_suggested_with_what_they_do() -> None:
    assert suggestions(root, ["w"]) == ["why\tWhy something is not Ready, and what to do next.", ":4"]
    assert {"run", "dev", "why", "tree", "completion"} <= set(values(""))


def test_options_of_a_command_are_suggested() -> None:
    assert values("run", "--leader") == ["--leader-elect", ":4"]


def test_values_of_an_option_are_suggested() -> None:
    assert values("run", "--log-format", "") == ["console", "json", ":4"]


def test_where_there_is_nothing_to_suggest_the_shell_may_offer_files() -> None:
    assert values("render", "-f", "") == [":0"]


def test_no_word_at_all_is_like_an_empty_one() -> None:
    assert values() == values("")
