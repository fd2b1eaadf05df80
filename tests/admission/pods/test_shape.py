"""Pods that no API server would send."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.admission.pods.handler import webhooks
from kservectl.admission.pods.shape import malformed_field
from kservectl.admission.review import Denied, MalformedReview, decode
from kservectl.admission.server import Mutated, Mutating
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView
from tests.admission.pods.samples import INTERNAL, SIZES, SOURCE, container, pod
from tests.admission.serving import review
from tests.modelstorage.pods import config

(WEBHOOK,) = webhooks("kserve")
assert isinstance(WEBHOOK, Mutating)
LABEL = {"serving.kserve.io/inferenceservice": "x"}


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        ({"spec": "x"}, "spec"),
        ({"spec": {"containers": {}}}, "spec.containers"),
        ({"spec": {"containers": [1]}}, "spec.containers[0]"),
        ({"spec": {"containers": [{"name": 1}]}}, "spec.containers[0]"),
        ({"spec": {"initContainers": [{"env": [1]}]}}, "spec.initContainers[0].env[0]"),
        ({"spec": {"containers": [{"volumeMounts": 1}]}}, "spec.containers[0].volumeMounts"),
        ({"spec": {"containers": [{"args": [1]}]}}, "spec.containers[0].args"),
        ({"spec": {"containers": [{"resources": {"limits": []}}]}}, "spec.containers[0].resources.limits"),
        ({"spec": {"containers": [{"readinessProbe": {"httpGet": 1}}]}}, "spec.containers[0].readinessProbe.httpGet"),
        ({"spec": {"volumes": [None]}}, "spec.volumes[0]"),
        ({"spec": {"nodeSelector": "x"}}, "spec.nodeSelector"),
    ],
)
def test_the_first_field_of_a_wrong_type_is_named(odd: Object, field: str) -> None:
    assert malformed_field(odd) == field


def test_ordinary_pods_have_the_right_types() -> None:
    for good in ({}, pod(), pod(container(env=None, volumeMounts=[]), uri="gs://b/m"), {"spec": {"containers": None}}):
        assert malformed_field(good) == ""


MEMBERS = [
    *("name", "env", "ports", "readinessProbe", "tcpSocket", "resources", "securityContext", "args", "value"),
    *("containers", "volumeMounts", "limits", "mountPath", "containerPort"),
]
odd_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["kserve-container", "queue-proxy", "x", "true"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(MEMBERS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
notes = st.fixed_dictionaries(
    {},
    optional={
        SOURCE: st.sampled_from(["gs://b/m", "pvc://c", "oci://i"]) | odd_values,
        **{INTERNAL + name: st.just("true") | odd_values for name in ("logger", "agent", "batcher", "modelDir")},
        "serving.kserve.io/enable-metric-aggregation": st.just("true"),
        "sidecar.istio.io/status": st.just('{"containers": [1]}'),
        "sidecar.istio.io/interceptionMode": st.just("REDIRECT"),
    },
)
FIELDS = ["containers", "initContainers", "volumes", "imagePullSecrets", "serviceAccountName", "nodeSelector"]


@settings(deadline=None, max_examples=300)
@given(
    spec=st.dictionaries(st.sampled_from(FIELDS), odd_values) | odd_values,
    annotations=notes | odd_values,
    more=st.dictionaries(st.sampled_from(["name", "namespace", "generateName"]), odd_values),
)
def test_any_json_gets_an_answer(spec: Any, annotations: Any, more: Any) -> None:
    assert isinstance(WEBHOOK, Mutating) and WEBHOOK.needs is not None
    odd = {"metadata": {"labels": LABEL, "annotations": annotations} | more, "spec": spec}
    meta = {"name": "inferenceservice-config", "namespace": "kserve"}
    data = config(storageInitializer=SIZES | {"enableModelcar": True}, agent=SIZES)._data
    configuration = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
    view = StaticView([configuration], kinds=[CONFIG_MAP], now=datetime(2026, 1, 1, tzinfo=UTC))
    try:
        request = decode(orjson.dumps(review(odd)))
    except MalformedReview:
        return
    assert not isinstance(WEBHOOK.needs(request, view), str)
    answer = WEBHOOK.mutate(request, view)
    assert isinstance(answer, Mutated | Denied | dict)
    if isinstance(answer, Denied):
        assert answer.message
