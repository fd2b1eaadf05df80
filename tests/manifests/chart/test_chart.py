"""The charts' files: up to date, and templates that say what the object says. `e2e/test_charts.py` reads them with helm."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from kservectl.manifests.chart import values
from kservectl.manifests.chart.chart import files
from kservectl.manifests.chart.template import EACH_NAMESPACE, Condition, Expression, Variations, template
from kservectl.manifests.components.catalogue import components
from kservectl.manifests.components.component import Patch, append

CHARTS = Path(__file__).parents[3] / "charts"
ON = Condition("$.Values.on")


def varied(obj: dict[str, Any], *operations: Any, condition: Condition = ON) -> list[str]:
    variations = Variations()
    variations.add(condition, Patch("Thing", operations))
    return template(obj, variations).splitlines()


def test_the_files_in_the_repository_are_up_to_date() -> None:
    generated = files()
    on_disk = {str(path.relative_to(CHARTS)): path for path in CHARTS.rglob("*") if path.is_file()}
    assert sorted(on_disk) == sorted(generated), "run `make manifests`"
    for path, text in generated.items():
        assert on_disk[path].read_text(encoding="utf-8") == text, f"{path} is out of date: run `make manifests`"


def test_every_component_has_a_value_that_the_defaults_leave_off() -> None:
    assert set(values.CONDITIONS) == set(components())
    for condition in values.CONDITIONS.values():
        found: Any = values.defaults()
        for part in condition.value.removeprefix("$.Values.").split("."):
            found = found[part]
        assert not found


def test_every_value_is_explained_and_known_to_the_schema() -> None:
    assert values.defaults().keys() == values.comments().keys()
    assert set(values.defaults()) == set(values.schema()["properties"]) - {"global"}


@pytest.mark.parametrize(
    "obj",
    [
        {"a": "text", "b": {"c": [1, True, None, 0.5]}, "d": [], "e": {}},
        {"list": [{"a": 1, "b": {"c": "x"}}, {"d": ["y"]}, {}, [1]]},
        {"yes": "yes", "number": "1", "null": "null", "empty": "", "colon": "a: b", "hash": "a #b", "star": "*"},
        {
            "lines": "one\ntwo\n",
            "stripped": "one\n  two",
            "indented": "  one\ntwo\n",
            "many": "one\n\n\n",
            "tab": "a\tb\nc",
        },
        {"a/b": {"c~d": "e"}, "ä": "→"},
    ],
)
def test_an_object_without_conditions_is_written_as_it_is(obj: dict[str, Any]) -> None:
    assert yaml.safe_load(template(obj)) == obj


def test_braces_of_the_object_are_no_template() -> None:
    assert template({"a": "--name={{.Name}}"}) == 'a: "--name={{ `{{` }}.Name}}"\n'
    assert template({"a": "x: {{ y }}\n"}) == "a: |\n  x: {{ `{{` }} y }}\n"


def test_the_image_and_the_namespace_are_those_of_the_release() -> None:
    assert template({"image": "kservectl:latest", "namespace": "kserve", "label": "kserve"}) == (
        'image: "{{ $.Values.image.repository }}:{{ $.Values.image.tag }}"\n'
        'namespace: "{{ $.Release.Namespace }}"\n'
        "label: kserve\n"
    )


def test_a_patch_takes_place_under_its_condition() -> None:
    assert varied({"a": {"b": 1}}, {"op": "replace", "path": "/a/b", "value": 2}) == [
        "a:",
        "{{- if $.Values.on }}",
        "  b: 2",
        "{{- else }}",
        "  b: 1",
        "{{- end }}",
    ]
    assert varied({"a": ["x"]}, *append("/a", "y")) == ["a:", "- x", "{{- if $.Values.on }}", "- y", "{{- end }}"]
    assert varied({"a": {"b": 1}}, {"op": "add", "path": "/a/c~1d", "value": 2}) == [
        "a:",
        "  b: 1",
        "{{- if $.Values.on }}",
        "  c/d: 2",
        "{{- end }}",
    ]


def test_what_names_a_namespace_of_the_values_is_repeated_for_each() -> None:
    assert varied({"a": ["x"]}, *append("/a", f"--n={EACH_NAMESPACE}")) == [
        "a:",
        "- x",
        "{{- range $namespace := $.Values.on }}",
        '- "--n={{ $namespace }}"',
        "{{- end }}",
    ]


def test_the_later_of_two_replacements_wins() -> None:
    variations = Variations()
    for name, value in (("first", 2), ("second", 3)):
        variations.add(Condition(name), Patch("Thing", ({"op": "replace", "path": "/a", "value": value},)))
    assert template({"a": 1}, variations).splitlines() == [
        "{{- if second }}",
        "a: 3",
        "{{- else if first }}",
        "a: 2",
        "{{- else }}",
        "a: 1",
        "{{- end }}",
    ]


def test_what_values_give_is_written_as_an_expression() -> None:
    assert template({"a": {"b": 1}}, Variations(given={"/a": Expression("{{ x }}")})) == "a: {{ x }}\n"


def test_an_operation_that_no_chart_can_express_is_refused() -> None:
    with pytest.raises(ValueError, match="remove"):
        varied({"a": 1}, {"op": "remove", "path": "/a"})
