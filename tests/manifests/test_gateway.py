"""The optional Gateway in its two variants, and the shipped key about NetworkPolicies."""

import json
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from kservectl.api.config import Config
from kservectl.api.config_network_policy import NetworkPolicy
from kservectl.controllers.inferenceservice.listeners import refusals
from kservectl.manifests.configuration import config_map
from kservectl.manifests.gateway import TLS_SECRET, gateway, gateway_with_tls


def test_gateway_that_is_installed_without_a_certificate_has_one_http_listener() -> None:
    (listener,) = gateway()["spec"]["listeners"]
    assert (listener["protocol"], listener["port"]) == ("HTTP", 80)
    assert "tls" not in listener


def test_gateway_with_tls_is_the_same_gateway_with_https_and_grpc_on_a_certificate_of_the_user() -> None:
    found = {listener["name"]: listener for listener in gateway_with_tls()["spec"]["listeners"]}
    assert gateway_with_tls()["metadata"] == gateway()["metadata"]
    assert {name: (each["protocol"], each["port"]) for name, each in found.items()} == {
        "http": ("HTTP", 80),
        "https": ("HTTPS", 443),
        "grpc": ("HTTPS", 9000),
    }
    assert [found["http"]] == gateway()["spec"]["listeners"]
    for name in ("https", "grpc"):
        assert found[name]["tls"] == {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": TLS_SECRET}]}
    assert {kind["kind"] for kind in found["grpc"]["allowedRoutes"]["kinds"]} == {"HTTPRoute", "GRPCRoute"}


@pytest.mark.parametrize("made", [gateway(), gateway_with_tls()])
def test_every_namespace_may_attach_its_routes_to_the_gateway(made: dict[str, Any]) -> None:
    assert made["spec"]["listeners"]
    for listener in made["spec"]["listeners"]:
        alone = {**made, "spec": {**made["spec"], "listeners": [listener]}}
        assert refusals(alone, "some-team", ["iris-some-team.example.com"]) == []


def test_shipped_network_policy_is_off_and_shows_every_member() -> None:
    shown = json.loads(config_map()["data"]["networkPolicy"])
    assert Config(config_map()).network_policy.enabled is False
    assert set(shown) == {to_camel(name) for name in NetworkPolicy.model_fields}
