"""The closed part of Go's text/template."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.api.gotemplate import TemplateError, Value, parse, render

FIELDS: Mapping[str, Value] = {
    "Name": "model",
    "Namespace": "test",
    "Labels": {"tier": "gold", "a.b/c": "dotted"},
    "Annotations": {},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{.Name}}-{{ .Namespace }}", "model-test"),
        ("{{ $.Name }}", "model"),
        ("{{ .Labels.tier }}", "gold"),
        ("{{ .Labels.absent }}", "<no value>"),
        ('{{ index .Labels "a.b/c" }}', "dotted"),
        ('{{ index .Labels "absent" }}', ""),
        ("{{ index .Labels `a.b/c` }}", "dotted"),
        ("{{ if .Labels.tier }}yes{{ end }}", "yes"),
        ("{{ if .Labels.absent }}yes{{ else }}no{{ end }}", "no"),
        ('{{ if eq .Name "x" }}a{{ else if eq .Name "model" }}b{{ else }}c{{ end }}', "b"),
        ("{{ with .Labels.tier }}[{{ . }}]{{ end }}", "[gold]"),
        ("{{ with .Labels }}{{ .tier }}{{ $.Name }}{{ end }}", "goldmodel"),
        ("{{ with .Labels.absent }}x{{ else }}{{ .Name }}{{ end }}", "model"),
        ("a {{- .Name -}} b", "amodelb"),
        ("a{{/* nothing */}}b", "ab"),
        ("a {{- /* nothing */ -}} b", "ab"),
        ('{{ .Name | printf "%s-%s" "x" }}', "x-model"),
        ('{{ printf "%d%% %q" 7 "q" }}', '7% "q"'),
        ("{{ print 1 2 }}", "1 2"),
        ('{{ print "a" "b" }}', "ab"),
        ('{{ println "a" "b" }}', "a b\n"),
        ("{{ len .Name }}", "5"),
        ('{{ or .Labels.absent "fallback" }}', "fallback"),
        ('{{ and .Name "last" }}', "last"),
        ("{{ not .Name }}", "false"),
        ('{{ ne .Name "x" }}', "true"),
        ('{{ (index .Labels "a.b/c") | urlquery }}', "dotted"),
        ('{{ if (and (eq .Name "model") (not .Labels.absent)) }}both{{ end }}', "both"),
        ("{{ .Labels }}", "map[a.b/c:dotted tier:gold]"),
        ("{ single }", "{ single }"),
    ],
)
def test_what_is_supported_renders_as_in_go(template: str, text: str) -> None:
    assert render(parse(template), FIELDS) == text


@pytest.mark.parametrize(
    ("template", "fragment"),
    [
        ("{{ .ModelName }}", "there is no field ModelName"),
        ("{{ .Annotations.a-b }}", "unexpected '-'"),
        ("{{{ .Name }}", "unexpected '{'"),
        ("{{ .Name", "not closed"),
        ("{{ }}", "a command is empty"),
        ("{{ frobnicate .Name }}", "function frobnicate is not known"),
        ("{{ .Name .Name }}", "only a function"),
        ("{{ if .Name }}x", "not closed"),
        ("{{ end }}", "nothing to close"),
        ("{{ else }}", "nothing to close"),
        ("{{ if .Name }}{{ else }}{{ else }}{{ end }}", "must be closed"),
        ("{{ range .Labels }}x{{ end }}", "not supported"),
        ('{{ define "x" }}{{ end }}', "not supported"),
        ("{{ template `x` }}", "not supported"),
        ("{{ $x := .Name }}", "unexpected"),
        ("{{ .Name.first }}", "has no fields"),
        ("{{ . }}", "root itself"),
        ('{{ printf "%9999999d" 1 }}', "printf knows"),
        ('{{ "open }}', "unexpected"),
        ("{{ (.Name }}", "parenthesis is not closed"),
        ("{{ .Name) }}", "nothing to close"),
        ("{{ .Name | .Name }}", "only a function"),
        ("{{/* open", "comment is not closed"),
        ("{{ index .Name `x` }}", "takes a map"),
        ("{{ len }}", "takes 1 arguments"),
        ("{{ if }}x{{ end }}", "a command is empty"),
        ("{{ .Name. }}", "missing after a dot"),
    ],
)
def test_everything_else_is_refused_with_a_sentence(template: str, fragment: str) -> None:
    with pytest.raises(TemplateError) as refusal:
        render(parse(template), FIELDS)
    assert fragment in str(refusal.value)


@pytest.mark.parametrize(
    "template",
    ["{{ .__class__ }}", "{{ .Name.__class__ }}", "{{ .Labels.__class__ }}", '{{ index .Labels "__class__" }}'],
)
def test_attributes_of_python_objects_are_out_of_reach(template: str) -> None:
    try:
        assert render(parse(template), FIELDS) in ("<no value>", "")
    except TemplateError as refusal:
        assert "class" in str(refusal)


def test_nesting_has_a_limit() -> None:
    with pytest.raises(TemplateError, match="nested too deeply"):
        parse("{{ if .Name }}" * 500 + "{{ end }}" * 500)
    with pytest.raises(TemplateError, match="nested too deeply"):
        parse("{{ " + "(" * 500 + ".Name" + ")" * 500 + " }}")


SYMBOLS = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    "(",
    ")",
    "|",
    ".",
    "$",
    "-",
    '"',
    "`",
    "\\",
    "/*",
    "*/",
    "%",
    "\n",
    "{",
    "}",
    ":=",
]
WORDS = [".Name", ".Labels.x", "if", "else", "end", "with", "index", "printf", "eq", "12", "text", "é"]
PIECES = st.sampled_from([*SYMBOLS, *WORDS])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_no_template_does_anything_but_render_or_be_refused(template: str) -> None:
    try:
        assert isinstance(render(parse(template), FIELDS), str)
    except TemplateError as refusal:
        assert str(refusal)


@given(st.text(max_size=60).filter(lambda text: "{{" not in text))
def test_text_without_actions_is_its_own_rendering(template: str) -> None:
    assert render(parse(template), FIELDS) == template
