"""Payloads as CloudEvents 1.0 in binary mode, with the attributes by which consumers of KServe's logger know them.

JSON in attribute values is sent as it is, as KServe does; only what a header cannot carry is percent-encoded.
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import quote

import orjson

from kservectl.clock import rfc3339_micro

Kind = Literal["request", "response"]

TYPES: Mapping[Kind, str] = {
    "request": "org.kubeflow.serving.inference.request",
    "response": "org.kubeflow.serving.inference.response",
}

_UNFIT = re.compile(r"[^\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class About:
    """Where payloads come from: the same for all that an agent logs. `source` is the pod."""

    source: str = ""
    inference_service: str = ""
    namespace: str = ""
    component: str = ""
    endpoint: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payload:
    """One body, as it went by. `metadata` holds the allowed headers of its request, with all their values."""

    id: str
    kind: Kind
    body: bytes
    content_type: str
    recorded: datetime
    metadata: Mapping[str, Sequence[str]] = field(default_factory=dict)


def event_headers(payload: Payload, about: About) -> dict[str, str]:
    """The headers of the event; its content is the body of the payload."""
    moment = rfc3339_micro(payload.recorded)
    attributes = {
        "id": payload.id,
        "type": TYPES[payload.kind],
        "source": about.source or "unknown",  # an event has to have one
        "specversion": "1.0",
        "time": moment,
        "inferenceservicename": about.inference_service,
        "namespace": about.namespace,
        "component": about.component,
        "endpoint": about.endpoint,
        "metadata": _json(payload.metadata),
        "annotations": _json(about.annotations),
        "recordedtime": moment,
    }
    headers = {f"ce-{name}": _fit(value) for name, value in attributes.items() if value}
    return {**headers, "Content-Type": payload.content_type or "application/octet-stream"}


def _json(value: Mapping[str, object]) -> str:
    return orjson.dumps(value).decode() if value else ""


def _fit(value: str) -> str:
    return _UNFIT.sub(lambda found: quote(found[0]), value)
