"""Payload logging of a pod: what its component says, over what is configured."""

from dataclasses import dataclass

from kservectl.admission.inferenceservice.implementations import block
from kservectl.admission.pods.context import PodContext
from kservectl.api.component import LoggerSpec
from kservectl.api.config_keys import LoggerStorage
from kservectl.api.errors import Malformed
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

COMPONENT_LABEL = "component"

_DEFAULT_ACCOUNT = "logger-sa"


@dataclass(frozen=True, slots=True)
class LogStore:
    """Where payloads are stored, in which format, and the ServiceAccount with the credentials for it."""

    path: str
    format: str
    account: str


@dataclass(frozen=True, slots=True)
class PayloadLog:
    """The settings that are not in a pod's own annotations; empty ones (0 for the batch size) are not set."""

    marshaller_url: str
    batch_size: int
    batch_interval: str
    store: LogStore | None


def payload_log(pod: Object, context: PodContext) -> PayloadLog:
    """The settings for `pod`; raises ConfigError."""
    config = context.config.logger
    own = _own(pod, context.service)
    if own is None:
        return PayloadLog(
            config.marshaller_url, config.batch_size or 0, config.batch_interval, _configured_store(config.storage)
        )
    # A component that logs decides about the store as a whole, also by having none.
    return PayloadLog(
        own.marshaller_url or config.marshaller_url,
        (config.batch_size if own.batch_size is None else own.batch_size) or 0,
        own.batch_interval or config.batch_interval,
        _own_store(own),
    )


def _own(pod: Object, service: Object | None) -> LoggerSpec | None:
    component = metadata.labels(pod).get(COMPONENT_LABEL, "")
    logger = block(block(block(service, "spec"), component), "logger")
    if logger is None:
        return None
    try:
        return LoggerSpec.parse(logger)
    except Malformed:
        return None  # what no schema would have let pass is the validator's business, not that of a running service


def _own_store(logger: LoggerSpec) -> LogStore | None:
    storage = logger.storage
    if storage is None:
        return None
    parameters = storage.parameters or {}
    return LogStore(storage.path or "", parameters.get("format", ""), storage.service_account_name or _DEFAULT_ACCOUNT)


def _configured_store(storage: LoggerStorage | None) -> LogStore | None:
    if storage is None:
        return None
    account = storage.service_account_name or _DEFAULT_ACCOUNT
    return LogStore(storage.path, storage.parameters.get("format", ""), account)
