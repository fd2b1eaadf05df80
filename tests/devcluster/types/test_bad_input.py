"""Whatever a client sends, the type system answers with an object or with one of its own refusals."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kservectl.devcluster.contract import PatchType, RefusedByTypes
from kservectl.devcluster.types import builtin_types, schemaless_definitions
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LABELS = {"app": "a"}
PROBE = {"httpGet": {"port": 80}, "periodSeconds": 5}
CONTAINER: Object = {
    "name": "c",
    "image": "i",
    "args": ["a"],
    "env": [{"name": "A", "value": "b"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    "ports": [{"containerPort": 80, "name": "http"}],
    "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "500m"}},
    "readinessProbe": PROBE,
    "volumeMounts": [{"name": "v", "mountPath": "/v"}],
}
POD_SPEC: Object = {
    "containers": [CONTAINER],
    "volumes": [{"name": "v", "configMap": {"name": "c"}}],
    "tolerations": [{"key": "k", "operator": "Exists"}],
    "nodeSelector": {"a": "b"},
}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
TARGET = {"type": "Utilization", "averageUtilization": 80}
BACKEND = {"service": {"name": "s", "port": {"number": 80}}}
SAMPLES: list[Object] = [
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": POD_SPEC},
    {"apiVersion": "apps/v1", "kind": "Deployment",
     "metadata": {"name": "x", "labels": LABELS, "finalizers": ["a.io/f"],
                  "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"}]},
     "spec": {"selector": {"matchLabels": LABELS}, "template": TEMPLATE, "strategy": {"rollingUpdate": {"maxSurge": 1}}}},
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"},
     "spec": {"ports": [{"port": 80, "targetPort": "http"}], "selector": LABELS}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "stringData": {"a": "b"}, "data": {"c": "ZA=="}},
    {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x"},
     "spec": {"template": {"spec": {**POD_SPEC, "restartPolicy": "Never"}}}},
    {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"},
     "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
              "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1}]}},
              "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": TARGET}}]}},
    {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "x"},
     "spec": {"rules": [{"host": "a.b", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}]}},
    {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
     "metadata": {"name": "x"},
     "webhooks": [{"name": "a.b.c", "clientConfig": {"url": "https://a"}, "sideEffects": "None",
                   "admissionReviewVersions": ["v1"],
                   "rules": [{"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"]}]}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "x"},
     "roleRef": {"kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "u"}]},
    {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"},
     "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
    {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "x"},
     "spec": {"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": "s", "port": 80}]}]}},
]  # fmt: skip

TYPES = builtin_types()
for crd in schemaless_definitions():
    TYPES.add_definition(crd)
KINDS = {(served.kind.api_version, served.kind.kind): served.kind for served in TYPES.served()}


def kind_of(sample: Object) -> Kind:
    return KINDS[sample["apiVersion"], sample["kind"]]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, but for what says what the document is."""
    if path and path not in (("apiVersion",), ("kind",)):
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in items:
        yield from places(below, (*path, step))


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["", "x", "A b", "1Gi", "-1", "25%", "2026-01-01T00:00:00Z", "%%%", "a/b/c", "\x00"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(["name", "a", "$patch", "key", "type", "port"]), inner, max_size=2),
    ),
    max_leaves=4,
)  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> tuple[Object, Object]:
    """A sample, and the same with another value somewhere."""
    sample = draw(st.sampled_from(SAMPLES))
    path = draw(st.sampled_from(list(places(sample))))
    changed: Any = deepcopy(sample)
    node = changed
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = draw(json_values)
    return sample, changed


def stored(sample: Object) -> Object:
    prepared = TYPES.prepare(kind_of(sample), sample).object
    TYPES.validate(kind_of(sample), prepared, None)
    return TYPES.track(kind_of(sample), None, prepared, manager="a", now=NOW)


def test_the_samples_are_valid() -> None:
    for sample in SAMPLES:
        stored(sample)


@settings(max_examples=300)
@given(broken())
def test_a_broken_object_is_stored_or_refused(case: tuple[Object, Object]) -> None:
    sample, changed = case
    kind, live = kind_of(sample), stored(sample)
    try:
        new = TYPES.prepare(kind, changed).object
        TYPES.validate(kind, new, live)
    except RefusedByTypes:
        return
    tracked = TYPES.track(kind, live, new, manager="b", now=NOW)
    assert TYPES.prepare(kind, tracked).object == tracked


@settings(max_examples=300)
@given(broken())
def test_a_broken_object_is_applied_or_refused(case: tuple[Object, Object]) -> None:
    sample, changed = case
    kind = kind_of(sample)
    try:
        applied = TYPES.apply(kind, stored(sample), changed, manager="b", force=True, now=NOW)
        TYPES.validate(kind, TYPES.prepare(kind, applied).object, None)
    except RefusedByTypes:
        return


@settings(max_examples=300)
@given(broken(), st.sampled_from(["merge", "strategic"]))
def test_a_broken_patch_is_applied_or_refused(case: tuple[Object, Object], type_: PatchType) -> None:
    sample, changed = case
    kind = kind_of(sample)
    try:
        patched = TYPES.patch(kind, stored(sample), changed, type_)
        TYPES.validate(kind, TYPES.prepare(kind, patched).object, None)
    except RefusedByTypes:
        return
