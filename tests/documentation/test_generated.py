"""The generated pages leave nothing out of what the code has."""

import ast
from pathlib import Path

import click
import pytest

from documentation import settings
from documentation.generated import pages
from kservectl.api.config_docs import CONFIG_DOCS
from kservectl.api.crds import DEFINITIONS, Definition, crd
from kservectl.cli.main import root
from kservectl.manifests.configuration import config_map

SOURCE = Path(__file__).parents[2] / "src" / "kservectl"
PAGES = pages()


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: str(each.kind.kind))
def test_fields_of_a_kind_are_those_of_its_definition(definition: Definition) -> None:
    page = PAGES[f"reference/fields/{definition.kind.kind.lower()}.md"]
    schema = crd(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    for part in ("spec", "status"):
        for field in schema["properties"].get(part, {}).get("properties", {}):
            assert f"| `{field}`" in page, f"{part}.{field}"


def test_every_member_of_the_configuration_is_explained_and_none_that_is_gone() -> None:
    found = {
        f"{key}.{path}": line
        for key in settings.keys()  # noqa: SIM118 - a function of the module
        for path, _, _, line in settings.members(key)
    }

    assert [path for path, line in found.items() if not line] == []
    assert set(CONFIG_DOCS) - set(found) == set()


def test_every_key_of_an_installation_is_described() -> None:
    assert set(config_map()["data"]) <= set(settings.keys())


def test_every_option_of_every_command_is_described() -> None:
    context, page = click.Context(root), PAGES["reference/cli.md"]

    for name in root.list_commands(context):
        section = page.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]
        command = root.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert all(f"`{each}`" in section for each in option.opts), f"{name} {option.name}"


def test_every_metric_that_is_made_anywhere_is_described() -> None:
    page = PAGES["reference/metrics.md"]
    names = {
        node.args[0].value
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "")
        in ("Counter", "Gauge", "Histogram", "GaugeMetricFamily", "CounterMetricFamily")
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }

    assert len(names) > 20
    assert [name for name in sorted(names) if f"`{name}`" not in page and f"`{name}_total`" not in page] == []
