"""How a model is named in a registry."""

import pytest

from kservectl.modelregistry.reference import InvalidReference, ModelReference, is_reference


@pytest.mark.parametrize(
    ("uri", "meant"),
    [
        ("models:/roses/3", ModelReference("roses", version="3")),
        ("models:/roses@champion", ModelReference("roses", alias="champion")),
        ("models:/red roses@v1.2", ModelReference("red roses", alias="v1.2")),
        ("models:/ml.garden.roses/12", ModelReference("ml.garden.roses", version="12")),
        ("models:/a@b@c", ModelReference("a@b", alias="c")),
    ],
)
def test_a_version_is_named_by_number_or_alias(uri: str, meant: ModelReference) -> None:
    assert ModelReference.parse(uri) == meant


@pytest.mark.parametrize(
    "uri",
    [
        "models:",
        "models:/",
        "models:/roses",
        "models:/roses/",
        "models:/roses/latest",
        "models:/roses/Production",
        "models:/roses/3/more",
        "models:/@x",
        "models:/roses@",
        "models://roses/3",
        "models:roses/3",
        "models:/roses/٣",
    ],
)
def test_what_names_no_version_is_refused_with_how_to_write_one(uri: str) -> None:
    assert is_reference(uri)
    with pytest.raises(InvalidReference, match="write models:/NAME/VERSION"):
        ModelReference.parse(uri)


@pytest.mark.parametrize("uri", ["gs://models:/x", "s3://b/k", "", "https://models/x"])
def test_a_place_is_no_reference(uri: str) -> None:
    assert not is_reference(uri)
