"""The key `securityPolicy`: off without it, strict with it."""

import json
from typing import Any

import pytest

from kservectl.api.config import Config, ConfigError
from kservectl.api.config_security_policy import RESOURCES, SecurityPolicy


def read(value: Any) -> SecurityPolicy:
    return Config({"data": {"securityPolicy": json.dumps(value)}}).security_policy


def told(value: Any) -> str:
    with pytest.raises(ConfigError) as problem:
        read(value)
    assert problem.value.key == "securityPolicy"
    return problem.value.message


def policy(**more: Any) -> Any:
    return {"policies": [{"name": "p", "validations": [{"expression": "true"}], **more}]}


def test_without_the_key_nothing_is_enforced() -> None:
    found = Config(None).security_policy
    assert found == read({}) == SecurityPolicy()
    assert not (found.allowed_registries or found.allowed_uri_schemes or found.required_limits or found.policies)
    assert found.max_gpus is None and found.default_security_context == ""


def test_violations_are_denied_unless_it_says_otherwise() -> None:
    assert read({}).validation_actions == ["Deny"]
    assert read({"validationActions": ["Warn"]}).validation_actions == ["Warn"]
    assert "validationActions" in told({"validationActions": ["Deny", "Warn"]})
    assert "validationActions" in told(policy(validationActions=[]))


@pytest.mark.parametrize(
    "value, named",
    [
        ({"allowedRegistres": ["ghcr.io"]}, "allowedRegistres"),
        (policy(expresion="true"), "policies[0].expresion"),
        ({"policies": [{"name": "p", "validations": [{"expression": "true", "mesage": ""}]}]}, "mesage"),
    ],
)
def test_a_misspelt_member_is_no_rule_and_is_told(value: Any, named: str) -> None:
    message = told(value)
    assert named in message and "not known here" in message


def test_members_match_in_any_case_as_elsewhere() -> None:
    assert read({"MAXGPUS": 2}).max_gpus == 2


@pytest.mark.parametrize(
    "value, named",
    [
        ({"allowedRegistries": ["kserve"]}, "docker.io/kserve"),
        ({"allowedUriSchemes": ["s3://"]}, '"s3://"'),
        ({"maxGPUs": -1}, "maxGPUs"),
        ({"maxGPUs": "2"}, "maxGPUs"),
        ({"defaultSecurityContext": "baseline"}, "restricted"),
        (policy(name="No Name"), "No Name"),
        (policy(resources=["deployments"]), "resources"),
        (policy(resources=[]), "resources"),
        (policy(failurePolicy="Maybe"), "failurePolicy"),
        (policy(variables=[{"name": "a-b", "expression": "1"}]), "a-b"),
        ({"policies": [{"name": "p", "validations": []}]}, "validations"),
        ({"policies": [{"name": "p", "validations": [{"expression": "true"}]}] * 2}, "twice"),
        ({"policies": [{"name": f"p{n}", "validations": [{"expression": "true"}]} for n in range(101)]}, "policies"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_named(value: Any, named: str) -> None:
    assert named in told(value)


def test_a_policy_is_about_inferenceservices_unless_it_says_otherwise() -> None:
    assert read(policy()).policies[0].resources == ["inferenceservices"]
    assert read(policy(resources=list(RESOURCES))).policies[0].resources == list(RESOURCES)
