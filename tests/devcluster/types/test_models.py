"""Schemas of built-in types, and that the hand-written tables about them speak of types and fields that exist."""

from collections.abc import Iterator, Mapping

import pytest

from kservectl.devcluster.types import gotypes
from kservectl.devcluster.types.catalogue import builtin_kinds
from kservectl.devcluster.types.gotypes import type_name
from kservectl.devcluster.types.models import field_description, struct
from kservectl.devcluster.types.schema import Schema
from kservectl.objects.mergekeys import ATOMIC_TYPES, rules


def reachable() -> Mapping[str, Schema]:
    """Every struct that some built-in kind leads to, by the name of its type."""
    found: dict[str, Schema] = {}

    def visit(schema: Schema) -> None:
        children = [*schema.properties.values(), schema.items, schema.additional]
        if schema.name:
            if schema.name in found and found[schema.name].properties.keys() >= schema.properties.keys():
                return
            found.setdefault(schema.name, schema)
        for child in children:
            if child is not None:
                visit(child)

    for entry in builtin_kinds().values():
        visit(struct(entry.model))
    return found


TYPES = reachable()
ALL_FIELDS: dict[str, set[str]] = {}
for entry in builtin_kinds().values():
    ALL_FIELDS.setdefault(type_name(entry.model), set()).update(struct(entry.model).properties)
for name, schema in TYPES.items():
    ALL_FIELDS.setdefault(name, set()).update(schema.properties)
# Types with two models of one name: the second one's fields count too.
for model in ("V2HorizontalPodAutoscalerSpec", "CoreV1EventSeries", "EventsV1EventSeries", "V2HPAScalingRules",
              "CoreV1EndpointPort", "DiscoveryV1EndpointPort", "ApiextensionsV1WebhookClientConfig"):  # fmt: skip
    ALL_FIELDS.setdefault(type_name(model), set()).update(struct(model).properties)


def tables() -> Iterator[tuple[str, str, str]]:
    for title in ("POINTER_TEXTS", "ZERO_IS_ABSENT", "ALWAYS_THERE", "NOT_REQUIRED", "_QUANTITIES", "_BYTES", "_FREE"):
        table: Mapping[str, frozenset[str]] = getattr(gotypes, title)
        for type_, fields in table.items():
            for field in fields:
                yield title, type_, field


@pytest.mark.parametrize(("table", "type_", "field"), sorted(row for row in tables() if row[1] in ALL_FIELDS))
def test_the_tables_name_fields_that_exist(table: str, type_: str, field: str) -> None:
    assert field in ALL_FIELDS[type_], f"{table} speaks of {type_}.{field}"


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_merge_rules_name_fields_that_exist_and_their_types(type_: str) -> None:
    for field, rule in rules(type_).items():
        assert field in ALL_FIELDS[type_], f"{type_}.{field}"
        child = TYPES[type_].properties.get(field)
        if child is None or not rule.type:
            continue
        assert (child.items.name if child.items else child.name) == rule.type
        keys = set(rule.list_keys) | ({rule.patch_key} if rule.patch_key else set())
        assert not keys or keys <= ALL_FIELDS[rule.type]


def test_atomic_types_have_one_owner() -> None:
    selector = TYPES["DeploymentSpec"].properties["selector"]
    assert selector.name in ATOMIC_TYPES
    assert selector.atomic


def test_a_type_that_contains_itself_is_read_once() -> None:
    schema = struct("V1JSONSchemaProps")
    assert schema.properties["not"] is schema


def test_what_is_required_comes_from_the_library() -> None:
    assert struct("V1Container").required == ("name",)
    assert set(struct("V1OwnerReference").required) == {"apiVersion", "kind", "name", "uid"}


def test_descriptions_come_from_the_library() -> None:
    assert field_description("V1ContainerPort", "container_port") == (
        "Number of port to expose on the pod's IP address. This must be a valid port number, 0 < x < 65536."
    )


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("V1Container", "Container"),
        ("V2HPAScalingRules", "HPAScalingRules"),
        ("CoreV1EventSeries", "EventSeries"),
        ("V1alpha1StorageVersion", "StorageVersion"),
        ("V1APIService", "APIService"),
    ],
)
def test_types_are_named_as_in_the_api(model: str, name: str) -> None:
    assert type_name(model) == name


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(KeyError):
        struct("V1Nonsense")
