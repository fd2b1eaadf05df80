"""Canaries."""

from typing import Any

import pytest

from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import model, service
from tests.admission.inferenceservice.validation.verdicts import PREDICTOR_CHOICE, STANDARD, allowed, refused


def canaried(*entries: Object, **stable: Any) -> Object:
    return service(model() | stable, canary=list(entries), annotations=STANDARD)


def canary(name: str | None = "next", percent: int = 10, **more: Any) -> Object:
    return {"trafficPercent": percent, "predictor": model() | ({} if name is None else {"name": name}) | more}


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (
            service(model(), canary=[canary()]),
            "canary is only supported in Standard deployment mode",
        ),
        (
            service({"containers": [{"name": "kserve-container"}]}, canary=[canary()], annotations=STANDARD),
            "canary requires a stable predictor with a model (multi-model serving is not supported with canary)",
        ),
        (canaried(canary(), canary(None)), "canary[1] predictor.name is required"),
        (canaried(canary(), canary()), 'canary predictor.name "next" is duplicated'),
        (canaried(canary("main"), name="main"), 'canary predictor.name "main" conflicts with stable predictor name'),
        (canaried(canary(percent=101)), 'canary "next" trafficPercent must be between 0 and 100, got 101'),
        (canaried(canary(percent=-1)), 'canary "next" trafficPercent must be between 0 and 100, got -1'),
        (canaried(canary("a", 60), canary("b", 50)), "sum of canary trafficPercent values (110) must be <= 100"),
        (canaried(canary(containerConcurrency=-1)), 'canary "next" predictor: parallelism cannot be less than 0'),
        (canaried({"trafficPercent": 1, "predictor": {"name": "c"}}), f'canary "c" predictor: {PREDICTOR_CHOICE}'),
        (canaried(canary(workerSpec={})), 'canary "next" must not set workerSpec'),
        (canaried(canary(maxReplicas=5)), 'canary "next" must not set maxReplicas (canary uses fixed replicas)'),
        (canaried(canary(scaleTarget=5)), 'canary "next" must not set scaleTarget'),
        (canaried(canary(scaleMetric="cpu")), 'canary "next" must not set scaleMetric'),
        (canaried(canary(autoScaling={})), 'canary "next" must not set autoScaling'),
        (
            canaried(canary(minReplicas=5), minReplicas=4),
            'canary "next" minReplicas (5) must not exceed stable predictor minReplicas (4)',
        ),
        (
            canaried(canary(minReplicas=2)),
            'canary "next" minReplicas (2) must not exceed stable predictor minReplicas (1)',
        ),
    ],
)
def test_canaries_that_cannot_be_are_refused(obj: Object, message: str) -> None:
    assert any(message in error for error in refused(obj))
    assert len(refused(obj)) <= 2, "a share above 100 is wrong by itself and in the sum"


@pytest.mark.parametrize(
    "obj",
    [
        canaried(),
        canaried(canary()),
        canaried(canary("a", 60), canary("b", 40)),
        canaried(canary(percent=0)),
        canaried(canary(minReplicas=4), minReplicas=4),
        canaried(canary(minReplicas=1)),
        service(
            {"containers": [{"name": "kserve-container", "env": [{"name": "STORAGE_URI", "value": "gs://b/m"}]}]},
            canary=[canary()],
            annotations=STANDARD,
        ),
    ],
)
def test_canaries_that_can_be_are_allowed(obj: Object) -> None:
    assert allowed(obj)
