"""What a service chooses about its own exposure: values that can be used, and choices that have an effect."""

from collections.abc import Iterator
from contextlib import suppress

from kservectl.admission.inferenceservice.validation.subject import Subject, at
from kservectl.admission.review import FieldError
from kservectl.api import networking_choices
from kservectl.api.config import Config, ConfigError
from kservectl.api.config_ingress import Ingress
from kservectl.api.config_keys import STANDARD
from kservectl.api.networking_choices import NetworkingChoices

_OF_GATEWAYS = (networking_choices.GATEWAY, networking_choices.REQUEST_TIMEOUT)
_OF_INGRESSES = (networking_choices.INGRESS_CLASS,)


def networking_errors(subject: Subject, config: Config) -> Iterator[FieldError]:
    """Choices that cannot be followed. Raises ConfigError where one needs the key `ingress` and it is broken."""
    choices = networking_choices.read(subject.annotations)
    for problem in choices.problems:
        yield FieldError(at("metadata.annotations", problem.annotation), problem.message)
    if choices.gateway_api and choices.gateway is None and config.ingress.gateway is None:
        yield FieldError(
            at("metadata.annotations", networking_choices.GATEWAY_API),
            f"no Gateway is known: name one with the annotation {networking_choices.GATEWAY}, or have kserveIngressGateway"
            " set in the key ingress of the ConfigMap inferenceservice-config",
        )


def networking_warnings(subject: Subject, config: Config) -> Iterator[str]:
    """Choices that are without effect as things are configured now."""
    made = [annotation for annotation in networking_choices.ALL if annotation in subject.annotations]
    if not made:
        return
    choices = networking_choices.read(subject.annotations)
    with suppress(ConfigError):  # whoever needs that key says so
        for annotation in made:
            why = _without_effect(annotation, subject, choices, config.ingress)
            if why:
                yield f"{at('metadata.annotations', annotation)} has no effect: {why}"


def _without_effect(annotation: str, subject: Subject, choices: NetworkingChoices, config: Ingress) -> str:
    if subject.mode != STANDARD:
        return f"it is for services in {STANDARD} mode"
    by_gateway = choices.over(config).enable_gateway_api
    if annotation in _OF_GATEWAYS and not by_gateway:
        return "the service is exposed by an Ingress, not through the Gateway API"
    if annotation in _OF_INGRESSES and by_gateway:
        return "the service is exposed through the Gateway API, not by an Ingress"
    return ""
