"""The largest objects that are looked at are decided soon: a handler cannot be interrupted, and others wait for it."""

import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from kservectl.admission import review
from kservectl.admission.inferenceservice.handler import DEFAULTER_PATH, VALIDATOR_PATH
from kservectl.admission.pods.handler import MUTATOR_PATH
from kservectl.admission.server import Mutated, Mutating
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, CLUSTER_STORAGE_CONTAINER, INFERENCE_SERVICE, SERVING_RUNTIME
from kservectl.api.networking_choices import ALL as NETWORKING
from kservectl.assembly import webhooks
from kservectl.manifests.configuration import config_map
from kservectl.manifests.storage import storage_container
from kservectl.objects.jsonpatch import json_patch
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.admission.inferenceservice.services import MODE, model, service
from tests.admission.runtimes.runtimes import fmt, runtime
from tests.modelstorage.pods import container, pod

SECONDS = 3.0
"""Of CPU; what was found and mended took ten times as long and more."""

N = review.MAX_VALUES
INTERNAL = "internal.serving.kserve.io/"
HOOKS = {webhook.path: webhook for webhook in webhooks("kserve")}
KINDS = [CONFIG_MAP, INFERENCE_SERVICE, CLUSTER_STORAGE_CONTAINER, SERVING_RUNTIME, CLUSTER_SERVING_RUNTIME]
RULES = [{"expression": "object.spec.containers.all(c, !has(c.env) || c.env.all(e, e.name != c.name))"}]
POLICY = {
    "allowedRegistries": ["ghcr.io"],
    "maxGPUs": 1,
    "requiredLimits": ["cpu"],
    "policies": [{"name": "p", "resources": ["pods", "inferenceservices"], "validations": RULES}],
}
REGEXES = [{"regex": "^(a+)+$"}, {"regex": "(x+x+)+y"}]


def view(*, guarded: bool) -> StaticView:
    configuration = config_map()
    if guarded:
        configuration["data"]["securityPolicy"] = orjson.dumps(POLICY).decode()
    slow = storage_container() | {"metadata": {"name": "a"}}
    slow["spec"] = slow["spec"] | {"supportedUriFormats": REGEXES}
    return StaticView([configuration, slow, storage_container()], kinds=KINDS, now=datetime.now(UTC))


def labelled(obj: Object) -> Object:
    return obj | {"metadata": obj["metadata"] | {"labels": {"serving.kserve.io/inferenceservice": "x"}}}


def pods(*containers: Object, uri: str = "gs://b/m", **spec: Any) -> Object:
    made = labelled(pod(*containers, notes={INTERNAL + "storage-initializer-sourceuri": uri, INTERNAL + "logger": "1"}))
    return made | {"spec": made["spec"] | spec}


def many(count: int, **fields: Any) -> list[Object]:
    return [{"name": f"n{number}", **fields} for number in range(count)]


STANDARD = {MODE: "Standard", "serving.kserve.io/autoscalerClass": "keda"}
CANARIES = [{"trafficPercent": 0, "predictor": {"name": f"c{n}", **model()}} for n in range(N // 9)]
PATHOLOGICAL = {
    "many containers": (MUTATOR_PATH, pods(container(), *many(N // 3))),
    "many variables": (MUTATOR_PATH, pods(container(env=many(N // 4, value="v")))),
    "many volumes": (MUTATOR_PATH, pods(container(), uri="oci://m", volumes=many(N // 3))),
    "many init containers": (MUTATOR_PATH, pods(container(), initContainers=many(N // 5, args=["x"]))),
    "a URI without end": (MUTATOR_PATH, pods(container(), uri="x" * 1_000_000)),
    "containers to default": (DEFAULTER_PATH, service({"containers": many(N // 3)})),
    "containers to judge": (
        VALIDATOR_PATH,
        service({"containers": many(N // 8, resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}})}),
    ),
    "canaries": (VALIDATOR_PATH, service(model(), canary=CANARIES, annotations=STANDARD)),
    "canaries that are none": (
        VALIDATOR_PATH,
        service(model(), canary=[{"predictor": {"name": "c", "model": 1}} for _ in range(N // 5)]),
    ),
    "wrong metrics": (
        VALIDATOR_PATH,
        service({**model(), "autoScaling": {"metrics": [{"type": "x"}] * (N // 3)}}, annotations=STANDARD),
    ),
    "sources": (
        VALIDATOR_PATH,
        service(
            {"model": {"modelFormat": {"name": "x"}}, "storageUris": [{"uri": "pvc://c", "mountPath": "/m"}] * (N // 4)}
        ),
    ),
    "annotations without end": (
        VALIDATOR_PATH,
        service(model(), annotations=dict.fromkeys(NETWORKING, "a," * 200_000)),
    ),
    "a name without end": (VALIDATOR_PATH, service(model(), name="a-" * 500_000)),
    "formats": (
        "/validate-serving-kserve-io-v1alpha1-servingruntime",
        runtime("r", *[fmt(f"f{number}") for number in range(N // 6)]),
    ),
    "a graph in one line": (
        "/validate-serving-kserve-io-v1alpha1-inferencegraph",
        {
            "metadata": {"name": "g"},
            "spec": {
                "nodes": {
                    f"n{number}": {"routerType": "Sequence", "steps": [{"nodeName": f"n{number + 1}"}]}
                    for number in range(N // 6)
                }
            },
        },
    ),
    "a graph that leads nowhere": (
        "/validate-serving-kserve-io-v1alpha1-inferencegraph",
        {
            "metadata": {"name": "g"},
            "spec": {
                "nodes": {
                    f"n{number}": {"routerType": "Sequence", "steps": [{"nodeName": f"x{number}"}]}
                    for number in range(N // 6)
                }
            },
        },
    ),
}


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "guarded"])
@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_it_is_decided_soon(name: str, guarded: bool) -> None:
    path, obj = PATHOLOGICAL[name]
    body = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
    asked = {"uid": "u", "operation": "CREATE", "namespace": "default", "object": obj}
    resource = {"resource": path.rpartition("-")[2] + "s"} if "serving" in path else {"resource": "pods"}
    text = orjson.dumps(body | {"request": asked | {"resource": resource}})
    webhook, seen = HOOKS[path], view(guarded=guarded)
    started = time.process_time()
    request = review.decode(text)
    if isinstance(webhook, Mutating):
        if webhook.needs is not None:
            webhook.needs(request, seen)
        made = webhook.mutate(request, seen)
        answer = made.object if isinstance(made, Mutated) else made
        if isinstance(answer, dict):
            review.allow(request, patch=json_patch(obj, answer))
    else:
        verdict = webhook.validate(request, seen)
        assert not isinstance(verdict, review.Denied)
        assert len(review.invalid(request, verdict)) < 300_000
    assert time.process_time() - started < SECONDS
