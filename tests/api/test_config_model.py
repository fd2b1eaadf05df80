"""How the members of any key are read."""

from typing import Any

import pytest
from pydantic import ValidationError

from kservectl.api.config_model import KeyModel, ResourceMembers

SIZES = {"cpuRequest": "100m", "cpuLimit": "1", "memoryRequest": "100Mi", "memoryLimit": "1Gi"}


class Sample(KeyModel):
    some_text: str = "default"
    is_on: bool = False


@pytest.mark.parametrize("name", ["someText", "SOMETEXT", "sometext"])
def test_names_match_in_any_case(name: str) -> None:
    assert Sample.model_validate({name: "x"}).some_text == "x"


def test_unknown_members_are_ignored_and_null_is_absent() -> None:
    assert Sample.model_validate({"future": 1, "someText": None}) == Sample()


@pytest.mark.parametrize("members", [{"someText": 1}, {"isOn": "true"}, {"isOn": 1}, [], "text"])
def test_no_value_is_taken_for_one_of_another_type(members: Any) -> None:
    with pytest.raises(ValidationError):
        Sample.model_validate(members)


def test_what_was_read_does_not_change() -> None:
    read = Sample()
    with pytest.raises(ValidationError, match="frozen"):
        read.is_on = True


def test_amounts_that_are_set_are_the_resources_of_a_container() -> None:
    assert ResourceMembers.model_validate(SIZES).resources() == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "100Mi"},
    }
    assert ResourceMembers.model_validate({"cpuLimit": "1"}).resources() == {"limits": {"cpu": "1"}}
    assert ResourceMembers().resources() == {}


@pytest.mark.parametrize("member", SIZES)
def test_the_first_amount_that_is_no_quantity_is_named(member: str) -> None:
    assert ResourceMembers.model_validate(SIZES).unparsable() is None
    found = ResourceMembers.model_validate(SIZES | {member: "much"}).unparsable()
    assert found is not None and found[0] == member and "much" in found[1]
    assert ResourceMembers.model_validate(SIZES | {member: ""}).unparsable() == (member, "it is not set")
