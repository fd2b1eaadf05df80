"""Which texts are templates."""

import pytest

from kservectl.api.template_syntax import template_problem


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}",
        "{{.Name}}.{{ .Annotations.key }}",
        '{{ index .Annotations "a.b/c" }}',
        "{{ if .Labels.team }}{{ .Labels.team }}{{ else }}none{{ end }}",
        '{{ with index .Labels "x" }}{{ . }}.{{ end }}',
        '{{- printf "%s-%s" .Name .Namespace | urlquery -}}',
        "{{/* a comment */}}",
        '{{ if and (eq .Name "a") .Namespace }}x{{ else if .Name }}y{{ end }}',
        "{{ $n := .Name }}{{ $n }}",
    ],
)
def test_well_formed_templates_have_no_problem(text: str) -> None:
    assert template_problem(text) == ""


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("{{ .Name", "not closed"),
        ("{{ .Annotations.a-b }}", "unexpected"),
        ("{{{ .Name }}", "unexpected"),
        ("{{ Name }}", "'Name' is not defined"),
        ("{{ (.Name }}", "unbalanced parentheses"),
        ("{{ }}", "missing value"),
        ("{{ if }}x{{ end }}", "missing value for if"),
        ("{{ if .Name }}x", "not closed with {{end}}"),
        ("x{{ end }}", "without a block"),
        ("{{ else }}", "outside of a block"),
        ('{{ index .Labels "x }}', "unexpected"),
    ],
)
def test_malformed_templates_say_what_is_wrong(text: str, fragment: str) -> None:
    assert fragment in template_problem(text)
