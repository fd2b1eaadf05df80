"""The OpenTelemetryCollector beside a component's pods: it hands the metrics that scaling asks for to KEDA's scaler."""

from kservectl.api.config import Config
from kservectl.api.kinds import OPEN_TELEMETRY_COLLECTOR
from kservectl.controllers.inferenceservice.component import Component
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.metadata import Object

PORT_ANNOTATION = "prometheus.kserve.io/port"

_DEFAULT_PORT = "8080"
_POD_ATTRIBUTES = (("namespace", "k8s.namespace.name"), ("deployment", "k8s.deployment.name"), ("pod", "k8s.pod.name"))


def metric_names(component: Component) -> list[str]:
    """The metrics that a collector has to pick up, in the order of the spec; empty when none is needed."""
    scaling = component.spec.auto_scaling
    return [
        name
        for entry in (scaling.metrics or () if scaling is not None else ())
        if entry.type == "PodMetric" and entry.podmetric is not None
        if entry.podmetric.metric.backend == "opentelemetry"
        for name in entry.podmetric.metric.metric_names or ()
    ]


def build(workload: Workload, names: list[str], config: Config) -> Object:
    """The collector for the metrics `names`; raises ConfigError when its key of the configuration is broken."""
    section = config.opentelemetry_collector
    port = workload.metadata.annotations.get(PORT_ANNOTATION) or _DEFAULT_PORT
    meta = {"name": workload.metadata.name, "namespace": workload.metadata.namespace}
    spec: Object = {
        "mode": "sidecar",
        "config": {
            "receivers": {"prometheus": {"config": {"scrape_configs": [_scrape(port, section.scrape_interval)]}}},
            "processors": {
                "resourcedetection/env": {"detectors": ["env"], "timeout": "2s", "override": False},
                "transform": {"metric_statements": [{"context": "datapoint", "statements": _statements()}]},
                "filter/metrics": {"metrics": {"include": {"match_type": "strict", "metric_names": names}}},
            },
            "exporters": {
                "otlp": {
                    "endpoint": section.metric_receiver_endpoint,
                    "compression": "none",
                    "tls": {"insecure": True},
                }
            },
            "service": {
                "pipelines": {
                    "metrics": {
                        "receivers": ["prometheus"],
                        "processors": ["resourcedetection/env", "transform", "filter/metrics"],
                        "exporters": ["otlp"],
                    }
                }
            },
        },
    }
    resources = section.resource.resources()
    if resources:
        spec["resources"] = resources
    annotations = dict(workload.metadata.annotations)
    return {
        "apiVersion": OPEN_TELEMETRY_COLLECTOR.api_version,
        "kind": OPEN_TELEMETRY_COLLECTOR.kind,
        "metadata": {**meta, "annotations": annotations} if annotations else meta,
        "spec": spec,
    }


def _scrape(port: str, interval: str) -> Object:
    return {
        "job_name": "otel-collector",
        "scrape_interval": interval,
        "static_configs": [{"targets": [f"localhost:{port}"]}],
    }


def _statements() -> list[str]:
    return [f'set(attributes["{name}"], resource.attributes["{source}"])' for name, source in _POD_ATTRIBUTES]
