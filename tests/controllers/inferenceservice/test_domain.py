"""Host names, paths and additional hosts."""

import pytest

from kservectl.controllers.inferenceservice.domain import (
    InvalidDomain,
    additional_hosts,
    domain_name,
    is_domain_name,
    url_path,
)


def host(template: str) -> str:
    return domain_name(
        template,
        name="model",
        namespace="test",
        ingress_domain="example.com",
        labels={"tier": "label-value"},
        annotations={"tier": "annotation-value"},
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}", "model-test.example.com"),
        ("{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}", "model.test.example.com"),
        ("{{.Name}}.test.{{.Annotations.tier}}.{{.IngressDomain}}", "model.test.annotation-value.example.com"),
        ("{{.Name}}.test.{{.Labels.tier}}.{{.IngressDomain}}", "model.test.label-value.example.com"),
        ("{{ .Name }}.example.com.", "model.example.com."),
    ],
)
def test_template_makes_the_host(template: str, expected: str) -> None:
    assert host(template) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ .ModelName }}.{{ .IngressDomain }}",
        "{{ .Name }}_{{ .Namespace }}_{{ .IngressDomain }}",
        "{{ .Labels.absent }}.{{ .IngressDomain }}",
        "{{ .Name }}",
        "",
        "Model.example.com",
        "a" * 64 + ".example.com",
        "{{ .Name",
    ],
)
def test_what_is_no_host_name_is_refused(template: str) -> None:
    with pytest.raises(InvalidDomain):
        host(template)


@pytest.mark.parametrize(
    ("name", "ok"),
    [
        ("a.b", True),
        ("a", True),
        ("a.b.", True),
        ("-a.b", False),
        ("a-.b", False),
        ("a..b", False),
        ("*.b", False),
        (".".join(["a" * 60] * 5), False),
        (".", False),
        ("é.b", False),
    ],
)
def test_domain_names_are_those_of_dns(name: str, ok: bool) -> None:
    assert is_domain_name(name) is ok


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("/path/to/{{ .Namespace }}/{{ .Name }}", "/path/to/user/model"),
        ("/a%20b?query=1", "/a b"),
    ],
)
def test_path_template_makes_a_path(template: str, expected: str) -> None:
    assert url_path(template, name="model", namespace="user") == expected


@pytest.mark.parametrize(
    "template", ["myhost/{{ .Name }}", "http://host/{{ .Name }}", "//host/x", "/{{ .Labels.a }}", "/{{"]
)
def test_what_is_no_path_is_refused(template: str) -> None:
    with pytest.raises(InvalidDomain):
        url_path(template, name="model", namespace="user")


@pytest.mark.parametrize(
    ("known", "additional", "expected"),
    [
        ([], ["other.com"], []),
        (["example.com"], [], []),
        (["elsewhere.com"], ["other.com"], []),
        (["example.com"], ["other.com", "third.org", "other.com"], ["m.other.com", "m.third.org"]),
        (["example.com"], ["in_valid", "other.com"], ["m.other.com"]),
        (["x.org", "example.com", "com"], ["other.com"], ["m.other.com"]),
        (["m.example.com"], ["other.com"], []),
        ([""], ["other.com"], []),
    ],
)
def test_additional_hosts_keep_the_subdomain(known: list[str], additional: list[str], expected: list[str]) -> None:
    assert additional_hosts("m.example.com", known, additional) == expected
