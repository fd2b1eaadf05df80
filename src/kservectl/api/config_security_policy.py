"""Key `securityPolicy` of `inferenceservice-config`, which KServe does not have: what services may ask for.

Without the key nothing is enforced. Unlike in KServe's keys an unknown member is an error: a misspelt rule must not pass for
one that is enforced. Policies are written as the spec of a ValidatingAdmissionPolicy is.
"""

import re
from typing import Literal, get_args

from pydantic import ConfigDict, Field, field_validator

from kservectl.api.config_model import KeyModel

Action = Literal["Deny", "Warn"]

Resource = Literal[
    "inferenceservices",
    "servingruntimes",
    "clusterservingruntimes",
    "inferencegraphs",
    "trainedmodels",
    "localmodelcaches",
    "localmodelnamespacecaches",
    "pods",
]
"""What a policy can look at, as the API names it."""

RESOURCES: tuple[str, ...] = get_args(Resource)

DEFAULT_EXEMPT_CONTAINERS = ("istio-init", "istio-validation", "istio-proxy", "queue-proxy")

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9.-]*", re.ASCII)


class PolicyModel(KeyModel):
    """A part of the key; a member that nobody knows is an error."""

    model_config = ConfigDict(extra="forbid")


class NamedExpression(PolicyModel):
    """A CEL expression that others may refer to, or that says when a policy applies."""

    name: str
    expression: str


class PolicyVariable(NamedExpression):
    """A value that later expressions see as `variables.NAME`."""

    @field_validator("name")
    @classmethod
    def _identifier(cls, name: str) -> str:
        if not _IDENTIFIER.fullmatch(name):
            raise ValueError(f'invalid securityPolicy config - variable "{name}" is not a CEL identifier')
        return name


class PolicyValidation(PolicyModel):
    """An expression that must be true, and what to say where it is not."""

    expression: str
    message: str = ""
    message_expression: str = ""


class Policy(PolicyModel):
    """One policy: which resources it is about, when it applies, what must hold."""

    name: str
    resources: list[Resource] = Field(default=["inferenceservices"], min_length=1)
    match_conditions: list[NamedExpression] = Field(default_factory=list)
    variables: list[PolicyVariable] = Field(default_factory=list)
    validations: list[PolicyValidation] = Field(min_length=1)
    validation_actions: list[Action] | None = None
    failure_policy: Literal["Fail", "Ignore"] = "Fail"

    @field_validator("name")
    @classmethod
    def _usable_name(cls, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f'invalid securityPolicy config - "{name}" is no name of a policy; use lower case letters, digits, "-", "."'
            )
        return name

    @field_validator("validation_actions")
    @classmethod
    def _one_action(cls, actions: list[Action] | None) -> list[Action] | None:
        return actions if actions is None else _single(actions)


class SecurityPolicy(PolicyModel):
    """What is allowed; an empty list allows everything.

    allowed_registries
        Registries, or folders in them (`ghcr.io/acme`), that images may come from.
    allowed_uri_schemes
        Schemes of storage URIs (`s3`, `pvc`, `oci`, …); `file` is a path without scheme.
    required_limits
        Resources that each container of a pod must have a limit of.
    max_gpus
        The most GPUs that one pod may ask for; None for any number.
    default_security_context
        `restricted`: pods get what the restricted Pod Security Standard asks for, where they do not say otherwise.
    exempt_namespaces, exempt_containers
        Namespaces in which nothing is enforced, and containers whose images, limits and security context are not looked at.
    """

    validation_actions: list[Action] = Field(default=["Deny"])
    exempt_namespaces: list[str] = Field(default_factory=list)
    exempt_containers: list[str] = Field(default=list(DEFAULT_EXEMPT_CONTAINERS))
    allowed_registries: list[str] = Field(default_factory=list)
    allowed_uri_schemes: list[str] = Field(default_factory=list)
    required_limits: list[str] = Field(default_factory=list)
    max_gpus: int | None = Field(default=None, ge=0, alias="maxGPUs")
    default_security_context: Literal["", "restricted"] = ""
    policies: list[Policy] = Field(default=[], max_length=100)

    @field_validator("validation_actions")
    @classmethod
    def _one_action(cls, actions: list[Action]) -> list[Action]:
        return _single(actions)

    @field_validator("allowed_registries")
    @classmethod
    def _hosts(cls, registries: list[str]) -> list[str]:
        for entry in registries:
            host = entry.partition("/")[0]
            if not ("." in host or ":" in host or host == "localhost"):
                raise ValueError(
                    f'invalid securityPolicy config - "{entry}" in allowedRegistries names no registry;'
                    f' images of Docker Hub are in "docker.io/{entry}"'
                )
        return registries

    @field_validator("allowed_uri_schemes")
    @classmethod
    def _schemes(cls, schemes: list[str]) -> list[str]:
        wrong = [scheme for scheme in schemes if not _SCHEME.fullmatch(scheme)]
        if wrong:
            raise ValueError(
                f'invalid securityPolicy config - "{wrong[0]}" in allowedUriSchemes is not a scheme; write it as in "s3"'
            )
        return schemes

    @field_validator("policies")
    @classmethod
    def _different_names(cls, policies: list[Policy]) -> list[Policy]:
        names = [policy.name for policy in policies]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f'invalid securityPolicy config - the policy "{twice}" is there twice')
        return policies


def _single(actions: list[Action]) -> list[Action]:
    if len(actions) != 1:
        raise ValueError('invalid securityPolicy config - validationActions must be ["Deny"] or ["Warn"]')
    return actions
