"""Server-side apply and update tracking: who owns what, who is in the way, and what goes (KEP-555)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.devcluster.contract import ApplyConflict, Malformed, Untyped
from kservectl.devcluster.types import builtin_types
from kservectl.objects.fieldset import Path, parse
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, NAMESPACE, SERVICE, Kind
from kservectl.objects.metadata import Object

TYPES = builtin_types()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def config_map(data: dict[str, str] | None = None, **metadata: Any) -> Object:
    body: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", **metadata}}
    return body if data is None else {**body, "data": data}


def service(*ports: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"ports": list(ports)}}


def deployment(*containers: Object, **spec: Any) -> Object:
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }


def apply(
    live: Object | None, body: Object, manager: str = "a", *, kind: Kind = CONFIG_MAP, force: bool = False,
    now: datetime = NOW,
) -> Object:  # fmt: skip
    applied = TYPES.apply(kind, live, body, manager=manager, force=force, now=now)
    return TYPES.prepare(kind, applied).object


def create(body: Object, manager: str = "a", *, kind: Kind = CONFIG_MAP) -> Object:
    prepared = TYPES.prepare(kind, body).object
    return TYPES.track(kind, None, prepared, manager=manager, now=NOW)


def update(live: Object, body: Object, manager: str, *, kind: Kind = CONFIG_MAP, now: datetime = LATER) -> Object:
    prepared = TYPES.prepare(kind, body).object
    return TYPES.track(kind, live, prepared, manager=manager, now=now)


def entries(obj: Object) -> dict[tuple[str, str], Object]:
    return {(entry["manager"], entry["operation"]): entry for entry in obj["metadata"].get("managedFields", ())}


def owned(obj: Object, manager: str, operation: str = "Apply") -> frozenset[Path]:
    return parse(entries(obj)[manager, operation]["fieldsV1"])


def test_an_applier_owns_what_it_sent_and_no_default() -> None:
    live = apply(None, service({"port": 80}), kind=SERVICE)
    assert live["spec"]["type"] == "ClusterIP"
    assert entries(live)["a", "Apply"] == {
        "manager": "a",
        "operation": "Apply",
        "apiVersion": "v1",
        "time": "2026-01-02T03:04:05Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}},
    }


def test_a_creator_owns_the_defaults_too() -> None:
    live = create({**service({"name": "http", "port": 80, "targetPort": 8080}), "metadata": {"labels": {"w": "k"}}},
                  kind=SERVICE)  # fmt: skip
    port: Object = {".": {}, "f:name": {}, "f:port": {}, "f:protocol": {}, "f:targetPort": {}}
    assert entries(live)["a", "Update"]["fieldsV1"] == {
        "f:metadata": {"f:labels": {".": {}, "f:w": {}}},
        "f:spec": {
            "f:internalTrafficPolicy": {},
            "f:ports": {".": {}, 'k:{"port":80,"protocol":"TCP"}': port},
            "f:sessionAffinity": {},
            "f:type": {},
        },
    }


def test_a_creator_does_not_own_structs_that_are_always_there() -> None:
    live = create(deployment({"name": "c", "image": "i"}), kind=DEPLOYMENT)
    fields = owned(live, "a", "Update")
    assert ("f:spec", "f:template", "f:spec", "f:containers") not in fields
    assert ("f:spec", "f:strategy") not in fields
    assert ("f:spec", "f:strategy", "f:rollingUpdate") in fields
    assert ("f:spec", "f:template", "f:spec", "f:securityContext") in fields


def test_another_value_for_a_field_of_somebody_else_is_a_conflict() -> None:
    live = create(deployment({"name": "c", "image": "i"}), "kubectl-client-side-apply", kind=DEPLOYMENT)
    with pytest.raises(ApplyConflict) as caught:
        apply(live, deployment({"name": "c", "image": "i"}, replicas=3), "b", kind=DEPLOYMENT)
    assert str(caught.value) == (
        'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas'
    )
    cause = caught.value.causes[0]
    assert (cause.reason, cause.field) == ("FieldManagerConflict", ".spec.replicas")
    assert cause.message == 'conflict with "kubectl-client-side-apply" using apps/v1'


def test_several_conflicts_are_listed_by_manager() -> None:
    live = apply(apply(None, config_map({"k": "1", "l": "1"}), "a"), config_map({"m": "1"}), "c")
    with pytest.raises(ApplyConflict) as caught:
        apply(live, config_map({"k": "2", "l": "2", "m": "2"}), "b")
    assert str(caught.value) == (
        'Apply failed with 3 conflicts: conflicts with "a":\n- .data.k\n- .data.l\nconflicts with "c":\n- .data.m'
    )


def test_the_same_value_makes_co_owners() -> None:
    live = apply(apply(None, config_map({"k": "1"}), "a"), config_map({"k": "1"}), "b")
    assert owned(live, "a") == owned(live, "b") == {("f:data", "f:k")}


def test_force_takes_the_field_from_its_owner() -> None:
    live = apply(apply(None, config_map({"k": "1"}), "a"), config_map({"k": "2"}), "b", force=True)
    assert live["data"] == {"k": "2"}
    assert list(entries(live)) == [("b", "Apply")]


def test_what_is_not_sent_any_more_goes() -> None:
    live = apply(apply(None, config_map({"k": "1", "l": "1"})), config_map({"k": "1"}))
    assert live["data"] == {"k": "1"}


def test_what_somebody_else_owns_too_stays() -> None:
    live = apply(apply(None, config_map({"k": "1", "l": "1"}), "a"), config_map({"l": "1"}), "b")
    live = apply(live, config_map({"k": "1"}), "a")
    assert live["data"] == {"k": "1", "l": "1"}
    assert owned(live, "a") == {("f:data", "f:k")}


def test_what_nobody_sent_stays() -> None:
    live = apply(None, service({"port": 80}), kind=SERVICE)
    again = apply(live, service({"port": 80}), kind=SERVICE)
    assert again == live


def test_a_list_item_that_is_not_sent_any_more_goes_as_a_whole() -> None:
    two = deployment({"name": "c", "image": "i"}, {"name": "d", "image": "i"})
    live = apply(apply(None, two, kind=DEPLOYMENT), deployment({"name": "c", "image": "i"}), kind=DEPLOYMENT)
    assert [container["name"] for container in live["spec"]["template"]["spec"]["containers"]] == ["c"]


def test_items_of_others_keep_their_place() -> None:
    live = apply(None, deployment({"name": "c", "image": "i"}, {"name": "d", "image": "i"}), "a", kind=DEPLOYMENT)
    live = apply(live, deployment({"name": "x", "image": "i"}, {"name": "d"}), "b", kind=DEPLOYMENT)
    assert [container["name"] for container in live["spec"]["template"]["spec"]["containers"]] == ["c", "x", "d"]


def test_the_protocol_of_a_port_is_part_of_its_key_even_when_left_out() -> None:
    live = apply(None, service({"port": 80, "protocol": "TCP", "name": "t"}), "a", kind=SERVICE)
    live = apply(live, service({"port": 80, "name": "t"}), "b", kind=SERVICE)
    assert len(live["spec"]["ports"]) == 1


def test_an_atomic_list_has_one_owner() -> None:
    def tolerating(key: str) -> Object:
        body = deployment({"name": "c", "image": "i"})
        body["spec"]["template"]["spec"]["tolerations"] = [{"key": key, "operator": "Exists"}]
        return body

    live = apply(None, tolerating("k"), "a", kind=DEPLOYMENT)
    with pytest.raises(ApplyConflict, match=r"\.spec\.template\.spec\.tolerations$"):
        apply(live, tolerating("l"), "b", kind=DEPLOYMENT)


def test_finalizers_are_a_set() -> None:
    live = apply(None, config_map(finalizers=["a.io/f"]), "a")
    live = apply(live, config_map(finalizers=["b.io/f"]), "b")
    assert live["metadata"]["finalizers"] == ["a.io/f", "b.io/f"]
    live = apply(live, config_map(), "a")
    assert live["metadata"]["finalizers"] == ["b.io/f"]


def test_an_update_owns_what_it_changed_and_takes_it_from_others() -> None:
    live = apply(None, config_map({"k": "1", "l": "1"}), "a")
    live = update(live, {**live, "data": {"k": "2", "l": "1"}}, "b")
    assert owned(live, "b", "Update") == {("f:data", "f:k")}
    assert owned(live, "a") == {("f:data", "f:l")}
    assert entries(live)["b", "Update"]["time"] == "2026-01-02T04:04:05Z"
    assert entries(live)["a", "Apply"]["time"] == "2026-01-02T03:04:05Z"


def test_a_manager_that_owns_nothing_any_more_is_gone() -> None:
    live = apply(None, config_map({"k": "1"}), "a")
    live = update(live, {**live, "data": {"l": "1"}}, "b")
    assert list(entries(live)) == [("b", "Update")]


def test_an_update_that_changes_nothing_leaves_the_entries_as_they_are() -> None:
    live = create(config_map({"k": "1"}), "a")
    assert update(live, live, "b") == live


def test_the_same_name_applying_and_updating_is_two_managers() -> None:
    live = create(config_map({"k": "1"}), "a")
    with pytest.raises(ApplyConflict, match=r'conflict with "a" using v1: .data.k'):
        apply(live, config_map({"k": "2"}), "a")
    live = apply(live, config_map({"k": "2", "l": "1"}), "a", force=True)
    assert owned(live, "a") == {("f:data", "f:k"), ("f:data", "f:l")}
    assert owned(live, "a", "Update") == {("f:data",)}


def test_an_identical_apply_changes_nothing_not_even_the_time() -> None:
    live = apply(None, deployment({"name": "c", "image": "i"}), kind=DEPLOYMENT)
    assert apply(live, deployment({"name": "c", "image": "i"}), kind=DEPLOYMENT, now=LATER) == live


def test_managed_fields_in_an_applied_body_are_refused() -> None:
    with pytest.raises(Malformed, match=r"metadata\.managedFields must be nil"):
        apply(None, config_map(managedFields=[]))


def test_managed_fields_reset_by_the_user_stay_empty() -> None:
    live = create(config_map({"k": "1"}), "a")
    reset = {**live, "metadata": {**live["metadata"], "managedFields": [{}]}}
    live = TYPES.track(CONFIG_MAP, live, reset, manager="b", now=NOW)
    assert "managedFields" not in live["metadata"]
    assert "managedFields" not in update(live, {**live, "data": {"k": "2"}}, "b")["metadata"]


def test_the_first_apply_finds_everything_owned_by_whoever_was_before() -> None:
    live = TYPES.prepare(CONFIG_MAP, config_map({"k": "1", "l": "1"})).object
    with pytest.raises(ApplyConflict, match=r'conflict with "before-first-apply" using v1: .data.k'):
        apply(live, config_map({"k": "2"}), "a")
    live = apply(live, config_map({"k": "1"}), "a")
    assert owned(live, "before-first-apply", "Update") == {("f:data",), ("f:data", "f:k"), ("f:data", "f:l")}


def test_managed_fields_given_by_the_user_are_honoured() -> None:
    live = create(config_map({"k": "1", "l": "1"}), "a")
    entry = {**entries(live)["a", "Update"], "manager": "renamed"}
    given = {**live, "metadata": {**live["metadata"], "managedFields": [entry]}}
    tracked = TYPES.track(CONFIG_MAP, live, given, manager="b", now=NOW)
    assert list(entries(tracked)) == [("renamed", "Update")]


def test_a_status_write_has_an_entry_of_its_own() -> None:
    live = create(deployment({"name": "c", "image": "i"}), "a", kind=DEPLOYMENT)
    new = {**live, "status": {"replicas": 1}}
    live = TYPES.track(DEPLOYMENT, live, new, manager="a", now=NOW, subresource="status")
    mine = [entry for entry in live["metadata"]["managedFields"] if entry.get("subresource") == "status"]
    assert [entry["fieldsV1"] for entry in mine] == [{"f:status": {"f:replicas": {}}}]


def test_the_status_is_nobodys_at_the_main_endpoint() -> None:
    live = create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}, kind=NAMESPACE)
    assert not any(path[0] == "f:status" for path in owned(live, "a", "Update"))


def test_a_status_sent_to_the_main_endpoint_conflicts_with_nobody() -> None:
    live = apply(None, deployment({"name": "c", "image": "i"}), "a", kind=DEPLOYMENT)
    with_status = {**live, "status": {"replicas": 1}}
    live = TYPES.track(DEPLOYMENT, live, with_status, manager="s", now=NOW, subresource="status")
    body = {**deployment({"name": "c", "image": "i"}), "status": {"replicas": 2}}
    live = apply(live, body, "a", kind=DEPLOYMENT)
    assert owned(live, "s", "Update") == {("f:status", "f:replicas")}
    assert not any(path[0] == "f:status" for path in owned(live, "a"))


def test_updaters_beyond_ten_are_merged_into_one() -> None:
    live = create(config_map({"k": "0"}), "m00")
    for number in range(1, 15):
        data = {**live["data"], f"k{number}": "1"}
        moment = NOW + timedelta(minutes=number)
        live = update(live, {**live, "data": data}, f"m{number:02}", now=moment)
    names = [name for name, _ in entries(live)]
    assert len(names) == 10
    assert "ancient-changes" in names
    assert "m14" in names


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"bogus": {"a": 1}}, ".bogus: field not declared in schema"),
        ({"immutable": "yes"}, ".immutable: expected boolean, got string"),
        ({"data": {"k": 1}}, ".data.k: expected string, got &{1}"),
        ({"data": ["k"]}, ".data: expected map, got list"),
        ({"metadata": {"name": "x", "finalizers": "a"}}, ".metadata.finalizers: expected list, got string"),
        (
            {"bogus": 1, "immutable": 1},
            "errors:\n  .bogus: field not declared in schema\n  .immutable: expected boolean",
        ),
    ],
)
def test_object_that_does_not_fit_its_schema_is_not_applied(wrong: Object, why: str) -> None:
    with pytest.raises(Untyped) as refused:
        apply(None, {**config_map({"k": "1"}), **wrong})
    assert str(refused.value).startswith("failed to create typed patch object (")
    assert f"; /v1, Kind=ConfigMap): {why}" in str(refused.value)


def test_two_items_with_the_same_key_are_not_applied() -> None:
    with pytest.raises(Untyped, match=r'duplicate entries for key \[name="c"\]'):
        apply(None, deployment({"name": "c"}, {"name": "c"}), kind=DEPLOYMENT)


def test_an_item_without_its_key_is_not_applied() -> None:
    with pytest.raises(Untyped, match="omits name"):
        apply(None, deployment({"image": "c"}), kind=DEPLOYMENT)


keys = st.sampled_from("abcd")
# Never empty: an object nobody owns a field of is not tracked any more, as on a real server.
data = st.dictionaries(keys, st.sampled_from(["1", "2"]), min_size=1, max_size=4)
steps = st.lists(st.tuples(st.sampled_from(["apply", "update"]), st.sampled_from("mn"), data), max_size=5)


def run(sequence: list[tuple[str, str, dict[str, str]]]) -> Object | None:
    live: Object | None = None
    for verb, manager, values in sequence:
        if verb == "apply":
            live = apply(live, config_map(values), manager, force=True)
        elif live is None:
            live = create(config_map(values), manager)
        else:
            live = update(live, {**live, "data": values}, manager)
    return live


@given(steps, data)
def test_applying_twice_is_applying_once(
    sequence: list[tuple[str, str, dict[str, str]]], values: dict[str, str]
) -> None:
    once = apply(run(sequence), config_map(values), "m", force=True)
    assert apply(once, config_map(values), "m", force=True, now=LATER) == once


@given(steps, data)
def test_an_applier_sees_its_values_and_owns_exactly_them(
    sequence: list[tuple[str, str, dict[str, str]]], values: dict[str, str]
) -> None:
    live = apply(run(sequence), config_map(values), "m", force=True)
    assert values.items() <= live.get("data", {}).items()
    mine = entries(live).get(("m", "Apply"))
    fields = parse(mine["fieldsV1"]) if mine else frozenset()
    assert fields - {("f:data",)} == {("f:data", f"f:{name}") for name in values}


@given(steps)
def test_every_owned_field_is_there_and_every_field_is_owned(sequence: list[tuple[str, str, dict[str, str]]]) -> None:
    live = run(sequence) or config_map()
    paths = {path for entry in live["metadata"].get("managedFields", ()) for path in parse(entry["fieldsV1"])}
    present = {("f:data", f"f:{name}") for name in live.get("data", {})}
    assert {path for path in paths if len(path) == 2} == present
