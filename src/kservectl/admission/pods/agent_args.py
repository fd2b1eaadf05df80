"""The command line of the agent: one part for each of its jobs, then the port of the server behind it."""

from collections.abc import Mapping

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.payload_log import COMPONENT_LABEL, payload_log
from kservectl.modelstorage.podspec import container
from kservectl.modelstorage.targets import SERVER, TRANSFORMER
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

INTERNAL = "internal.serving.kserve.io/"
LOGGER = INTERNAL + "logger"
BATCHER = INTERNAL + "batcher"
PULLER = INTERNAL + "agent"

MODEL_FOLDER = INTERNAL + "modelDir"
CONFIG_FOLDER = INTERNAL + "configMountPath"

_DEFAULT_PORT = "8080"


def agent_args(pod: Object, context: PodContext) -> list[str]:
    """The arguments for the jobs that the annotations of `pod` ask for; raises ConfigError."""
    notes = metadata.annotations(pod)
    args: list[str] = []
    if PULLER in notes:
        args += ["--enable-puller", *_pair("--config-dir", notes.get(CONFIG_FOLDER))]
        args += _pair("--model-dir", notes.get(MODEL_FOLDER))
    if BATCHER in notes:
        args += ["--enable-batcher", *_batcher(notes, context)]
    if LOGGER in notes:
        args += _logger(pod, context)
    return [*args, "--component-port", _component_port(pod)]


def _pair(name: str, value: str | None) -> list[str]:
    return [] if value is None else [name, value]


def _batcher(notes: Mapping[str, str], context: PodContext) -> list[str]:
    config = context.config.batcher
    size = notes.get(INTERNAL + "batcher-max-batchsize", config.max_batch_size or None)
    latency = notes.get(INTERNAL + "batcher-max-latency", config.max_latency or None)
    return [*_pair("--max-batchsize", size), *_pair("--max-latency", latency)]


def _logger(pod: Object, context: PodContext) -> list[str]:
    config = context.config.logger
    notes, labels = metadata.annotations(pod), metadata.labels(pod)
    log = payload_log(pod, context)
    always = {
        "--log-url": notes.get(INTERNAL + "logger-sink-url", config.default_url),
        "--source-uri": metadata.name(pod),
        "--log-mode": notes.get(INTERNAL + "logger-mode", "all"),
        "--inference-service": labels.get("serving.kserve.io/inferenceservice", ""),
        "--namespace": context.namespace,
        "--endpoint": labels.get("endpoint", ""),
        "--component": labels.get(COMPONENT_LABEL, ""),
    }
    where_set = {
        "--log-store-path": log.store.path if log.store else "",
        "--log-store-format": log.store.format if log.store else "",
        "--log-marshaller-url": log.marshaller_url,
        "--log-batch-size": str(log.batch_size) if log.batch_size > 0 else "",
        "--log-batch-interval": log.batch_interval,
        "--metadata-headers": notes.get(INTERNAL + "logger-metadata-headers", ""),
    }
    args = [word for pair in always.items() for word in pair]
    args += [word for name, value in where_set.items() if value for word in (name, value)]
    if (keys := notes.get(INTERNAL + "logger-metadata-annotations")) is not None:
        args += ["--metadata-annotations", _present(keys, notes)]
    if config.ca_cert_file:
        args += ["--logger-ca-cert-file", config.ca_cert_file]
    return [*args, "--logger-tls-skip-verify", "true" if config.tls_skip_verify else "false"]


def _present(keys: str, notes: Mapping[str, str]) -> str:
    """Those of the annotations named in `keys` that the pod has, as `k=v,…`."""
    return ",".join(f"{key}={notes[key]}" for key in keys.split(",") if key in notes)


def _component_port(pod: Object) -> str:
    receiving = container(pod, TRANSFORMER) or container(pod, SERVER) or {}
    ports = receiving.get("ports") or [{}]
    return str(ports[0].get("containerPort") or _DEFAULT_PORT)
