"""Folders that models are mounted at, and the names of volumes for them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kservectl.modelstorage.paths import clean, common_parent, parent, volume_name

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
segments = st.lists(st.text(st.sampled_from("abzAB019-_. é"), min_size=1, max_size=30), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/mnt/models", "mnt-models"), ("/mnt/models/", "mnt-models"), ("/a//b/./c", "a-b-c"), ("/", "root"), ("x", "x")],
)
def test_a_volume_is_named_after_its_path(path: str, name: str) -> None:
    assert volume_name(path, "root") == name


def test_a_path_makes_a_name_of_at_most_63_characters() -> None:
    assert volume_name("/" + "x" * 63, "root") == "x" * 63
    (longer, other) = (volume_name("/" + "x" * 63 + end, "root") for end in "xy")
    assert len(longer) == len(other) == 63 and longer != other


@given(segments)
def test_every_path_makes_a_name_that_kubernetes_takes(parts: list[str]) -> None:
    name = volume_name("/" + "/".join(parts), "root")
    assert LABEL.fullmatch(name) and len(name) <= 63


@given(segments, segments)
def test_paths_that_make_no_name_by_themselves_share_none(one: list[str], other: list[str]) -> None:
    first, second = ("/" + "/".join(parts) for parts in (one, other))
    plain = re.compile(r"[a-z0-9/-]*")
    if clean(first) != clean(second) and not (plain.fullmatch(first) and plain.fullmatch(second)):
        assert volume_name(first, "root") != volume_name(second, "root")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["/mnt/models/a"], "/mnt/models/a"),
        (["/mnt/models/a", "/mnt/models/b/c"], "/mnt/models"),
        (["/mnt/models/a", "/mnt/models-b"], "/mnt"),
        (["/mnt/a", "/opt/b"], "/"),
        (["//mnt//a/", "/mnt/a/b"], "/mnt/a"),
    ],
)
def test_the_deepest_common_folder(paths: list[str], expected: str) -> None:
    assert common_parent(paths) == expected


@pytest.mark.parametrize(("path", "expected"), [("/mnt/models", "/mnt"), ("/mnt/models/", "/mnt"), ("/models", "/")])
def test_the_folder_above(path: str, expected: str) -> None:
    assert parent(path) == expected
