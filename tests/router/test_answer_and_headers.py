"""What a body is called, which headers go on, and how long things may take."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from kservectl.api.inferencegraph import InferenceGraphSpec
from kservectl.router.answer import Answer, content_type, failure
from kservectl.router.headers import HeaderRules
from kservectl.router.timeouts import Timeouts

REQUEST = CIMultiDictProxy(
    CIMultiDict(
        [
            ("Host", "graph"),
            ("authorization", "Bearer t"),
            ("test-header-key", "1"),
            ("Test-Header-Key", "2"),
            ("X-Other", "3"),
            ("Content-Length", "5"),
            ("traceparent", "00-ab-cd-01"),
        ]
    )
)


def kept(variable: str | None) -> list[tuple[str, str]]:
    return [item for item in HeaderRules.of_variable(variable).propagated(REQUEST).items() if item[0] != "Traceparent"]


JSON = ("Content-Type", "application/json")


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (None, [JSON]),
        ("", [JSON]),
        ("Authorization", [("Authorization", "Bearer t"), JSON]),
        ("authorization", [JSON]),
        (
            "Test-Header-*, Auth*",
            [("Authorization", "Bearer t"), ("Test-Header-Key", "1"), ("Test-Header-Key", "2"), JSON],
        ),
        ("*Trace-Id*,X-Other", [("X-Other", "3"), JSON]),
        (
            ".",
            [("Authorization", "Bearer t"), ("Test-Header-Key", "1"), ("Test-Header-Key", "2"), ("X-Other", "3"), JSON],
        ),
    ],
)
def test_headers_go_on_as_configured(variable: str | None, expected: list[tuple[str, str]]) -> None:
    assert kept(variable) == expected


def test_the_trace_goes_on_always() -> None:
    assert HeaderRules(()).propagated(REQUEST)["traceparent"] == "00-ab-cd-01"


def test_the_requests_own_content_type_goes_on_where_it_is_asked_for() -> None:
    headers = CIMultiDictProxy(CIMultiDict([("Content-Type", "text/csv")]))
    assert HeaderRules(["Content-Type"]).propagated(headers)["Content-Type"] == "text/csv"
    assert HeaderRules(()).propagated(headers)["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "said", "expected"),
    [
        (b'{"a":1}', "text/plain", "application/json"),
        (b"5", "", "application/json"),
        (b"hello", "text/csv", "text/csv"),
        (b"hello", "", "text/plain; charset=utf-8"),
        (b"<HTML>", "", "text/html; charset=utf-8"),
        (b"\x00\x01", "", "application/octet-stream"),
        (b"", "", "text/plain; charset=utf-8"),
        (b'{"a":1}', "application/json; charset=utf-8", "application/json"),
    ],
)
def test_a_body_is_called_what_it_is(body: bytes, said: str, expected: str) -> None:
    assert content_type(Answer(200, body, said)) == expected


def test_a_failure_has_its_keys_in_order() -> None:
    assert failure('a "b"', 404).body == b'{"error":"Failed to process request","cause":"a \\"b\\""}'


def timeouts(**spec: object) -> Timeouts:
    return Timeouts.of(InferenceGraphSpec.parse({"nodes": {}, **spec}))


def test_timeouts_have_defaults() -> None:
    assert timeouts() == Timeouts(read=60, write=60, idle=180, call=None)


def test_the_graphs_timeout_stands_for_a_missing_one() -> None:
    assert timeouts(timeout=300).write == 300
    assert timeouts(timeout=300, routerTimeouts={"serverWrite": 10}).write == 10


def test_zero_is_no_limit() -> None:
    found = timeouts(routerTimeouts={"serverRead": 0, "serverWrite": 0, "serverIdle": 0, "serviceClient": 0})
    assert found == Timeouts(read=None, write=None, idle=180, call=None)
    assert timeouts(routerTimeouts={"serviceClient": 2}).call == 2
