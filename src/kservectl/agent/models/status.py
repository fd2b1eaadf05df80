"""What is known of every model, for people (`/models` of the agent's own address) and for Prometheus."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge

from kservectl.clock import Clock, rfc3339
from kservectl.download.errors import shown
from kservectl.download.progress import Progress


class State(StrEnum):
    """Where a model is on its way."""

    PENDING = "Pending"
    DOWNLOADING = "Downloading"
    LOADING = "Loading"
    LOADED = "Loaded"
    FAILED = "Failed"
    REMOVING = "Removing"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model. `reason` is empty while nothing is wrong; `bytes_total` None while it is not known."""

    name: str
    state: State
    since: str
    uri: str = ""
    reason: str = ""
    bytes_done: int = 0
    bytes_total: int | None = None


class StatusBoard:
    """The status of all models."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self._clock = clock
        self._models: dict[str, ModelStatus] = {}
        self._states = Gauge("kservectl_agent_models", "Models, by state.", ["state"], registry=registry)
        self._bytes = Counter(
            "kservectl_agent_downloaded_bytes", "Bytes received for models that became whole.", registry=registry
        )
        self._sizes = Gauge(
            "kservectl_agent_model_bytes", "Bytes of a model that are on the disk.", ["model"], registry=registry
        )
        self._operations = Counter(
            "kservectl_agent_model_operations",
            "What was done to models: download, load, unload, remove; and whether it succeeded.",
            ["operation", "outcome"],
            registry=registry,
        )
        self._count()

    def set(self, name: str, state: State, uri: str = "", reason: str = "") -> None:
        """The model is in `state` now; what is known of its size is kept."""
        moment = rfc3339(self._clock.now())
        before = self._models.get(name)
        if before is not None:
            since = before.since if before.state is state else moment
            self._models[name] = replace(before, state=state, since=since, uri=shown(uri), reason=reason)
        else:
            self._models[name] = ModelStatus(name, state, moment, shown(uri), reason)
        self._count()

    def progress(self, name: str, progress: Progress) -> None:
        """So much of the model is there."""
        self._models[name] = replace(
            self._models[name], bytes_done=progress.bytes_done, bytes_total=progress.bytes_total
        )

        self._sizes.labels(name).set(progress.bytes_done)

    def received(self, size: int) -> None:
        """A model became whole, for which so many bytes came over the network."""
        self._bytes.inc(size)

    def did(self, operation: str, outcome: str) -> None:
        """An operation ended: `success`, `failure`."""
        self._operations.labels(operation, outcome).inc()

    def forget(self, name: str) -> None:
        """There is no such model any more."""
        if self._models.pop(name, None) is not None:
            with contextlib.suppress(KeyError):  # nothing of it was ever received
                self._sizes.remove(name)
        self._count()

    def get(self, name: str) -> ModelStatus | None:
        return self._models.get(name)

    def as_json(self) -> Mapping[str, Any]:
        """All models, by name."""
        return {"models": [asdict(self._models[name]) for name in sorted(self._models)]}

    def _count(self) -> None:
        for state in State:
            self._states.labels(state.value).set(sum(model.state is state for model in self._models.values()))
