"""The page keeps a section for each mode, whichever of them was measured."""

from e2e.parity.comparison import ABSENT, Difference, Score
from e2e.parity.report import section, with_section

RESULTS = {
    "iris": {"Service.v1/iris": Score(3, 3), "Pod.v1/iris": Score(1, 2, (Difference("Pod.v1/iris", ".spec.a", 1, 2),))}
}


def test_section_tells_totals_kinds_cases_and_what_differs() -> None:
    text = section(RESULTS)
    assert "**80.0 %** of 5 fields are equal; 0 of 1 cases are identical." in text
    assert "| Pod.v1 | 2 | 50.0 % |" in text
    assert "| iris | 5 | 80.0 % | Pod |" in text
    assert "1 of the fields that differ do so for no known reason." in text
    assert "| `Pod.v1 .spec.a` | 1 |  |" in text


def test_field_that_differs_on_purpose_is_listed_with_its_reason() -> None:
    port = Difference(
        "InferenceService.serving.kserve.io/iris", ".spec.predictor.livenessProbe.httpGet.port", 0, ABSENT
    )
    text = section({"iris": {port.obj: Score(0, 1, (port,))}})
    assert "0 of the fields that differ do so for no known reason." in text
    assert f"{port.path}` | 1 | zero values of Go are not stored |" in text


def test_measuring_one_mode_leaves_the_sections_of_the_others() -> None:
    page = with_section(with_section("", "raw-ingress", "old"), "knative", "other\n\nlines")
    assert page.index("## Mode knative\n\nother\n\nlines\n") < page.index("## Mode raw-ingress\n\nold\n")
    assert with_section(page, "raw-ingress", "new") == page.replace("old", "new")


def test_page_without_sections_is_begun_anew() -> None:
    assert with_section("# Something else\n", "knative", "text") == with_section("", "knative", "text")
