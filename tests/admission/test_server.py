import asyncio
import base64
import gzip
import json
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from kservectl.admission.certificates import make_ca, make_serving
from kservectl.admission.review import AdmissionRequest, Denied, FieldError, Verdict
from kservectl.admission.server import MAX_BODY, Mutating, Validating, _deadline
from kservectl.admission.tls import ServingCertificate, UnusableCertificate
from kservectl.objects import jsonpatch
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View
from tests.admission.serving import NAMES, Serving, review, serving, trusting
from tests.fake_clock import FakeClock, eventually

BOX = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "box", "labels": {"a/b": "c"}}, "data": {"x": "1"}}


def label(request: AdmissionRequest, view: View) -> Object | Denied:
    obj = request.object or {}
    if obj.get("data", {}).get("x") == "refuse":
        return Denied("no such thing here", warnings=("think again",))
    return obj | {"metadata": obj["metadata"] | {"labels": {"a/b": "d", "new": "1"}}}


def check(request: AdmissionRequest, view: View) -> Verdict | Denied:
    match (request.object or {}).get("data", {}).get("x"):
        case "bad":
            return Verdict((FieldError("data.x", "is bad"), FieldError("data.y", "is missing", "FieldValueRequired")))
        case "warn":
            return Verdict(warnings=("é" * 300, "plain\nlines"))
        case "crash":
            raise RuntimeError("boom")
    return Verdict()


def same(request: AdmissionRequest, view: View) -> Object | Denied:
    assert request.object is not None
    return request.object


HOOKS = (Mutating("/mutate", label), Validating("/validate", check), Mutating("/same", same))


def box(x: str) -> Object:
    return BOX | {"data": {"x": x}}


def metric(server: Serving, name: str, **labels: str) -> float | None:
    return server.registry.get_sample_value(name, labels)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_the_answer_has_the_version_and_uid_of_the_question(version: str) -> None:
    asked = review(BOX, version=version)
    async with serving(*HOOKS) as server:
        answer = await server.ask("/validate", asked)
    assert answer == {
        "apiVersion": f"admission.k8s.io/{version}",
        "kind": "AdmissionReview",
        "response": {"uid": asked["request"]["uid"], "allowed": True},
    }


async def test_a_mutation_is_answered_as_a_patch_that_makes_it_so() -> None:
    async with serving(*HOOKS) as server:
        response = (await server.ask("/mutate?timeout=10s", review(BOX)))["response"]
    assert response["allowed"] is True
    assert response["patchType"] == "JSONPatch"
    patch = json.loads(base64.b64decode(response["patch"]))
    assert {operation["path"] for operation in patch} == {"/metadata/labels/a~1b", "/metadata/labels/new"}
    assert jsonpatch.apply(BOX, patch)["metadata"]["labels"] == {"a/b": "d", "new": "1"}


async def test_no_change_is_answered_without_patch() -> None:
    async with serving(*HOOKS) as server:
        response = (await server.ask("/same", review(BOX)))["response"]
        delete = (await server.ask("/mutate", review(None, operation="DELETE", oldObject=BOX)))["response"]
    assert "patch" not in response and "patchType" not in response
    assert delete["allowed"] is True and "patch" not in delete


async def test_a_policy_refusal_is_403_inside_an_answer_of_200() -> None:
    async with serving(*HOOKS) as server:
        response = (await server.ask("/mutate", review(box("refuse"))))["response"]
    assert response["allowed"] is False
    assert response["status"]["code"] == 403
    assert response["status"]["message"] == "no such thing here"
    assert response["warnings"] == ["think again"]


async def test_invalid_fields_are_422_with_a_cause_each() -> None:
    async with serving(*HOOKS) as server:
        response = (await server.ask("/validate", review(box("bad"))))["response"]
    assert response["allowed"] is False
    assert response["status"]["code"] == 422
    assert response["status"]["message"] == "data.x: is bad; data.y: is missing"
    assert response["status"]["details"]["causes"] == [
        {"reason": "FieldValueInvalid", "message": "is bad", "field": "data.x"},
        {"reason": "FieldValueRequired", "message": "is missing", "field": "data.y"},
    ]


async def test_warnings_are_cut_to_ascii_lines_that_a_header_can_carry() -> None:
    async with serving(*HOOKS) as server:
        warnings = (await server.ask("/validate", review(box("warn"))))["response"]["warnings"]
    assert [len(warning) for warning in warnings] == [256, 11]
    assert all(warning.isascii() for warning in warnings)
    assert warnings[1] == "plain lines"


async def test_a_handler_that_crashes_costs_its_own_request_only() -> None:
    async with serving(*HOOKS) as server, server.session() as session:
        async with session.post(server.url("/validate"), json=review(box("crash"))) as crashed:
            assert crashed.status == 500
            assert "boom" not in await crashed.text()
        async with session.post(server.url("/validate"), json=review(BOX)) as fine:
            assert fine.status == 200


DEEP = (
    b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","object":' + b'{"a":' * 10_000
)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"not json", "application/json", 400),
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (
            json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}).encode(),
            "application/json",
            400,
        ),
        (json.dumps(review(BOX) | {"kind": "Pod"}).encode(), "application/json", 400),
        (json.dumps(review(BOX, uid=7)).encode(), "application/json", 400),
        (json.dumps(review(BOX)).encode()[:-20], "application/json", 400),
        (DEEP + b"1" + b"}" * 10_002, "application/json", 400),
        (DEEP, "application/json", 400),
        (json.dumps(review(BOX)).encode(), "text/plain", 415),
        (b" " * (MAX_BODY + 1), "application/json", 413),
        (b"x" * 10 * 1024 * 1024, "application/json", 413),
    ],
)
async def test_what_is_no_review_is_refused_cleanly(body: bytes, content_type: str, status: int) -> None:
    async with serving(*HOOKS) as server:
        assert await server.status("/validate", body, content_type) == status
        assert (await server.ask("/validate", review(BOX)))["response"]["allowed"] is True


async def test_a_body_without_length_is_cut_off_at_the_limit() -> None:
    async def endless() -> Any:
        for _ in range(9):
            yield b" " * 1024 * 1024

    async with serving(*HOOKS) as server, server.session() as session:
        headers = {"Content-Type": "application/json"}
        async with session.post(server.url("/validate"), data=endless(), headers=headers) as answer:
            assert answer.status == 413


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (review(BOX, version="v2"), "send one of admission.k8s.io/v1"),
        (review("text"), "request.object is not an object"),
        (review(BOX, kind=[]), "request.kind is not an object"),
        (review(BOX | {"data": list(range(60_000))}), "request.object has more than 50000 values"),
        (review(BOX, oldObject=BOX | {"data": [[1]] * 30_000}), "request.oldObject has more than 50000 values"),
    ],
)
async def test_a_review_with_a_uid_is_refused_in_a_review(sent: Any, told: str) -> None:
    async with serving(*HOOKS) as server:
        answer = await server.ask("/validate", sent)
    assert answer["response"]["uid"] == sent["request"]["uid"] and answer["response"]["allowed"] is False
    assert answer["response"]["status"]["code"] == 400 and told in answer["response"]["status"]["message"]


@pytest.mark.parametrize(("depth", "status", "allowed"), [(100, 200, True), (1010, 200, False), (1030, 400, None)])
async def test_deep_objects_are_served_as_far_as_they_can_be(depth: int, status: int, allowed: bool | None) -> None:
    body = json.dumps(review(BOX | {"data": {"y": "deep"}})).replace('"deep"', "[" * depth + "1" + "]" * depth)
    async with serving(*HOOKS) as server:
        async with server.session() as session:
            headers = {"Content-Type": "application/json"}
            async with session.post(server.url("/mutate"), data=body.encode(), headers=headers) as answer:
                assert answer.status == status
                if allowed is not None:
                    assert (await answer.json())["response"]["allowed"] is allowed
        assert (await server.ask("/validate", review(BOX)))["response"]["allowed"] is True


async def test_a_compressed_body_counts_by_what_it_expands_to() -> None:
    bomb = gzip.compress(b" " * 50 * 1024 * 1024)
    assert len(bomb) < MAX_BODY
    async with serving(*HOOKS) as server, server.session() as session:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        async with session.post(server.url("/validate"), data=bomb, headers=headers) as answer:
            assert answer.status == 413
        small = gzip.compress(json.dumps(review(BOX)).encode())
        async with session.post(server.url("/validate"), data=small, headers=headers) as answer:
            assert answer.status == 200


async def test_other_methods_and_paths_are_told_so() -> None:
    async with serving(*HOOKS) as server, server.session() as session:
        async with session.get(server.url("/validate")) as got:
            assert got.status == 405
            assert got.headers["Allow"] == "POST"
        async with session.post(server.url("/nothing"), json={}) as missing:
            assert missing.status == 404


async def test_before_the_caches_are_filled_nothing_is_decided() -> None:
    problem = "waiting for ConfigMaps"
    async with serving(*HOOKS, not_ready=lambda: problem) as server:
        assert server.server.problem() == "waiting for ConfigMaps"
        assert await server.status("/validate", json.dumps(review(BOX)).encode()) == 503
        problem = ""
        assert server.server.problem() == ""
        assert await server.status("/validate", json.dumps(review(BOX)).encode()) == 200


async def test_a_body_that_does_not_arrive_within_the_callers_timeout_is_given_up() -> None:
    clock = FakeClock()
    async with serving(*HOOKS, clock=clock) as server:
        reader, writer = await asyncio.open_connection(
            "localhost", server.server.port, ssl=trusting(server.ca.certificate)
        )
        head = "POST /validate?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        writer.write(head.encode())
        await eventually(lambda: clock.next_timer is not None)
        assert clock.next_timer == 4.0
        await clock.advance(4.0)
        assert b" 408 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    ("asked", "granted"), [("30s", 29), ("1s", 0.1), ("90s", 29), ("1m0s", 9), ("", 9), ("nan", 9)]
)
def test_the_deadline_is_the_callers_less_a_second(asked: str, granted: float) -> None:
    assert _deadline(asked) == granted


async def test_a_caller_that_goes_away_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(*HOOKS) as server:
        _, writer = await asyncio.open_connection("localhost", server.server.port, ssl=trusting(server.ca.certificate))
        head = "POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        writer.write(head.encode())
        name = "controller_runtime_webhook_requests_in_flight"
        await eventually(lambda: metric(server, name, webhook="/validate") == 1)
        writer.transport.abort()
        await eventually(lambda: metric(server, name, webhook="/validate") == 0)
        assert (await server.ask("/validate", review(BOX)))["response"]["allowed"] is True
    assert caplog.records == []


async def test_requests_are_counted_by_path_and_code() -> None:
    async with serving(*HOOKS) as server:
        await server.ask("/validate", review(BOX))
        await server.status("/validate", b"nonsense")
        await server.status("/validate", b" " * (MAX_BODY + 1))
        name = "controller_runtime_webhook_requests_total"
        assert [metric(server, name, webhook="/validate", code=code) for code in ("200", "400", "413")] == [1, 1, 1]
        assert metric(server, "controller_runtime_webhook_latency_seconds_count", webhook="/validate") == 3
        assert metric(server, "controller_runtime_webhook_requests_in_flight", webhook="/validate") == 0
        left = metric(server, "kservectl_certificate_expiry_seconds", kind="serving")
        assert left is not None and 364 * 86400 < left < 366 * 86400


async def test_reviews_are_counted_by_verdict_and_whose_fault_it_is() -> None:
    def broken(request: AdmissionRequest, view: View) -> Object | Denied:
        return Denied("the registry cannot be read", code=500, reason="InternalError")

    async with serving(*HOOKS, Mutating("/broken", broken)) as server:
        for path, obj in (("/validate", BOX), ("/validate", box("bad")), ("/mutate", BOX), ("/broken", BOX)):
            await server.ask(path, review(obj))
        counted = {
            (path, verdict): metric(server, "kservectl_webhook_reviews_total", webhook=path, verdict=verdict)
            for path in ("/validate", "/mutate", "/broken")
            for verdict in ("allowed", "refused", "failed")
        }
    ones = {("/validate", "allowed"), ("/validate", "refused"), ("/mutate", "allowed"), ("/broken", "failed")}
    assert counted == {each: float(each in ones) for each in counted}


async def test_a_connection_is_kept_and_lives_through_a_change_of_certificate() -> None:
    now = datetime.now(UTC)
    other = make_ca(now)
    pair = make_serving(other, NAMES, now)
    async with serving(*HOOKS) as server, server.session() as old:
        async with old.post(server.url("/validate"), json=review(BOX)) as answer:
            assert answer.status == 200
        assert server.certificate.load(pair.certificate, pair.key) is True
        assert server.certificate.load(pair.certificate, pair.key) is False
        async with old.post(server.url("/validate"), json=review(BOX)) as again:
            # It trusts the old CA only, so this went over the open connection.
            assert again.status == 200
        async with server.session() as stranger:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await stranger.post(server.url("/validate"), json=review(BOX))
        async with (
            server.session(server.ca.certificate, other.certificate) as both,
            both.post(server.url("/validate"), json=review(BOX)) as new,
        ):
            assert new.status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_nothing_older_than_tls_1_2_is_spoken() -> None:
    async def speak(version: ssl.TLSVersion) -> str | None:
        context = trusting(server.ca.certificate)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        _, writer = await asyncio.open_connection("localhost", server.server.port, ssl=context)
        spoken: str | None = writer.get_extra_info("ssl_object").version()
        writer.close()
        return spoken

    async with serving(*HOOKS) as server:
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                await speak(old)
        assert await speak(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
        assert await speak(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


async def test_a_certificate_that_cannot_serve_leaves_the_one_before() -> None:
    now = datetime.now(UTC)
    ca = make_ca(now)
    one, two = make_serving(ca, NAMES, now), make_serving(ca, NAMES, now)
    async with serving(*HOOKS) as server:
        for certificate, key in ((one.certificate, two.key), (b"nonsense", one.key), (one.certificate, b"")):
            with pytest.raises(UnusableCertificate):
                server.certificate.load(certificate, key)
        assert (await server.ask("/validate", review(BOX)))["response"]["allowed"] is True
    fresh = ServingCertificate()
    with pytest.raises(UnusableCertificate):
        fresh.load(b"", b"")
    assert not fresh.loaded.is_set()


async def test_a_review_in_flight_is_answered_before_the_server_stops() -> None:
    async with serving(*HOOKS) as server:
        reader, writer = await asyncio.open_connection(
            "localhost", server.server.port, ssl=trusting(server.ca.certificate)
        )
        body = json.dumps(review(BOX)).encode()
        head = f"POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:10])
        name = "controller_runtime_webhook_requests_in_flight"
        await eventually(lambda: metric(server, name, webhook="/validate") == 1)
        server.task.cancel()
        await eventually(lambda: server.server.port is None)
        writer.write(body[10:])
        assert b" 200 " in await reader.readline()
        await asyncio.wait([server.task], timeout=5)
        assert server.task.done()
        writer.close()


async def test_who_has_not_greeted_when_the_server_ends_is_served_no_more() -> None:
    def answer_to_a_late_greeting(raw: socket.socket, context: ssl.SSLContext) -> bytes:
        with suppress(ConnectionError, ssl.SSLError), context.wrap_socket(raw, server_hostname="localhost") as late:
            late.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return late.recv(1000)
        return b""

    async with serving(*HOOKS) as server:
        with await asyncio.to_thread(socket.create_connection, ("localhost", server.server.port), 5) as raw:
            await server.ask("/validate", review(BOX))  # connected after the other, so that one is accepted
            server.task.cancel()
            await asyncio.wait([server.task], timeout=5)
            before = asyncio.all_tasks()
            assert await asyncio.to_thread(answer_to_a_late_greeting, raw, trusting(server.ca.certificate)) == b""
            assert asyncio.all_tasks() <= before
