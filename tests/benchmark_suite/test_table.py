"""What is kept of the benchmarks: each row's newest figures, whenever they were measured."""

from benchmarks.table import renewed

ORDER = ["burst", "fleet", "churn"]


def test_row_that_is_measured_again_replaces_its_older_self_and_no_other() -> None:
    kept = renewed("", {"fleet": "old | fleet", "burst": "a burst\n\nof two lines"}, ORDER)
    assert renewed(kept, {"fleet": "new | fleet"}, ORDER) == (
        "#### burst\n\na burst\n\nof two lines\n\n#### fleet\n\nnew | fleet"
    )


def test_rows_are_in_their_order_whenever_they_came() -> None:
    kept = renewed("Not measured yet.", {"churn": "c"}, ORDER)
    assert renewed(kept, {"burst": "b"}, ORDER) == "#### burst\n\nb\n\n#### churn\n\nc"


def test_row_that_is_no_more_goes() -> None:
    assert renewed("#### gone\n\nx", {"burst": "b"}, ORDER) == "#### burst\n\nb"
