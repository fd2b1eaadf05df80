"""Kinds that CustomResourceDefinitions define: pruning, defaults, validation, rules, and refusing bad definitions."""

from copy import deepcopy
from typing import Any

import pytest
from structlog.testing import capture_logs

from kservectl.devcluster.contract import InvalidObject, Malformed, UnknownFields
from kservectl.devcluster.types import Types, builtin_types
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

KIND = Kind("example.com", "v1", "Thing", "things")


def definition(spec: Object, **version: Any) -> Object:
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things", "shortNames": ["th"], "categories": ["all"]},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
            ],
        },
    }


def serving(properties: Object, **keywords: Any) -> Types:
    types = builtin_types()
    types.add_definition(definition({"type": "object", "properties": properties, **keywords}))
    return types


def thing(spec: Any, **rest: Any) -> Object:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec, **rest}


def prepared(types: Types, spec: Any) -> Any:
    return types.prepare(KIND, thing(spec)).object["spec"]


def causes(types: Types, spec: Any, old: Any = None) -> list[tuple[str, str, str]]:
    try:
        new = types.prepare(KIND, thing(spec)).object
        types.validate(KIND, new, None if old is None else thing(old))
    except InvalidObject as error:
        return [(cause.reason, cause.field, cause.message) for cause in error.causes]
    return []


def test_a_definition_is_served_with_its_names_columns_and_subresources() -> None:
    types = builtin_types()
    column = {"name": "URL", "type": "string", "jsonPath": ".status.url", "priority": 1}
    scale = {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}
    types.add_definition(
        definition({"type": "object"}, additionalPrinterColumns=[column], subresources={"status": {}, "scale": scale})
    )
    served = types.served()[-1]
    assert (served.kind, served.singular, served.short_names, served.categories) == (KIND, "thing", ("th",), ("all",))
    assert served.status
    assert served.scale == scale
    assert [(c.name, c.path, c.priority) for c in served.columns] == [("URL", ".status.url", 1)]
    assert served.custom


def test_a_definition_that_is_removed_is_not_served_any_more() -> None:
    types = serving({})
    types.remove_definition("things.example.com")
    with pytest.raises(Malformed):
        types.prepare(KIND, thing({}))


def test_the_preferred_version_is_the_most_stable_one() -> None:
    crd = definition({"type": "object"})
    version = crd["spec"]["versions"][0]
    names = ["v1beta1", "v2alpha1", "v1", "v11", "v2"]
    crd["spec"]["versions"] = [{**version, "name": name, "storage": name == "v1"} for name in names]
    types = builtin_types()
    types.add_definition(crd)
    served = [entry for entry in types.served() if entry.custom]
    assert [entry.kind.version for entry in served] == ["v11", "v2", "v1", "v1beta1", "v2alpha1"]
    assert [entry.preferred for entry in served] == [True, False, False, False, False]
    assert types.convert(thing({}), served[0].kind)["apiVersion"] == "example.com/v11"


def test_unknown_fields_go_and_are_reported() -> None:
    types = serving({"items": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}})
    answer = types.prepare(KIND, thing({"items": [{"a": "x", "b": 1}], "c": 1}, d=1))
    assert answer.object["spec"] == {"items": [{"a": "x"}]}
    assert set(answer.warnings) == {f'unknown field "{path}"' for path in ("spec.items[0].b", "spec.c", "d")}
    with pytest.raises(UnknownFields):
        types.prepare(KIND, thing({"c": 1}), field_validation="Strict")


def test_unknown_fields_stay_where_the_schema_says_so() -> None:
    types = serving({"free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                              "properties": {"known": {"type": "object", "properties": {}}}}})  # fmt: skip
    assert prepared(types, {"free": {"a": {"b": [1]}, "known": {"c": 1}}}) == {"free": {"a": {"b": [1]}, "known": {}}}


def test_defaults_come_in_at_all_depths_and_again_for_every_object() -> None:
    types = serving({"a": {"type": "object", "default": {}, "properties": {"b": {"type": "integer", "default": 3}}},
                     "l": {"type": "array", "items": {"type": "object",
                                                      "properties": {"c": {"type": "string", "default": "x"}}}}})  # fmt: skip
    first = prepared(types, {"l": [{}]})
    assert first == {"a": {"b": 3}, "l": [{"c": "x"}]}
    first["a"]["b"] = 99
    assert prepared(types, {}) == {"a": {"b": 3}}


def test_null_reads_as_absent_unless_the_schema_allows_it() -> None:
    types = serving({"a": {"type": "string", "default": "x"}, "b": {"type": "string"},
                     "c": {"type": "string", "nullable": True}})  # fmt: skip
    assert prepared(types, {"a": None, "b": None, "c": None}) == {"a": "x", "c": None}


@pytest.mark.parametrize(
    ("schema", "value", "reason", "message"),
    [
        ({"type": "integer"}, "x", "TypeInvalid",
         'Invalid value: "string": spec.f in body must be of type integer: "string"'),
        ({"type": "string"}, 1, "TypeInvalid",
         'Invalid value: "integer": spec.f in body must be of type string: "integer"'),
        ({"x-kubernetes-int-or-string": True}, True, "TypeInvalid",
         'Invalid value: "boolean": spec.f in body must be of type integer,string: "boolean"'),
        ({"type": "integer", "minimum": 1}, 0, "Invalid",
         "Invalid value: 0: spec.f in body should be greater than or equal to 1"),
        ({"type": "integer", "maximum": 9, "exclusiveMaximum": True}, 9, "Invalid",
         "Invalid value: 9: spec.f in body should be less than 9"),
        ({"type": "integer", "multipleOf": 2}, 3, "Invalid",
         "Invalid value: 3: spec.f in body should be a multiple of 2"),
        ({"type": "string", "enum": ["a", "b"]}, "c", "NotSupported",
         'Unsupported value: "c": supported values: "a", "b"'),
        ({"type": "string", "pattern": "^[a-z]+$"}, "A", "Invalid",
         "Invalid value: \"A\": spec.f in body should match '^[a-z]+$'"),
        ({"type": "string", "minLength": 2}, "A", "Invalid",
         'Invalid value: "A": spec.f in body should be at least 2 chars long'),
        ({"type": "string", "maxLength": 2}, "abc", "TooLong", "Too long: may not be more than 2 bytes"),
        ({"type": "string", "format": "date-time"}, "x", "TypeInvalid",
         'Invalid value: "x": spec.f in body must be of type date-time: "x"'),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, [], "Invalid",
         "Invalid value: 0: spec.f in body should have at least 1 items"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a", "b"], "TooMany",
         "Too many: 2: must have at most 1 items"),
        ({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 1}, {"a": "", "b": ""},
         "TooMany", "Too many: 2: must have at most 1 items"),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}]}, {}, "Invalid",
         'Invalid value: "": "spec.f" must validate one and only one schema (oneOf). Found none valid'),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]}, {}, "Invalid",
         'Invalid value: "": "spec.f" must validate at least one schema (anyOf)'),
        ({"type": "object", "properties": {"a": {"type": "string"}}, "not": {"required": ["a"]}}, {"a": "x"},
         "Invalid", 'Invalid value: "": "spec.f" must not validate the schema (not)'),
        ({"type": "string", "allOf": [{"minLength": 3}]}, "ab", "Invalid",
         'Invalid value: "ab": spec.f in body should be at least 3 chars long'),
    ],
)  # fmt: skip
def test_a_value_that_breaks_a_keyword(schema: Object, value: Any, reason: str, message: str) -> None:
    assert causes(serving({"f": schema}), {"f": value}) == [(f"FieldValue{reason}", "spec.f", message)]


def test_a_value_that_keeps_all_keywords_is_valid() -> None:
    schema = {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 5, "enum": ["abc"]}
    assert causes(serving({"f": schema, "n": {"type": "number", "minimum": 0}}), {"f": "abc", "n": 1.5}) == []


def test_required_fields_are_named_with_their_path() -> None:
    item = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    types = serving({"l": {"type": "array", "items": item}, "m": {"type": "object", "additionalProperties": item}})
    assert causes(types, {"l": [{}], "m": {"k": {}}}) == [
        ("FieldValueRequired", "spec.l[0].a", "Required value"),
        ("FieldValueRequired", "spec.m.k.a", "Required value"),
    ]


def test_items_of_keyed_lists_and_sets_occur_once() -> None:
    item = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "integer"}}}
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item}
    types = serving({"m": keyed, "s": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}})
    assert causes(types, {"m": [{"k": "a"}, {"k": "a", "v": 1}], "s": ["x", "x"]}) == [
        ("FieldValueDuplicate", "spec.m[1]", 'Duplicate value: {"k":"a"}'),
        ("FieldValueDuplicate", "spec.s[1]", 'Duplicate value: "x"'),
    ]


def test_an_embedded_resource_says_what_it_is() -> None:
    embedded = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    types = serving({"e": embedded})
    assert [field for _, field, _ in causes(types, {"e": {"spec": 1}})] == ["spec.e.apiVersion", "spec.e.kind"]
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"a": 1}}
    assert prepared(types, {"e": whole}) == {"e": whole}


BOUNDS = {"lo": {"type": "integer"}, "hi": {"type": "integer"}}
ORDERED = {"rule": "self.lo <= self.hi", "message": "lo must not exceed hi"}


def test_a_rule_that_does_not_hold_says_its_message() -> None:
    types = serving(BOUNDS, **{"x-kubernetes-validations": [ORDERED, {"rule": "self.lo != 7"}]})
    assert causes(types, {"lo": 1, "hi": 2}) == []
    assert causes(types, {"lo": 7, "hi": 2}) == [
        ("FieldValueInvalid", "spec", 'Invalid value: "object": lo must not exceed hi'),
        ("FieldValueInvalid", "spec", 'Invalid value: "object": failed rule: self.lo != 7'),
    ]


def test_a_rule_may_compute_its_message_and_name_another_field() -> None:
    rule = {
        "rule": "self.hi < 9",
        "messageExpression": "'too high'",
        "reason": "FieldValueForbidden",
        "fieldPath": ".hi",
    }
    types = serving(BOUNDS, **{"x-kubernetes-validations": [rule]})
    assert causes(types, {"hi": 9}) == [("FieldValueForbidden", "spec.hi", "Forbidden: too high")]


def test_a_transition_rule_compares_with_the_old_value_and_is_not_asked_on_create() -> None:
    types = serving(
        {"f": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]}}
    )
    assert causes(types, {"f": "a"}) == []
    assert causes(types, {"f": "a"}, {"f": "a"}) == []
    assert causes(types, {"f": "b"}, {"f": "a"}) == [("FieldValueInvalid", "spec.f", 'Invalid value: "string": fixed')]


def test_a_transition_rule_follows_an_item_by_its_key() -> None:
    item = {"type": "object", "required": ["k"], "properties": {"k": {"type": "string"}, "v": {"type": "integer"}},
            "x-kubernetes-validations": [{"rule": "self.v >= oldSelf.v", "message": "v may only grow"}]}  # fmt: skip
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": item}
    types = serving({"m": keyed})
    old = {"m": [{"k": "a", "v": 5}, {"k": "b", "v": 1}]}
    assert causes(types, {"m": [{"k": "b", "v": 1}, {"k": "a", "v": 6}]}, old) == []
    assert [field for _, field, _ in causes(types, {"m": [{"k": "b", "v": 1}, {"k": "a", "v": 4}]}, old)] == [
        "spec.m[1]"
    ]


def test_rules_wait_until_the_schema_is_kept() -> None:
    types = serving(BOUNDS, **{"x-kubernetes-validations": [ORDERED]})
    found = causes(types, {"lo": "x", "hi": 1})
    assert [(reason, field) for reason, field, _ in found] == [
        ("FieldValueTypeInvalid", "spec.lo"),
        ("FieldValueInvalid", "<nil>"),
    ]


def test_a_field_that_a_rule_misses_is_an_error_of_the_object() -> None:
    types = serving(BOUNDS, **{"x-kubernetes-validations": [ORDERED]})
    assert causes(types, {"lo": 1}) == [
        ("FieldValueInvalid", "spec", 'Invalid value: "object": no such key: hi evaluating rule: lo must not exceed hi')
    ]


@pytest.mark.parametrize("rule", ["self..x", "isURL(self.f)"])
def test_a_rule_that_cannot_be_compiled_is_logged_and_left_out(rule: str) -> None:
    with capture_logs() as logs:
        types = serving({"f": {"type": "string"}}, **{"x-kubernetes-validations": [{"rule": rule}]})
    assert causes(types, {"f": "x"}) == []
    assert [(log["event"], log["rule"], log["definition"]) for log in logs] == [
        ("validation rule ignored", rule, "things.example.com")
    ]


def test_a_pattern_that_only_go_understands_is_logged_and_left_out() -> None:
    with capture_logs() as logs:
        types = serving({"f": {"type": "string", "pattern": r"^\p{Lu}+$", "maxLength": 2}})
    assert [log["rule"] for log in logs] == [r"^\p{Lu}+$"]
    assert causes(types, {"f": "ab"}) == []
    assert len(causes(types, {"f": "abc"})) == 1


def test_metadata_is_checked_like_that_of_any_kind() -> None:
    types = serving({})
    with pytest.raises(Malformed, match="cannot be handled as a Thing"):
        types.prepare(KIND, {**thing({}), "metadata": {"labels": {"a": 1}}})
    with pytest.raises(InvalidObject) as caught:
        types.validate(KIND, {**thing({}), "metadata": {"name": "Bad_Name"}}, None)
    assert [cause.field for cause in caught.value.causes] == ["metadata.name"]


def broken(change: Any) -> Object:
    crd = deepcopy(definition({"type": "object"}))
    change(crd)
    return crd


def set_in(*path: Any) -> Any:
    *parents, last, value = path

    def change(crd: Any) -> None:
        for step in parents:
            crd = crd[step]
        crd[last] = value

    return change


V1 = ("spec", "versions", 0)
SCHEMA = (*V1, "schema", "openAPIV3Schema")
ROOT = "spec.validation.openAPIV3Schema"


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        (set_in("metadata", "name", "x"), "metadata.name", 'must be spec.names.plural+"."+spec.group'),
        (set_in("spec", "scope", "X"), "spec.scope", 'supported values: "Cluster", "Namespaced"'),
        (set_in("spec", "group", ""), "spec.group", "Required value"),
        (set_in("spec", "names", "listKind", "Thing"), "spec.names.listKind", "may not be the same"),
        (set_in("spec", "versions", []), "spec.versions", "Required value"),
        (set_in(*V1, "storage", False), "spec.versions", "must have exactly one version marked as storage version"),
        (set_in(*V1, "schema", {}), "spec.versions[0].schema.openAPIV3Schema", "Required value"),
        (set_in(*SCHEMA, "type", "string"), f"{ROOT}.type", "must be object at the root"),
        (set_in(*SCHEMA, "properties", "spec", {"properties": {}}), f"{ROOT}.properties[spec].type",
         "must not be empty for specified object fields"),
        (set_in(*SCHEMA, "properties", "spec", {"type": "array"}), f"{ROOT}.properties[spec].items",
         "must be specified"),
        (set_in(*SCHEMA, "properties", "spec", {"type": "object", "oneOf": [{"type": "object"}]}),
         f"{ROOT}.properties[spec].oneOf[0].type", "must be empty to be structural"),
        (set_in(*SCHEMA, "properties", "spec", {"$ref": "x", "type": "object"}), f"{ROOT}.properties[spec].$ref",
         "not supported"),
        (set_in(*SCHEMA, "properties", "spec",
                {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}),
         f"{ROOT}.properties[spec].x-kubernetes-list-map-keys", "must not be empty"),
    ],
)  # fmt: skip
def test_a_definition_that_cannot_be_served_is_refused(change: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        builtin_types().add_definition(broken(change))
    assert [message for cause in caught.value.causes if cause.field == field and message in cause.message], (
        caught.value.causes
    )


def test_a_strategic_merge_patch_of_a_custom_object_is_refused() -> None:
    with pytest.raises(Malformed, match="unknown format"):
        serving({}).patch(KIND, thing({}), {}, "strategic")


def test_keys_with_a_default_identify_items_that_leave_them_out() -> None:
    item = {"type": "object", "required": ["k"],
            "properties": {"k": {"type": "string"}, "p": {"type": "string", "default": "TCP"}}}  # fmt: skip
    keyed = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k", "p"], "items": item}
    types = serving({"m": keyed})
    assert [reason for reason, _, _ in causes(types, {"m": [{"k": "a"}, {"k": "a", "p": "TCP"}]})] == [
        "FieldValueDuplicate"
    ]


def test_a_definition_may_say_which_names_it_takes() -> None:
    crd = definition({"type": "object"})
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 3}}}
    types = builtin_types()
    types.add_definition(crd)
    assert causes(types, {}) == []
    with pytest.raises(InvalidObject) as caught:
        types.validate(KIND, {**thing({}), "metadata": {"name": "long"}}, None)
    assert [(cause.field, cause.message) for cause in caught.value.causes] == [
        ("metadata.name", "Too long: may not be more than 3 bytes")
    ]


def test_an_object_that_is_nested_too_deeply_is_malformed() -> None:
    types = serving({"free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}})
    nested: Object = {}
    for _ in range(20_000):
        nested = {"a": nested}
    with pytest.raises(Malformed, match="nested too deeply"):
        types.prepare(KIND, thing({"free": nested}))
