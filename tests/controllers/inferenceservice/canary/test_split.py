"""Rules of HTTPRoutes with canaries: shares, header, preview."""

from typing import Any

import pytest

from kservectl.api.inferenceservice import PredictorSpec, TransformerSpec
from kservectl.controllers.inferenceservice.canary.canary import Canary
from kservectl.controllers.inferenceservice.canary.split import Split
from kservectl.controllers.inferenceservice.component import Component, Role
from kservectl.controllers.inferenceservice.component_metadata import ComponentMetadata
from kservectl.controllers.inferenceservice.component_status import Readiness
from kservectl.controllers.inferenceservice.workload import Deployed, Workload
from kservectl.objects.metadata import Object

REST: Object = {"name": "http", "port": 80}
GRPC: Object = {"name": "h2c", "port": 9000, "appProtocol": "kubernetes.io/h2c"}


def _part(name: str, *ports: Object, role: Role = "predictor") -> Deployed:
    spec = PredictorSpec() if role == "predictor" else TransformerSpec()
    meta = ComponentMetadata(name, "ml", {}, {})
    service = {"metadata": {"name": name, "namespace": "ml"}, "spec": {"ports": list(ports or (REST,))}}
    return Deployed(Workload(Component(role, spec), meta, {}, {}), service, Readiness("True"))


def _canary(name: str, percent: int, *ports: Object, ready: bool = True, transformer: bool = False) -> Canary:
    parts = [_part(f"iris-{name}-predictor", *ports)]
    if transformer:
        parts.append(_part(f"iris-{name}-transformer", role="transformer"))
    return Canary(name, percent, 1, parts, ready)


def _rule(service: str = "iris-predictor", port: int = 80, **more: Any) -> Object:
    backend = {"kind": "Service", "name": service, "namespace": "ml", "port": port}
    return {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [backend], **more}


def _shares(rule: Object) -> list[tuple[str, int | None]]:
    return [(backend["name"], backend.get("weight")) for backend in rule["backendRefs"]]


STABLE = [_part("iris-predictor")]


@pytest.mark.parametrize(
    ("canaries", "expected"),
    [
        ([("a", 20, True)], [80, 20]),
        ([("a", 20, True), ("b", 30, True)], [50, 20, 30]),
        ([("a", 20, False)], [100]),
        ([("a", 20, False), ("b", 30, False)], [100]),
        ([("a", 20, True), ("b", 30, False)], [80, 20]),
        ([("a", 20, False), ("b", 30, True)], [70, 30]),
        ([("a", 0, True)], [100, 0]),
        ([("a", 100, True)], [0, 100]),
    ],
    ids=["one", "two", "not ready", "none ready", "mixed", "mixed the other way", "dark", "everything"],
)
def test_weights_follow_the_canaries_that_are_ready(canaries: list[tuple[str, int, bool]], expected: list[int]) -> None:
    split = Split(STABLE, [_canary(name, percent, ready=ready) for name, percent, ready in canaries])

    (rule,) = split.of([_rule()])

    names = ["iris-predictor", *(f"iris-{name}-predictor" for name, _, ready in canaries if ready)]
    assert _shares(rule) == list(zip(names, expected, strict=True))


def test_without_canaries_rules_stay_as_they_are() -> None:
    assert Split(STABLE).of([_rule()]) == [_rule()]


def test_a_rule_without_backends_is_not_touched() -> None:
    redirect = {"filters": [{"type": "RequestRedirect"}]}

    assert Split(STABLE, [_canary("a", 20)], "KServe-Canary").of([redirect]) == [redirect]


def test_rules_for_rest_and_grpc_are_both_split_each_to_its_own_port() -> None:
    stable = [_part("iris-predictor", REST, GRPC)]
    own_grpc = {"name": "grpc", "port": 8500}
    rest, grpc = Split(stable, [_canary("a", 20, own_grpc, {"name": "web", "port": 8081})]).of(
        [_rule(port=80), _rule(port=9000)]
    )

    assert [(b["name"], b["port"], b["weight"]) for b in rest["backendRefs"]] == [
        ("iris-predictor", 80, 80),
        ("iris-a-predictor", 8081, 20),
    ]
    assert [(b["name"], b["port"], b["weight"]) for b in grpc["backendRefs"]] == [
        ("iris-predictor", 9000, 80),
        ("iris-a-predictor", 8500, 20),
    ]


def test_a_canary_that_does_not_speak_a_protocol_leaves_its_share_of_it_to_the_stable_version() -> None:
    stable = [_part("iris-predictor", REST, GRPC)]
    rest, grpc = Split(stable, [_canary("a", 20, REST)]).of([_rule(port=80), _rule(port=9000)])

    assert _shares(rest) == [("iris-predictor", 80), ("iris-a-predictor", 20)]
    assert _shares(grpc) == [("iris-predictor", 100)]


def test_a_rule_to_the_transformer_never_leads_to_a_predictor() -> None:
    stable = [*STABLE, _part("iris-transformer", role="transformer")]
    split = Split(stable, [_canary("a", 20, transformer=True)])

    (to_transformer,) = split.of([_rule("iris-transformer")])
    (to_predictor,) = split.of([_rule("iris-predictor")])

    assert _shares(to_transformer) == [("iris-transformer", 80), ("iris-a-transformer", 20)]
    assert _shares(to_predictor) == [("iris-predictor", 80), ("iris-a-predictor", 20)]


def test_requests_that_name_a_canary_reach_it_alone_whatever_its_share() -> None:
    split = Split(STABLE, [_canary("a", 0), _canary("b", 30, ready=False)], "KServe-Canary")

    named, shared = split.of([_rule()])

    assert named["matches"] == [
        {
            "path": {"type": "PathPrefix", "value": "/"},
            "headers": [{"type": "Exact", "name": "KServe-Canary", "value": "a"}],
        }
    ]
    assert _shares(named) == [("iris-a-predictor", None)]
    assert _shares(shared) == [("iris-predictor", 100), ("iris-a-predictor", 0)]


def test_the_header_is_asked_for_beside_what_a_rule_asks_for_already() -> None:
    grpc = {"headers": [{"type": "RegularExpression", "name": "content-type", "value": "^application/grpc.*"}]}
    named, _ = Split(STABLE, [_canary("a", 10)], "X-Try").of([_rule(matches=[grpc])])

    assert [header["name"] for header in named["matches"][0]["headers"]] == ["content-type", "X-Try"]


def test_a_route_keeps_to_the_number_of_rules_that_gateway_api_allows() -> None:
    canaries = [_canary(f"c{n}", 1) for n in range(20)]
    rules = Split(STABLE, canaries, "KServe-Canary").of([_rule(), _rule()])

    assert len(rules) == 16
    assert all(len(rule["backendRefs"]) == 21 for rule in rules[-2:])


def test_a_preview_leads_to_one_canary_alone() -> None:
    canary = _canary("a", 20, ready=False)

    assert [_shares(rule) for rule in Split(STABLE, [canary]).only(canary, [_rule()])] == [[("iris-a-predictor", None)]]
