"""Why a field differs from KServe's on purpose. The pages docs/differences*.md say more about each reason.

A difference without a reason is a mistake: of ours, or of this table.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from e2e.parity.comparison import ABSENT, Difference

_GRAPH = "InferenceGraph.serving.kserve.io"
_KNATIVE = r"Service\.serving\.knative\.dev"
_SERVICE = "InferenceService.serving.kserve.io"


@dataclass(frozen=True, slots=True)
class _Case:
    """One difference, and the names (`Kind.group/name`) of all objects of its case on both sides."""

    difference: Difference
    objects: Collection[str]

    def about(self, kinds: str, path: str) -> bool:
        kind = self.difference.obj.partition("/")[0]
        return bool(re.fullmatch(kinds, kind) and re.fullmatch(path, self.difference.path))

    @property
    def name(self) -> str:
        return self.difference.obj.partition("/")[2]

    @property
    def values(self) -> tuple[object, object]:
        return self.difference.wanted, self.difference.found


def reason_for(difference: Difference, objects: Collection[str]) -> str:
    """Why it differs; empty when nothing here says so. `objects` are those of the case, by `Kind.group/name`."""
    return next(_reasons(_Case(difference, objects)), "")


def _reasons(case: _Case) -> Iterator[str]:
    wanted, found = case.values
    if case.about(rf"Deployment\.apps|Pod\.v1|{_KNATIVE}", r".*\.containers\[0\]\.env\[\d+\]\.(name|value)") and (
        wanted == ABSENT and "-explainer" in case.name
    ):
        yield "explainers know which service they belong to"
    if case.about(r"HTTPRoute\..*|Ingress\..*", r".*") and wanted == ABSENT and f"{_GRAPH}/{case.name}" in case.objects:
        yield "graphs have routes"
    yield from _of_graphs_and_knative(case)
    if case.about(rf"{_SERVICE}|{_KNATIVE}", r"\.spec\..*\.(limits|requests)\..*") and str(found) == wanted:
        yield "quantities are stored as they were written"
    if case.about(rf"{_SERVICE}|{_KNATIVE}", r"\.spec\..*\.port") and case.values == (0, ABSENT):
        yield "zero values of Go are not stored"
    refused = _has(case, "Service.v1") and not _has(case, "Deployment.apps")
    if case.about(_SERVICE, r"\.status\.(conditions|modelStatus).*") and refused:
        yield "the whole status is told although an object was refused"
    if case.about(_SERVICE, r"\.status\..*") and wanted == ABSENT and not _has(case, "Service.v1"):
        yield "what is not supported is told"
    if case.about(_SERVICE, r"\.status\.conditions\[\w+\]\.message") and (
        "failed creating host name" in str(wanted) and "failed creating host name" in str(found)
    ):
        yield "what is wrong with a host name is told in words of its own"
    if case.about(r"ConfigMap\.v1", r"\.metadata\.labels\.serving\.kserve\.io/inferenceservice") and wanted == ABSENT:
        yield "only ConfigMaps with the label are cached"
    if case.about(r"Pod\.v1", r"\.metadata\.annotations\.prometheus\.io/port") and wanted in ("9088", "9091"):
        yield "Prometheus is sent to a port on which something listens"
    if case.about(r"Ingress\..*", r"\.spec\.rules\[\d+\]\.http\.paths\[0\]\.backend\.service\.name") and (
        str(wanted).endswith("-predictor") and str(found).endswith("-transformer")
    ):
        yield "the host of a transformer leads to the transformer"


def _of_graphs_and_knative(case: _Case) -> Iterator[str]:
    if case.about(rf"Deployment\.apps|Pod\.v1|{_KNATIVE}", r".*\.annotations\.kubectl\.kubernetes\.io/.*"):
        yield "kubectl's record of a graph is left out of its router's pods"
    if case.about(_GRAPH, r"\.status\.deploymentMode") and case.difference.wanted == ABSENT:
        yield "graphs remember their mode"
    if case.about(_GRAPH, r"\.status\.conditions.*"):
        yield "graphs tell whether they are ready, and why not"
    if case.about(_KNATIVE, r".*\.spec\.serviceAccount(Name)?"):
        yield "Knative knows serviceAccountName only"


def _has(case: _Case, kind: str) -> bool:
    return any(name.startswith(f"{kind}/") for name in case.objects)
