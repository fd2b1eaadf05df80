import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest

from kservectl.admission.review import (
    AdmissionRequest,
    Denied,
    FieldError,
    MalformedReview,
    Verdict,
    allow,
    decode,
    deny,
    invalid,
)
from kservectl.api.kinds import INFERENCE_SERVICE
from tests.admission.serving import review

ASKED = AdmissionRequest(uid="u", operation="CREATE", group="g.io", kind="Box", name="b")


def response(answer: bytes) -> Any:
    return orjson.loads(answer)["response"]


def test_everything_that_the_api_server_tells_is_read() -> None:
    new, old = {"metadata": {"name": "n"}}, {"metadata": {"name": "o"}}
    body = review(
        new,
        operation="UPDATE",
        version="v1beta1",
        uid="u-1",
        kind={"group": "serving.kserve.io", "version": "v1beta1", "kind": "InferenceService"},
        resource={"group": "serving.kserve.io", "version": "v1beta1", "resource": "inferenceservices"},
        subResource="scale",
        name="n",
        namespace="ns",
        oldObject=old,
        dryRun=True,
        options={"kind": "UpdateOptions", "fieldManager": "m"},
        userInfo={"username": "me", "groups": ["g"]},
    )
    assert decode(orjson.dumps(body)) == AdmissionRequest(
        uid="u-1",
        operation="UPDATE",
        group="serving.kserve.io",
        version="v1beta1",
        kind="InferenceService",
        resource="inferenceservices",
        subresource="scale",
        namespace="ns",
        name="n",
        object=new,
        old_object=old,
        dry_run=True,
        options={"kind": "UpdateOptions", "fieldManager": "m"},
        user="me",
        review_version="v1beta1",
    )


def test_a_request_that_no_api_server_sent_says_what_one_would() -> None:
    obj = {"metadata": {"name": "n", "namespace": "ns"}}
    creation = AdmissionRequest(
        uid="u",
        operation="CREATE",
        group="serving.kserve.io",
        version="v1beta1",
        kind="InferenceService",
        resource="inferenceservices",
        namespace="ns",
        name="n",
        object=obj,
    )
    assert AdmissionRequest.about(INFERENCE_SERVICE, obj, uid="u") == creation
    old = {"metadata": {"name": "n"}}
    assert AdmissionRequest.about(INFERENCE_SERVICE, obj, stored=old, uid="u", dry_run=True) == replace(
        creation, operation="UPDATE", old_object=old, dry_run=True
    )


def test_what_is_left_out_reads_as_empty() -> None:
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u"}}
    assert decode(orjson.dumps(body)) == AdmissionRequest(uid="u", operation="")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        (b"null", "not an AdmissionReview"),
        (orjson.dumps({"kind": "AdmissionReview"}), "has no request"),
        (orjson.dumps(review() | {"apiVersion": None}), "apiVersion None is not served"),
        (orjson.dumps(review() | {"apiVersion": "other/v1"}), "send one of admission.k8s.io/v1, "),
        (orjson.dumps(review() | {"request": None}), "has no request"),
        (orjson.dumps(review(uid="")), "has no uid"),
        (orjson.dumps(review(oldObject=[])), "request.oldObject is not an object"),
        (orjson.dumps(review({"metadata": []})), "request.object.metadata has not the type"),
        (orjson.dumps(review({"metadata": {"name": 1}})), "request.object.metadata.name has not the type"),
        (orjson.dumps(review({"metadata": {"labels": {"a": 1}}})), "request.object.metadata.labels has not the type"),
        (orjson.dumps(review({"metadata": {"annotations": "x"}})), "request.object.metadata.annotations has not"),
        (orjson.dumps(review({"metadata": {"finalizers": [1]}})), "request.object.metadata.finalizers has not"),
        (orjson.dumps(review(oldObject={"metadata": {"ownerReferences": {}}})), "request.oldObject.metadata.owner"),
        (orjson.dumps(review(name=1)), "request.name is not a string"),
        (orjson.dumps(review(userInfo="me")), "request.userInfo is not an object"),
    ],
)
def test_what_cannot_be_understood_is_told(body: bytes, message: str) -> None:
    with pytest.raises(MalformedReview) as refused:
        decode(body)
    assert message in str(refused.value)


def test_an_allowed_answer_carries_a_patch_only_when_there_is_one() -> None:
    assert response(allow(ASKED)) == {"uid": "u", "allowed": True}
    patch = [{"op": "add", "path": "/x", "value": 1}]
    answer = response(allow(ASKED, patch=patch, warnings=["w"]))
    assert answer["patchType"] == "JSONPatch"
    assert orjson.loads(base64.b64decode(answer["patch"])) == patch
    assert answer["warnings"] == ["w"]


def test_refusals_carry_a_status() -> None:
    status = response(deny(ASKED, Denied("no")))["status"]
    assert status == {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": 403,
        "reason": "Forbidden",
        "message": "no",
    }
    answer = response(invalid(ASKED, Verdict((FieldError("a.b", "is odd"), FieldError("", "is bad")), ("w",))))
    assert answer["status"]["message"] == "a.b: is odd; is bad"
    assert answer["status"]["details"]["name"] == "b"
    assert answer["warnings"] == ["w"]


def test_of_many_problems_the_first_are_told_and_the_others_counted() -> None:
    errors = tuple(FieldError(f"spec.f{number}", "x" * 10_000) for number in range(60_000))
    answer = response(invalid(ASKED, Verdict(errors, ("w",) * 60_000)))
    assert len(orjson.dumps(answer)) < 300_000
    assert answer["status"]["message"].endswith("; and 59950 more")
    assert [cause["field"] for cause in answer["status"]["details"]["causes"]] == [f"spec.f{n}" for n in range(50)]
    assert len(answer["warnings"]) == 50
