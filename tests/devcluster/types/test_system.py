"""The type system as the devcluster's server uses it: every built-in kind can be prepared, judged, tracked and described."""

from datetime import UTC, datetime

import pytest

from kservectl.devcluster.contract import Malformed, TypeSystem, UnknownFields
from kservectl.devcluster.types import builtin_types, schemaless_definitions
from kservectl.objects.kind import CONFIG_MAP, DEPLOYMENT, POD, SECRET, Kind

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TYPES: TypeSystem = builtin_types()
KINDS = [served.kind for served in TYPES.served()]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api_version}/{kind.kind}")
def test_an_empty_object_of_every_kind_is_prepared_the_same_way_twice(kind: Kind) -> None:
    once = TYPES.prepare(kind, {"metadata": {"name": "x"}}).object
    assert (once["apiVersion"], once["kind"]) == (kind.api_version, kind.kind)
    assert TYPES.prepare(kind, once, field_validation="Strict").object == once


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.api_version}/{kind.kind}")
def test_every_kind_is_described(kind: Kind) -> None:
    prefix = f"apis/{kind.group}" if kind.group else "api"
    document = TYPES.openapi_v3(f"{prefix}/{kind.version}")
    assert document is not None
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    named = [schema for schema in document["components"]["schemas"].values()
             if gvk in schema.get("x-kubernetes-group-version-kind", [])]  # fmt: skip
    assert len(named) == 1
    assert named[0]["description"]


def test_an_unknown_field_is_dropped_and_warned_of() -> None:
    prepared = TYPES.prepare(CONFIG_MAP, {"metadata": {"name": "x"}, "dta": {"a": "b"}})
    assert "dta" not in prepared.object
    assert prepared.warnings == ('unknown field "dta"',)


def test_an_unknown_field_is_dropped_in_silence_when_asked_to() -> None:
    assert TYPES.prepare(CONFIG_MAP, {"dta": 1}, field_validation="Ignore").warnings == ()


def test_an_unknown_field_is_refused_when_asked_to() -> None:
    pod = {"spec": {"containers": [{"name": "a", "imag": "b"}]}}
    with pytest.raises(UnknownFields) as caught:
        TYPES.prepare(POD, pod, field_validation="Strict")
    assert caught.value.errors == ('unknown field "spec.containers[0].imag"',)


def test_a_value_of_the_wrong_type_is_malformed() -> None:
    with pytest.raises(Malformed) as caught:
        TYPES.prepare(DEPLOYMENT, {"spec": {"replicas": "two"}})
    assert str(caught.value) == (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct '
        "field DeploymentSpec.spec.replicas of type int32"
    )


@pytest.mark.parametrize(
    ("envelope", "why"),
    [
        ({"kind": "Pod"}, r"converting \(v1.Pod\) to \(core.ConfigMap\): unknown conversion"),
        ({"kind": "Other"}, 'no kind "Other" is registered for version "v1"'),
        ({"apiVersion": "apps/v1"}, 'no kind "ConfigMap" is registered for version "apps/v1"'),
    ],
)
def test_an_object_of_another_kind_is_malformed(envelope: dict[str, str], why: str) -> None:
    with pytest.raises(Malformed, match=why):
        TYPES.prepare(CONFIG_MAP, envelope)


def test_a_kind_that_is_not_served_is_malformed() -> None:
    with pytest.raises(Malformed, match="no kind"):
        TYPES.prepare(Kind("example.com", "v1", "Thing", "things"), {})


def test_arguments_are_left_as_they_are() -> None:
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    TYPES.prepare(POD, pod)
    assert pod == {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}


def test_third_party_kinds_are_served_once_their_definitions_are_added() -> None:
    types = builtin_types()
    for crd in schemaless_definitions():
        types.add_definition(crd)
    route = next(served.kind for served in types.served() if served.kind.kind == "HTTPRoute")
    given = {"metadata": {"name": "x"}, "spec": {"any": {"thing": [1]}}, "status": {"parents": []}}
    prepared = types.prepare(route, given, field_validation="Strict").object
    types.validate(route, prepared, None)
    assert prepared["spec"] == given["spec"]
    assert prepared["status"] == given["status"]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (POD, {"spec": {"containers": "x"}}, "json: cannot unmarshal string into Go struct field PodSpec.spec.containers"
         " of type []v1.Container"),
        (POD, {"spec": {"containers": ["x"]}}, "PodSpec.spec.containers of type v1.Container"),
        (POD, {"spec": {"containers": [{"args": [1]}]}}, "cannot unmarshal number into Go struct field "
         "Container.spec.containers.args of type string"),
        (POD, {"spec": {"containers": [{"tty": "yes"}]}}, "Container.spec.containers.tty of type bool"),
        (POD, {"spec": {"containers": [{"resources": {"limits": {"cpu": "x"}}}]}},
         "quantities must match the regular expression"),
        (POD, {"spec": []}, "cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec"),
        (POD, {"metadata": {"creationTimestamp": "x"}}, 'parsing time "x"'),
        (CONFIG_MAP, {"data": {"a": 1}}, "cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        (CONFIG_MAP, {"data": ["a"]}, "ConfigMap.data of type map[string]string"),
        (SECRET, {"data": {"a": "%%%"}}, "illegal base64 data at input byte 0"),
        (DEPLOYMENT, {"spec": {"replicas": 1.5}}, "cannot unmarshal number into Go struct field "
         "DeploymentSpec.spec.replicas of type int32"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_says_where_and_why(kind: Kind, body: dict[str, object], words: str) -> None:
    with pytest.raises(Malformed) as caught:
        TYPES.prepare(kind, body)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f'{kind.kind} in version "v1" cannot be handled as a {kind.kind}: ')


def test_a_body_that_is_no_object_is_malformed() -> None:
    with pytest.raises(Malformed, match="not an object"):
        TYPES.prepare(POD, ["x"])  # type: ignore[arg-type]  # what a client may send all the same
