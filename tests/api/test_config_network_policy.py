"""The key `networkPolicy`: off unless asked for, and checked before any policy is made of it."""

import json
from typing import Any

import pytest

from kservectl.api.config import Config, ConfigError


def read(value: Any) -> Any:
    return Config({"data": {"networkPolicy": json.dumps(value)}}).network_policy


def test_it_is_off_without_the_key_and_unless_enabled() -> None:
    assert Config({"data": {}}).network_policy.enabled is False
    assert read({"allowNamespaces": ["a"]}).enabled is False


def test_every_member_is_read() -> None:
    policy = read(
        {
            "enabled": True,
            "gatewayNamespaces": ["envoy"],
            "monitoringNamespaces": ["mon"],
            "allowNamespaces": ["apps"],
            "allowSameNamespace": True,
            "allowFrom": [
                {"podSelector": {}, "namespaceSelector": {"matchLabels": {"a": "b"}}},
                {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
            ],
        }
    )
    assert (policy.enabled, policy.allow_same_namespace, len(policy.allow_from)) == (True, True, 2)
    assert (policy.gateway_namespaces, policy.monitoring_namespaces, policy.allow_namespaces) == (
        ["envoy"],
        ["mon"],
        ["apps"],
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"allowNamespaces": ["*"]}, '"*" in allowNamespaces is not a namespace'),
        ({"gatewayNamespaces": ["a.b"]}, '"a.b" in gatewayNamespaces is not a namespace'),
        ({"monitoringNamespaces": "mon"}, "monitoringNamespaces"),
        ({"allowFrom": [{}]}, "allowFrom[0] is empty"),
        ({"allowFrom": [{"podSelector": {}}, {"pods": {}}]}, "allowFrom[1] has the unknown member pods"),
        ({"allowFrom": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}, "ipBlock beside a selector"),
        ({"allowFrom": [{"ipBlock": {"cidr": "10.0.0"}}]}, "ipBlock.cidr, such as 10.0.0.0/8"),
        ({"allowFrom": [{"ipBlock": None}]}, "ipBlock.cidr, such as 10.0.0.0/8"),
        ({"allowFrom": [{"podSelector": "all"}]}, "must have an object as podSelector"),
        ({"enabled": "yes"}, "enabled"),
    ],
)
def test_what_no_policy_can_be_made_of_is_an_error(value: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(value)
    assert raised.value.key == "networkPolicy"
    assert said in raised.value.message
