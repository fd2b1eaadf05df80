"""What one InferenceService may choose about its own exposure, by annotations `networking.kserve.io/…`.

Each choice stands above the ConfigMap key `ingress`. KServe's documentation shows the first two; the others follow their
style. A value that cannot be used is reported with its annotation and is not in force; admission refuses it, and the
controller says so where admission was bypassed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kservectl.api.config_ingress import Ingress

PREFIX = "networking.kserve.io/"
GATEWAY_API = PREFIX + "gateway-api"
INGRESS_CLASS = PREFIX + "ingress-class"
GATEWAY = PREFIX + "gateway"
ADDITIONAL_HOSTS = PREFIX + "additional-hosts"
REQUEST_TIMEOUT = PREFIX + "request-timeout"

ALL = (GATEWAY_API, INGRESS_CLASS, GATEWAY, ADDITIONAL_HOSTS, REQUEST_TIMEOUT)

NO_TIMEOUT = "none"
"""The value of `request-timeout` that leaves the time to the gateway: routes then have no timeout of their own."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,5}", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}", re.ASCII)
_MOST_HOSTS = 15
"""A route may have 16 hostnames (Gateway API), and one is the service's own."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An annotation whose value cannot be used, and why, in a sentence that says what would be accepted."""

    annotation: str
    message: str


@dataclass(frozen=True, slots=True)
class NetworkingChoices:
    """What the annotations of one service say; None and empty stand for no choice.

    `gateway` is `namespace/name`, `request_timeout` a duration of the Gateway API (GEP-2257) or `NO_TIMEOUT`.
    """

    gateway_api: bool | None = None
    ingress_class: str | None = None
    gateway: str | None = None
    additional_hosts: tuple[str, ...] = ()
    request_timeout: str | None = None
    problems: tuple[Problem, ...] = ()

    def over(self, config: Ingress) -> Ingress:
        """The configuration that is in force for the service."""
        chosen: dict[str, Any] = {}
        if self.gateway_api is not None:
            chosen["enable_gateway_api"] = self.gateway_api
        if self.ingress_class is not None:
            chosen["ingress_class_name"] = self.ingress_class
        if self.gateway is not None:
            chosen["kserve_ingress_gateway"] = self.gateway
        return config.model_copy(update=chosen) if chosen else config


def read(annotations: Mapping[str, str]) -> NetworkingChoices:
    """The choices of a service with these annotations."""
    problems: list[Problem] = []

    def usable(annotation: str, problem: str) -> bool:
        if problem:
            problems.append(Problem(annotation, problem))
        return not problem

    chosen: dict[str, Any] = {}
    switch = annotations.get(GATEWAY_API)
    if switch is not None and usable(GATEWAY_API, _switch_problem(switch)):
        chosen["gateway_api"] = switch == "true"
    class_ = annotations.get(INGRESS_CLASS)
    if class_ is not None and usable(INGRESS_CLASS, _class_problem(class_)):
        chosen["ingress_class"] = class_
    gateway = annotations.get(GATEWAY)
    if gateway is not None and usable(GATEWAY, _gateway_problem(gateway)):
        chosen["gateway"] = gateway
    hosts = annotations.get(ADDITIONAL_HOSTS)
    if hosts is not None:
        names = tuple(dict.fromkeys(name.strip() for name in hosts.split(",") if name.strip()))
        if usable(ADDITIONAL_HOSTS, _hosts_problem(names)):
            chosen["additional_hosts"] = names
    timeout = annotations.get(REQUEST_TIMEOUT)
    if timeout is not None and usable(REQUEST_TIMEOUT, _timeout_problem(timeout)):
        chosen["request_timeout"] = f"{timeout}s" if _SECONDS.fullmatch(timeout) else timeout
    return NetworkingChoices(**chosen, problems=tuple(problems))


def is_host_name(text: str) -> bool:
    """Whether `text` is a DNS name of at least two labels, without a wildcard and without a trailing dot."""
    labels = text.split(".")
    return len(text) <= 253 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)


def _switch_problem(value: str) -> str:
    return "" if value in ("true", "false") else f'"{_short(value)}" is neither "true" nor "false"'


def _class_problem(value: str) -> str:
    valid = len(value) <= 253 and all(_LABEL.fullmatch(label) for label in value.split("."))
    return "" if valid else f'"{_short(value)}" is not the name of an IngressClass (a DNS name in lower case)'


def _gateway_problem(value: str) -> str:
    namespace, slash, name = value.partition("/")
    valid = slash and _LABEL.fullmatch(namespace) and _LABEL.fullmatch(name)
    return "" if valid else f'"{_short(value)}" is not in the format <namespace>/<name> of a Gateway'


def _hosts_problem(names: tuple[str, ...]) -> str:
    if not names:
        return "it names no host; give host names separated by commas, or remove the annotation"
    if len(names) > _MOST_HOSTS:
        return f"it names {len(names)} hosts; a route takes {_MOST_HOSTS} beside the service's own"
    wrong = [name for name in names if not is_host_name(name)]
    if wrong:
        return f'"{_short(wrong[0])}" is not a host name (a DNS name of two or more labels in lower case, no wildcard)'
    return ""


def _timeout_problem(value: str) -> str:
    if value == NO_TIMEOUT or _SECONDS.fullmatch(value) or _DURATION.fullmatch(value):
        return ""
    return (
        f'"{_short(value)}" is not a duration: give seconds ("90"), a duration of the Gateway API ("1m30s"), or'
        f' "{NO_TIMEOUT}" to leave the time to the gateway'
    )


def _short(value: str) -> str:
    return value if len(value) <= 80 else f"{value[:80]}…"
