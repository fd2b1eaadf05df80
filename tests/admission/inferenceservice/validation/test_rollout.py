"""Rollouts: annotations, and canaries that cannot have their share."""

from typing import Any

import pytest

from kservectl.api.config import Config
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import MODE, config, model, service
from tests.admission.inferenceservice.validation.verdicts import CLASS, STANDARD, allowed, only, refused, verdict

OURS = "kservectl.dev/"
INGRESS = {"ingressGateway": "a/b", "kserveIngressGateway": "a/b"}
BY_GATEWAY = config(ingress={**INGRESS, "enableGatewayApi": True})
BY_INGRESS = config(ingress=INGRESS)


def canaried(percent: int = 20, *, annotations: dict[str, str] | None = None, **more: Any) -> Object:
    entry = {"trafficPercent": percent, "predictor": {**model(), "name": "next"}}
    return service(model(), canary=[entry], annotations=STANDARD | (annotations or {}), **more)


def annotated(**annotations: str) -> Object:
    ours = {OURS + name.replace("_", "-"): value for name, value in annotations.items()}
    return service(model(), annotations=STANDARD | ours)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("rollback", "yes"),
        ("rollback", "0"),
        ("rollback", "-1"),
        ("rollback_policy", "sometimes"),
        ("progress_deadline_seconds", "0"),
        ("progress_deadline_seconds", "10m"),
        ("progress_deadline_seconds", "9999999"),
        ("canary_header", "two words"),
        ("canary_header", ""),
    ],
)
def test_an_annotation_that_cannot_be_understood_is_refused(annotation: str, value: str) -> None:
    error = only(annotated(**{annotation: value}))

    assert error.startswith(f'metadata.annotations[{OURS}{annotation.replace("_", "-")}]: "{value}" ')


def test_annotations_that_can_be_understood_pass() -> None:
    for rollback in ("last", "true", "false", "12"):
        assert allowed(annotated(rollback=rollback))
    assert allowed(
        annotated(rollback_policy="automatic", progress_deadline_seconds="300", canary_header="KServe-Canary")
    )
    assert allowed(annotated(rollback_policy="manual"))


def test_a_predictor_on_several_nodes_can_have_no_canary() -> None:
    obj = canaried()
    obj["spec"]["predictor"]["workerSpec"] = {}

    assert any("several nodes" in error for error in refused(obj))


@pytest.mark.parametrize(
    ("obj", "settings", "why"),
    [
        (canaried(), BY_INGRESS, "exposed by an Ingress"),
        (canaried(annotations={"networking.kserve.io/gateway-api": "false"}), BY_GATEWAY, "exposed by an Ingress"),
        (canaried(labels={"networking.kserve.io/visibility": "cluster-local"}), BY_GATEWAY, "cluster-local"),
        (
            canaried(),
            config(ingress={**INGRESS, "enableGatewayApi": True, "ingressDomain": "svc.cluster.local"}),
            "cluster-local",
        ),
        (
            canaried(),
            config(ingress={**INGRESS, "enableGatewayApi": True, "disableIngressCreation": True}),
            "disableIngressCreation",
        ),
    ],
    ids=["ingress", "ingress by choice", "label", "domain", "disabled"],
)
def test_a_canary_whose_traffic_cannot_be_split_is_taken_with_a_warning(
    obj: Object, settings: Config, why: str
) -> None:
    answer = verdict(obj, settings=settings)

    assert answer.errors == ()
    (warning,) = answer.warnings
    assert warning.startswith("spec.canary: next will run and take no traffic")
    assert why in warning


@pytest.mark.parametrize("obj", [canaried(), canaried(0), service(model(), annotations=STANDARD)])
def test_there_is_no_warning_where_the_split_works_or_none_is_asked_for(obj: Object) -> None:
    assert verdict(obj, settings=BY_GATEWAY).warnings == ()


def test_a_dark_canary_needs_no_split() -> None:
    assert verdict(canaried(0), settings=BY_INGRESS).warnings == ()


def test_a_configuration_that_cannot_be_read_keeps_no_canary_out() -> None:
    assert verdict(canaried(), settings=config(ingress="{")).errors == ()


@pytest.mark.parametrize(("scaler", "warned"), [("none", True), ("keda", True), ("hpa", False)])
def test_a_dark_canary_that_gets_no_pods_is_a_warning(scaler: str, *, warned: bool) -> None:
    answer = verdict(canaried(0, annotations={CLASS: scaler}), settings=BY_GATEWAY)

    assert any("spec.canary[0] gets no pods" in warning for warning in answer.warnings) is warned


def test_the_share_of_a_knative_revision_is_without_effect_in_standard_mode() -> None:
    answer = verdict(service(model() | {"canaryTrafficPercent": 10}, annotations=STANDARD))

    assert any("spec.predictor.canaryTrafficPercent has no effect" in warning for warning in answer.warnings)
    knative = verdict(service(model() | {"canaryTrafficPercent": 10}, annotations={MODE: "Knative"}))
    assert knative.warnings == ()


def test_annotations_are_for_standard_mode() -> None:
    obj = service(model(), annotations={MODE: "Knative", OURS + "rollback": "last"})

    assert verdict(obj).warnings == (
        f"metadata.annotations[{OURS}rollback] has no effect: it is for services in Standard mode",
    )


def test_the_names_of_a_canarys_transformer_must_fit_too() -> None:
    entry = {"trafficPercent": 5, "predictor": {**model(), "name": "n" * 25}}
    obj = service(
        model(), canary=[entry], annotations=STANDARD, name="m" * 22, transformer={"containers": [{"name": "t"}]}
    )

    assert any("-transformer" in error and "characters shorter" in error for error in refused(obj))
