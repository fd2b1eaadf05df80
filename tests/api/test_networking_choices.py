"""What a service may choose about its exposure."""

import pytest

from kservectl.api.config_ingress import Ingress
from kservectl.api.networking_choices import NetworkingChoices, read

CONFIG = Ingress.model_validate(
    {
        "enableGatewayApi": True,
        "kserveIngressGateway": "kserve/main",
        "ingressGateway": "istio/main",
        "ingressClassName": "nginx",
    }
)


def chosen(**annotations: str) -> NetworkingChoices:
    return read({f"networking.kserve.io/{name.replace('_', '-')}": value for name, value in annotations.items()})


def test_service_without_annotations_chooses_nothing() -> None:
    assert read({"networking.kserve.io/visibility": "cluster-local"}) == NetworkingChoices()
    assert read({}).over(CONFIG) is CONFIG


def test_choices_stand_above_the_configuration() -> None:
    choices = chosen(gateway_api="false", ingress_class="haproxy.example", gateway="infra/edge")
    own = choices.over(CONFIG)

    assert choices.problems == ()
    assert (own.enable_gateway_api, own.ingress_class_name, own.gateway) == (
        False,
        "haproxy.example",
        ("infra", "edge"),
    )
    assert own.ingress_domain == CONFIG.ingress_domain


def test_hosts_are_separated_by_commas_and_counted_once() -> None:
    assert chosen(additional_hosts=" a.example.com,b.io , a.example.com,").additional_hosts == ("a.example.com", "b.io")


@pytest.mark.parametrize(
    ("value", "expected"), [("90", "90s"), ("1m30s", "1m30s"), ("500ms", "500ms"), ("0", "0s"), ("none", "none")]
)
def test_timeout_is_seconds_or_a_duration_or_none(value: str, expected: str) -> None:
    assert chosen(request_timeout=value).request_timeout == expected


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("gateway-api", "yes", 'neither "true" nor "false"'),
        ("gateway-api", "True", 'neither "true" nor "false"'),
        ("ingress-class", "Nginx", "is not the name of an IngressClass"),
        ("ingress-class", "", "is not the name of an IngressClass"),
        ("gateway", "edge", "format <namespace>/<name>"),
        ("gateway", "infra/edge/http", "format <namespace>/<name>"),
        ("gateway", "Infra/edge", "format <namespace>/<name>"),
        ("additional-hosts", " , ", "it names no host"),
        ("additional-hosts", "a.example.com,*.example.com", '"*.example.com" is not a host name'),
        ("additional-hosts", "localhost", '"localhost" is not a host name'),
        ("additional-hosts", "a.example.com.", '"a.example.com." is not a host name'),
        ("additional-hosts", ",".join(f"h{n}.io" for n in range(16)), "it names 16 hosts"),
        ("request-timeout", "1 minute", "is not a duration"),
        ("request-timeout", "-5", "is not a duration"),
        ("request-timeout", "1d", "is not a duration"),
        ("request-timeout", "", "is not a duration"),
    ],
)
def test_value_that_cannot_be_used_is_reported_and_not_in_force(name: str, value: str, said: str) -> None:
    choices = read({f"networking.kserve.io/{name}": value})
    (problem,) = choices.problems

    assert problem.annotation == f"networking.kserve.io/{name}"
    assert said in problem.message
    assert choices.over(CONFIG) is CONFIG
    assert (choices.additional_hosts, choices.request_timeout) == ((), None)


def test_every_problem_is_reported() -> None:
    found = chosen(gateway_api="1", gateway="x", request_timeout="soon").problems
    assert [problem.annotation for problem in found] == [
        "networking.kserve.io/gateway-api",
        "networking.kserve.io/gateway",
        "networking.kserve.io/request-timeout",
    ]
