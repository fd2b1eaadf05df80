"""What one decision would change: the writes of `apply`, carried out on copies by the rules of the API server."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kservectl.api.config_keys import LAST_APPLIED
from kservectl.assembly import KSERVE
from kservectl.devcluster.types import builtin_types
from kservectl.objects import metadata
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object, ObjectKey
from kservectl.preflight.forecast import Forecaster
from kservectl.preflight.report import Forecast
from kservectl.runtime.controller import Controller, Owned
from kservectl.runtime.inheritance import Inheritance
from kservectl.runtime.outcome import Child, Failure, Outcome
from kservectl.runtime.view import StaticView, View

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TYPES = builtin_types()
FORECASTER = Forecaster(TYPES, Inheritance(frozenset({"manager"})), NOW)
CONTROLLER = Controller(
    "test", CONFIG_MAP, lambda owner, view: Outcome(), owns=(Owned(DEPLOYMENT), Owned(SERVICE, adopts=False))
)
OWNER: Object = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "owner", "namespace": "models", "uid": "u1"},
}
NOBODY: Mapping[Child, Object] = {}


def service(port: int = 80, **labels: str) -> Object:
    meta: Object = {"name": "a", "namespace": "models", "labels": labels}
    ports = [{"name": "http", "port": port}]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": {"app": "a"}, "ports": ports}}


def deployment(image: str = "x:1", selector: str = "a", **annotations: str) -> Object:
    meta: Object = {"name": "a", "namespace": "models", "annotations": annotations}
    template = {"metadata": {"labels": {"app": selector}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    spec = {"selector": {"matchLabels": {"app": selector}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def left_by(manager: str, obj: Object, *, owner: Object = OWNER) -> Object:
    """`obj` as a server stores it that `manager` created it on."""
    kind = SERVICE if obj["kind"] == "Service" else DEPLOYMENT
    owned = {**obj["metadata"], "uid": "u2", "ownerReferences": [metadata.controller_reference(owner)]}
    stored = TYPES.prepare(kind, {**obj, "metadata": owned}).object
    return TYPES.track(kind, None, stored, manager=manager, now=NOW)


def forecast(
    outcome: Outcome, *live: Object, unseen: Mapping[Child, Object] = NOBODY, owner: Object = OWNER
) -> Forecast:
    view = StaticView(live, kinds=[CONFIG_MAP, SERVICE, DEPLOYMENT], now=NOW)
    return FORECASTER.forecast(CONTROLLER, owner, outcome, view, unseen)


def told(found: Forecast) -> list[str]:
    return [
        f"{change.deed} {change.kind.kind}{' rollout' if change.rolls_out else ''}: {', '.join(map(str, change.fields))}"
        for change in found.changes
        if change.deed != "create"
    ]


def test_what_the_predecessor_left_as_it_is_wanted_stays_with_all_defaults_of_the_server() -> None:
    found = forecast(
        Outcome(desired=(service(), deployment())), left_by("manager", service()), left_by("manager", deployment())
    )
    assert found.changes == ()
    assert found.kept == 2


def test_what_nobody_wants_any_more_is_announced_to_go() -> None:
    found = forecast(Outcome(desired=(service(keep="1"),)), left_by("manager", service(keep="1", stale="1")))
    assert told(found) == ["update Service: metadata.labels.stale (removed)"]
    assert "nobody wants any more" in found.changes[0].why


def test_what_somebody_else_set_stays() -> None:
    found = forecast(Outcome(desired=(service(),)), left_by("kubectl", service(human="1")))
    assert found.changes == ()


def test_a_changed_template_is_a_rollout() -> None:
    found = forecast(Outcome(desired=(deployment("x:2"),)), left_by("manager", deployment("x:1")))
    assert told(found) == ["update Deployment rollout: spec.template.spec.containers[main].image (changed)"]


def test_what_is_not_worth_a_rollout_is_left_to_kserve() -> None:
    live = deployment()
    live["spec"]["template"]["metadata"]["annotations"] = {LAST_APPLIED: "{}"}
    live["spec"]["replicas"] = 3
    view = StaticView([left_by("manager", live)], kinds=[DEPLOYMENT], now=NOW)
    forecaster = Forecaster(TYPES, KSERVE, NOW)
    assert forecaster.forecast(CONTROLLER, OWNER, Outcome(desired=(deployment(),)), view, NOBODY).changes == ()


def test_a_change_beside_the_template_is_no_rollout() -> None:
    found = forecast(Outcome(desired=(deployment(keep="1"),)), left_by("manager", deployment(keep="1", old="1")))
    assert told(found) == ["update Deployment: metadata.annotations.old (removed)"]


def test_a_refusal_of_what_does_not_work_now_either_is_a_warning() -> None:
    wrong = service()
    wrong["spec"]["ports"][0]["port"] = 0
    owner = {**OWNER, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert [each.severity for each in forecast(Outcome(desired=(wrong,))).findings] == ["warning"]
    assert [each.severity for each in forecast(Outcome(desired=(wrong,)), owner=owner).findings] == ["blocker"]


def test_what_the_controller_says_of_refusals_is_what_is_compared() -> None:
    wrong = service()
    wrong["spec"]["ports"][0]["port"] = 0

    def amended(owner: Object, outcome: Outcome, failures: Sequence[Failure], view: View) -> Outcome:
        return replace(outcome, status={"message": failures[0].message})

    controller = replace(CONTROLLER, on_failure=amended)
    view = StaticView([], kinds=[SERVICE], now=NOW)
    found = FORECASTER.forecast(controller, OWNER, Outcome(desired=(wrong,), status={"message": ""}), view, NOBODY)
    assert [str(field) for change in found.changes for field in change.fields] == ["status (added)"]


def test_what_kservectl_applied_already_and_still_wants_costs_no_comparison() -> None:
    body = {
        **service(),
        "metadata": {**service()["metadata"], "ownerReferences": [metadata.controller_reference(OWNER)]},
    }
    applied = TYPES.apply(SERVICE, None, body, manager="kservectl", force=True, now=NOW)
    live = {**TYPES.prepare(SERVICE, applied).object}
    assert forecast(Outcome(desired=(service(),)), live).kept == 1
    assert told(forecast(Outcome(desired=(service(81),)), live)) == [
        "update Service: spec.ports[http].port (changed), spec.ports[http].targetPort (changed)"
    ]


def test_what_is_not_there_would_be_created() -> None:
    found = forecast(Outcome(desired=(service(),)))
    assert [(each.deed, each.key) for each in found.changes] == [("create", ObjectKey("models", "a"))]


def test_a_name_that_somebody_else_has_stands_in_the_way_seen_or_not() -> None:
    other = {**OWNER, "metadata": {**OWNER["metadata"], "name": "other", "uid": "u9"}}
    taken = left_by("manager", service(), owner=other)
    for found in (
        forecast(Outcome(desired=(service(),)), taken),
        forecast(Outcome(desired=(service(),)), unseen={(SERVICE, ObjectKey("models", "a")): taken}),
    ):
        assert found.changes == ()
        assert [each.severity for each in found.findings] == ["blocker"]
        assert "controlled by ConfigMap other" in found.findings[0].message


def test_what_the_server_would_refuse_stands_in_the_way() -> None:
    found = forecast(Outcome(desired=(deployment(selector="b"),)), left_by("manager", deployment(selector="a")))
    assert found.changes == ()
    assert [each.severity for each in found.findings] == ["blocker"]
    assert "spec.selector" in found.findings[0].message


@pytest.mark.parametrize(("complete", "expected"), [(True, ["delete Service: "]), (False, [])])
def test_what_is_owned_and_not_wanted_would_be_deleted_if_the_decision_is_whole(
    complete: bool, expected: list[str]
) -> None:
    assert told(forecast(Outcome(complete=complete), left_by("manager", service()))) == expected


def test_a_status_that_says_something_else_is_told_but_for_its_times() -> None:
    condition = {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}
    owner = {**OWNER, "status": {"conditions": [condition], "url": "http://a"}}
    later = {**condition, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    assert forecast(Outcome(status={"conditions": [later], "url": "http://a"}), owner=owner).changes == ()
    found = forecast(Outcome(status={"conditions": [later], "url": "http://b"}), owner=owner)
    assert told(found) == ["update ConfigMap: status.url (changed)"]


def test_a_condition_that_would_not_hold_any_more_is_a_warning() -> None:
    owner = {**OWNER, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    lost = {"type": "Ready", "status": "False", "message": "no runtime"}
    found = forecast(Outcome(status={"conditions": [lost]}), owner=owner)
    assert [(each.severity, "no runtime" in each.message) for each in found.findings] == [("warning", True)]


def test_names_under_which_nothing_is_seen_are_to_be_looked_at() -> None:
    view = StaticView([left_by("manager", service())], kinds=[SERVICE, DEPLOYMENT], now=NOW)
    outcome = Outcome(desired=(service(), deployment()))
    assert FORECASTER.wanted_unseen(CONTROLLER, OWNER, outcome, view) == {(DEPLOYMENT, ObjectKey("models", "a"))}
