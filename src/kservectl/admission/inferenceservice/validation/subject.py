"""The InferenceService under validation, cut into the parts that rules look at.

Reads anything: the minimal CRD of some installations checks no schema, so a rule must survive every JSON. What has the
wrong type reads as absent here and is reported by the schema rule.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kservectl.admission.inferenceservice.implementations import (
    Implementation,
    block,
    blocks,
    implementations,
    text,
)
from kservectl.api.config_keys import KNATIVE, normalise_deployment_mode
from kservectl.objects.metadata import Object

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"

COMPONENTS = ("predictor", "transformer", "explainer")


@dataclass(frozen=True, slots=True)
class Component:
    """A predictor, transformer or explainer: its kind, the path to it, and what stands there."""

    kind: str
    path: str
    spec: Object

    @property
    def implementations(self) -> list[Implementation]:
        return implementations(self.kind, self.spec)

    @property
    def implementation(self) -> Implementation | None:
        """The implementation if there is exactly one."""
        found = self.implementations
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Subject:
    """One InferenceService."""

    obj: Object

    @property
    def name(self) -> str:
        return text(self.obj.get("metadata"), "name")

    @property
    def annotations(self) -> Mapping[str, str]:
        notes = block(self.obj.get("metadata"), "annotations") or {}
        return {key: value for key, value in notes.items() if isinstance(value, str)}

    @property
    def labels(self) -> Mapping[str, str]:
        labels = block(self.obj.get("metadata"), "labels") or {}
        return {key: value for key, value in labels.items() if isinstance(value, str)}

    @property
    def spec(self) -> Object:
        return block(self.obj, "spec") or {}

    @property
    def running_mode(self) -> str:
        """The mode the status tells of, in its present spelling; empty before the first reconcile."""
        return normalise_deployment_mode(text(block(self.obj, "status"), "deploymentMode"))

    @property
    def mode(self) -> str:
        """The deployment mode that will be in force. (The defaulter has written the annotation for all but Knative.)"""
        return normalise_deployment_mode(self.annotations.get(DEPLOYMENT_MODE, "")) or self.running_mode or KNATIVE

    @property
    def predictor(self) -> Component:
        return Component("predictor", "spec.predictor", block(self.spec, "predictor") or {})

    @property
    def components(self) -> Iterator[Component]:
        """The predictor (always: it is required), then transformer and explainer where there are any."""
        yield self.predictor
        for kind in COMPONENTS[1:]:
            found = block(self.spec, kind)
            if found is not None:
                yield Component(kind, f"spec.{kind}", found)

    @property
    def canaries(self) -> Iterator[tuple[int, Object, Component]]:
        """Position, entry and predictor of each canary."""
        for index, entry in enumerate(blocks(self.spec, "canary")):
            predictor = block(entry, "predictor") or {}
            yield index, entry, Component("predictor", f"spec.canary[{index}].predictor", predictor)

    @property
    def predictors(self) -> Iterator[Component]:
        """The stable predictor and those of the canaries."""
        yield self.predictor
        for _, _, predictor in self.canaries:
            yield predictor

    @property
    def invalid(self) -> str:
        """How KServe opens messages about a service as a whole."""
        return f'the InferenceService "{self.name}" is invalid: '


def at(path: str, key: str) -> str:
    """The path of a map entry whose key is no plain word."""
    return f"{path}[{key}]"


def given(value: Any) -> str:
    """A value as a message quotes it; long ones and containers are not."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 100 else f"a text of {len(value)} characters"
    return str(value) if isinstance(value, int | float) else "that"
