"""The page keeps a section for each mode, whichever of them was measured."""

from e2e.parity.comparison import ABSENT, Difference, Score
from e2e.parity.report import but_for_reasons, section, with_section

RESULTS = {
    "iris": {"Service.v1/iris": Score(3, 3), "Pod.v1/iris": Score(1, 2, (Difference("Pod.v1/iris", ".spec.a", 1, 2),))}
}


def test_section_tells_totals_kinds_cases_and_what_differs() -> None:
    text = section(RESULTS)
    assert (
        "**80.0 %** of 5 fields are equal, **80.0 %** but for what is on purpose; 0 of 1 cases are identical." in text
    )
    assert "| Pod.v1 | 2 | 50.0 % |" in text
    assert "| iris | 5 | 80.0 % | Pod |" in text
    assert "1 of the fields that differ do so for no known reason." in text
    assert "|  | `Pod.v1 .spec.a` | 1 |" in text
    assert "| other InferenceServices | 1 | 5 | 80.0 % | 80.0 % |" in text


def test_field_that_differs_on_purpose_is_listed_with_its_reason() -> None:
    port = Difference(
        "InferenceService.serving.kserve.io/iris", ".spec.predictor.livenessProbe.httpGet.port", 0, ABSENT
    )
    text = section({"iris": {port.obj: Score(0, 1, (port,))}})
    assert "0 of the fields that differ do so for no known reason." in text
    assert f"| zero values of Go are not stored | `InferenceService.serving.kserve.io {port.path}` | 1 |" in text


def test_what_differs_on_purpose_is_counted_apart_for_graphs_and_for_models() -> None:
    graph, route = "InferenceGraph.serving.kserve.io/flow", "HTTPRoute.gateway.networking.k8s.io/flow"
    extra = tuple(Difference(route, path, ABSENT, "x") for path in (".kind", ".spec.hostnames[0]"))
    mode = Difference(graph, ".status.deploymentMode", ABSENT, "Standard")
    listed = Difference("ConfigMap.v1/modelconfig-a-0", ".data.x", 1, 2)
    results = {
        "flow": {graph: Score(7, 8, (mode,)), route: Score(0, 2, extra)},
        "multimodelserving-a": {listed.obj: Score(3, 4, (listed,))},
    }
    text = section(results)

    assert "| InferenceGraphs | 1 | 10 | 70.0 % | 100.0 % |" in text
    assert "| multi-model servers and TrainedModels | 1 | 4 | 75.0 % | 75.0 % |" in text
    assert "| graphs have routes | `HTTPRoute.gateway.networking.k8s.io (the whole object)` | 1 |" in text
    assert "| graphs remember their mode | `InferenceGraph.serving.kserve.io .status.deploymentMode` | 1 |" in text
    assert but_for_reasons(results) == Score(10, 11, (listed,))


def test_measuring_one_mode_leaves_the_sections_of_the_others() -> None:
    page = with_section(with_section("", "raw-ingress", "old"), "knative", "other\n\nlines")
    assert page.index("## Mode knative\n\nother\n\nlines\n") < page.index("## Mode raw-ingress\n\nold\n")
    assert with_section(page, "raw-ingress", "new") == page.replace("old", "new")


def test_page_without_sections_is_begun_anew() -> None:
    assert with_section("# Something else\n", "knative", "text") == with_section("", "knative", "text")
