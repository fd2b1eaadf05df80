"""What a service chooses about its own exposure, at admission."""

import pytest

from kservectl.api.config import Config, ConfigError
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, config, model, service
from tests.admission.inferenceservice.validation.verdicts import STANDARD, allowed, only, verdict

NET = "networking.kserve.io/"
GATEWAY_API = {"enableGatewayApi": True, "kserveIngressGateway": "kserve/main", "ingressGateway": "istio/main"}
BY_GATEWAY = config(ingress=GATEWAY_API)
BY_INGRESS = config(ingress={"ingressGateway": "istio/main"})


def choosing(**annotations: str) -> Object:
    chosen = {NET + name.replace("_", "-"): value for name, value in annotations.items()}
    return service(model(), annotations={**STANDARD, **chosen})


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"gateway_api": "on"}, 'metadata.annotations[networking.kserve.io/gateway-api]: "on" is neither "true" nor'),
        ({"ingress_class": "My Class"}, "is not the name of an IngressClass"),
        ({"gateway": "edge"}, "is not in the format <namespace>/<name> of a Gateway"),
        ({"additional_hosts": "*.example.com"}, '"*.example.com" is not a host name'),
        ({"request_timeout": "soon"}, "is not a duration"),
    ],
)
def test_choice_that_cannot_be_used_is_refused(choices: dict[str, str], said: str) -> None:
    assert said in only(choosing(**choices))


def test_usable_choices_pass() -> None:
    assert allowed(
        choosing(gateway_api="true", gateway="infra/edge", additional_hosts="a.io,b.io", request_timeout="5m")
    )
    assert allowed(choosing(gateway_api="false", ingress_class="nginx"))


def test_gateway_api_without_any_gateway_is_refused() -> None:
    (error,) = verdict(choosing(gateway_api="true"), settings=BY_INGRESS).errors
    assert error.field == "metadata.annotations[networking.kserve.io/gateway-api]"
    assert "name one with the annotation networking.kserve.io/gateway" in error.message
    assert verdict(choosing(gateway_api="true", gateway="a/b"), settings=BY_INGRESS).errors == ()
    assert verdict(choosing(gateway_api="true"), settings=BY_GATEWAY).errors == ()


def test_only_who_needs_the_configuration_hears_of_a_broken_one() -> None:
    broken = config(ingress="{")
    assert verdict(choosing(gateway="a/b"), settings=broken).errors == ()
    with pytest.raises(ConfigError):
        verdict(choosing(gateway_api="true"), settings=broken)


@pytest.mark.parametrize(
    ("choices", "settings", "told"),
    [
        ({"gateway": "a/b", "request_timeout": "5"}, BY_INGRESS, ["gateway", "request-timeout"]),
        ({"gateway": "a/b", "request_timeout": "5"}, BY_GATEWAY, []),
        ({"ingress_class": "nginx"}, BY_GATEWAY, ["ingress-class"]),
        ({"ingress_class": "nginx", "gateway_api": "false"}, BY_GATEWAY, []),
        ({"additional_hosts": "a.io"}, BY_INGRESS, []),
    ],
)
def test_choice_without_effect_is_a_warning(choices: dict[str, str], settings: Config, told: list[str]) -> None:
    answer = verdict(choosing(**choices), settings=settings)
    assert answer.errors == ()
    assert [warning.split("]")[0].removeprefix(f"metadata.annotations[{NET}") for warning in answer.warnings] == told


def test_choices_are_for_standard_mode() -> None:
    obj = service(model(), annotations={MODE: "Knative", NET + "gateway": "a/b"})
    assert verdict(obj, settings=BY_GATEWAY).warnings == (
        f"metadata.annotations[{NET}gateway] has no effect: it is for services in Standard mode",
    )


def test_service_that_broke_the_rule_before_it_was_one_stays_changeable() -> None:
    old = choosing(gateway_api="on")
    assert allowed(choosing(gateway_api="on"), old)
    assert not allowed(choosing(gateway_api="off"), old)
