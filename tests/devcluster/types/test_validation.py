"""What built-in kinds refuse, in the words of kube-apiserver 1.34."""

from typing import Any

import pytest

from kservectl.devcluster.contract import InvalidObject
from kservectl.devcluster.types import builtin_types
from kservectl.objects.metadata import Object

TYPES = builtin_types()
KINDS = {(served.kind.api_version, served.kind.kind): served.kind for served in TYPES.served()}
CONTAINER = {"name": "c", "image": "i"}
LABELS = {"app": "a"}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}
POD = "spec.template.spec"
FIRST = f"{POD}.containers[0]"


def causes(api_version: str, kind: str, given: Object, old: Object | None = None, subresource: str = "") -> list[str]:
    """Each cause as `field: message`."""
    served = KINDS[api_version, kind]
    before = None if old is None else TYPES.prepare(served, {"metadata": {"name": "x"}, **old}).object
    try:
        new = TYPES.prepare(served, {"metadata": {"name": "x"}, **given}).object
        TYPES.validate(served, new, before, subresource=subresource)
    except InvalidObject as error:
        return [f"{cause.field}: {cause.message}" for cause in error.causes]
    return []


def deployment(pod: Object | None = None, **spec: Any) -> Object:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [CONTAINER], **(pod or {})}}
    return {"spec": {"selector": {"matchLabels": LABELS}, "template": template, **spec}}


def of_deployment(given: Object, old: Object | None = None) -> list[str]:
    return causes("apps/v1", "Deployment", given, old)


def of_container(**given: Any) -> list[str]:
    volumes = [{"name": "v", "emptyDir": {}}]
    return of_deployment(deployment({"containers": [{**CONTAINER, **given}], "volumes": volumes}))


def test_a_plain_deployment_is_valid() -> None:
    assert of_deployment(deployment()) == []
    assert of_deployment(deployment(replicas=2), deployment()) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ports": [{"containerPort": 0}]}, f"{FIRST}.ports[0].containerPort: Required value"),
        ({"ports": [{"containerPort": 70000}]},
         f"{FIRST}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"),
        ({"ports": [{"containerPort": 1, "protocol": "X"}]},
         f'{FIRST}.ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"'),
        ({"ports": [{"containerPort": 1, "name": "a"}, {"containerPort": 2, "name": "a"}]},
         f'{FIRST}.ports[1].name: Duplicate value: "a"'),
        ({"ports": [{"containerPort": 1, "name": "abcdefghijklmnop"}]},
         f'{FIRST}.ports[0].name: Invalid value: "abcdefghijklmnop": must be no more than 15 characters'),
        ({"image": ""}, f"{FIRST}.image: Required value"),
        ({"imagePullPolicy": "X"},
         f'{FIRST}.imagePullPolicy: Unsupported value: "X": supported values: "Always", "IfNotPresent", "Never"'),
        ({"volumeMounts": [{"name": "nope", "mountPath": "/a"}]},
         f'{FIRST}.volumeMounts[0].name: Not found: "nope"'),
        ({"volumeMounts": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]},
         f'{FIRST}.volumeMounts[1].mountPath: Invalid value: "/a": must be unique'),
        ({"volumeMounts": [{"name": "v", "mountPath": "/a", "subPath": "../b"}]},
         f"{FIRST}.volumeMounts[0].subPath: Invalid value: \"../b\": must not contain '..'"),
        ({"readinessProbe": {}}, f"{FIRST}.readinessProbe: Required value: must specify a handler type"),
        ({"readinessProbe": {"httpGet": {"port": 1}, "tcpSocket": {"port": 1}}},
         f"{FIRST}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"),
        ({"livenessProbe": {"tcpSocket": {"port": 1}, "successThreshold": 2}},
         f"{FIRST}.livenessProbe.successThreshold: Invalid value: 2: must be 1"),
        ({"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
         f'{FIRST}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'),
        ({"resources": {"requests": {"nvidia.com/gpu": "1"}}},
         f"{FIRST}.resources.limits: Required value: Limit must be set for non overcommitable resources"),
        ({"resources": {"limits": {"nvidia.com/gpu": "500m"}}},
         f'{FIRST}.resources.limits[nvidia.com/gpu]: Invalid value: "500m": must be an integer'),
        ({"env": [{"name": "A=B"}]},
         f'{FIRST}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable '
         "ASCII characters other than '='"),
        ({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
         f'{FIRST}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'),
    ],
)  # fmt: skip
def test_a_container(given: Object, expected: str) -> None:
    assert of_container(**given) == [expected]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"containers": []}, f"{POD}.containers: Required value"),
        ({"containers": [CONTAINER, CONTAINER]}, f'{POD}.containers[1].name: Duplicate value: "c"'),
        ({"initContainers": [CONTAINER]}, f'{POD}.initContainers[0].name: Duplicate value: "c"'),
        ({"initContainers": [{"name": "i", "image": "i", "readinessProbe": {"tcpSocket": {"port": 1}}}]},
         f"{POD}.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without "
         "restartPolicy=Always"),
        ({"restartPolicy": "Never"},
         f'{POD}.restartPolicy: Unsupported value: "Never": supported values: "Always"'),
        ({"volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]},
         f'{POD}.volumes[1].name: Duplicate value: "v"'),
        ({"volumes": [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]},
         f"{POD}.volumes[0].secret: Forbidden: may not specify more than 1 volume type"),
        ({"volumes": [{"name": "v", "secret": {}}]}, f"{POD}.volumes[0].secret.secretName: Required value"),
        ({"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 1}]},
         f"{POD}.tolerations[0].effect: Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set"),
        ({"tolerations": [{"effect": "NoSchedule"}]},
         f'{POD}.tolerations[0].operator: Invalid value: "": operator must be Exists when `key` is empty, which means '
         '"match all values and all keys"'),
    ],
)  # fmt: skip
def test_a_pod_template(given: Object, expected: str) -> None:
    assert of_deployment(deployment(given)) == [expected]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"replicas": -1}, ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]),
        ({"selector": None},
         ["spec.selector: Required value",
          'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`']),
        ({"selector": {"matchLabels": {"app": "b"}}},
         ['spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`']),
        ({"selector": {}}, ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"]),
        ({"strategy": {"type": "Recreate", "rollingUpdate": {}}},
         ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]),
        ({"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
         ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"]),
    ],
)  # fmt: skip
def test_a_deployment(given: Object, expected: list[str]) -> None:
    assert of_deployment(deployment(**given)) == expected


def test_the_selector_of_a_deployment_does_not_change() -> None:
    other = deployment(selector={"matchExpressions": [{"key": "app", "operator": "Exists"}]})
    assert of_deployment(other, deployment()) == [
        'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"Exists"}]}: field is immutable'
    ]


def test_a_write_to_the_status_is_not_judged_by_the_spec() -> None:
    assert causes("apps/v1", "Deployment", deployment(replicas=-1), subresource="status") == []


def test_a_pod_keeps_its_spec_but_for_images() -> None:
    old = {"spec": {"containers": [CONTAINER]}}
    assert (
        causes("v1", "Pod", {"spec": {"containers": [{**CONTAINER, "image": "j", "imagePullPolicy": "Always"}]}}, old)
        == []
    )
    changed = causes("v1", "Pod", {"spec": {"containers": [{**CONTAINER, "command": ["x"]}]}}, old)
    assert [text.partition(",")[0] for text in changed] == [
        "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
    ]


def test_a_job_ends_and_keeps_its_template() -> None:
    template = {"spec": {"containers": [CONTAINER], "restartPolicy": "Never"}}
    assert causes("batch/v1", "Job", {"spec": {"template": template}}) == []
    always = {"spec": {"containers": [CONTAINER]}}
    assert causes("batch/v1", "Job", {"spec": {"template": always}}) == [
        f'{POD}.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    ]
    other = {"spec": {"containers": [{**CONTAINER, "image": "j"}], "restartPolicy": "Never"}}
    changed = causes("batch/v1", "Job", {"spec": {"template": other}}, {"spec": {"template": template}})
    assert len(changed) == 1
    assert changed[0].startswith("spec.template: Invalid value")
    assert changed[0].endswith("field is immutable")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ports": []}, "spec.ports: Required value"),
        ({"ports": [{"port": 80}, {"port": 81, "name": "a"}]}, "spec.ports[0].name: Required value"),
        ({"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]}, 'spec.ports[1].name: Duplicate value: "a"'),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"),
        ({"type": "X", "ports": [{"port": 1}]},
         'spec.type: Unsupported value: "X": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
        ({"type": "ExternalName"}, "spec.externalName: Required value"),
    ],
)  # fmt: skip
def test_a_service(spec: Object, expected: str) -> None:
    assert expected in causes("v1", "Service", {"spec": spec})


def test_a_service_keeps_its_address() -> None:
    old: Object = {"spec": {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [{"port": 80}]}}
    new: Object = {"spec": {**old["spec"], "clusterIP": "10.0.0.2", "clusterIPs": ["10.0.0.2"]}}
    assert causes("v1", "Service", new, old) == [
        'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"maxReplicas": 0}, "spec.maxReplicas: Invalid value: 0: must be greater than 0"),
        ({"maxReplicas": 1, "minReplicas": 2},
         "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`"),
        ({"maxReplicas": 1, "scaleTargetRef": {"kind": "A", "name": "b"}},
         'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group'),
        ({"maxReplicas": 1, "metrics": [{"type": "Resource"}]},
         "spec.metrics[0].resource: Required value: must populate information for the given metric source"),
        ({"maxReplicas": 1, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 4000}}},
         "spec.behavior.scaleDown.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600"),
        ({"maxReplicas": 1, "behavior": {"scaleUp": {"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1}]}}},
         "spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero"),
    ],
)  # fmt: skip
def test_an_autoscaler(spec: Object, expected: str) -> None:
    found = causes("autoscaling/v2", "HorizontalPodAutoscaler", {"spec": {"scaleTargetRef": TARGET, **spec}})
    assert expected in found


def test_an_ingress() -> None:
    assert causes("networking.k8s.io/v1", "Ingress", {"spec": {}}) == [
        "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"
    ]
    backend = {"service": {"name": "s", "port": {"number": 80}}}
    path = {"path": "x", "pathType": "Prefix", "backend": backend}
    assert causes("networking.k8s.io/v1", "Ingress", {"spec": {"rules": [{"http": {"paths": [path]}}]}}) == [
        'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path'
    ]


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_what_is_immutable_stays_so_and_stays_as_it_is(kind: str) -> None:
    old = {"data": {"a": "YQ=="}, "immutable": True}
    assert causes("v1", kind, {"data": {"a": "Yg=="}, "immutable": True}, old) == [
        "data: Forbidden: field is immutable when `immutable` is set"
    ]
    assert causes("v1", kind, {"data": {"a": "YQ=="}}, old) == [
        "immutable: Forbidden: field is immutable when `immutable` is set"
    ]


def test_a_config_map_has_a_size_and_keys() -> None:
    assert causes("v1", "ConfigMap", {"data": {"a": "x" * (1024 * 1024 + 1)}}) == [
        ": Too long: may not be more than 1048576 bytes"
    ]
    assert [text.partition(":")[0] for text in causes("v1", "ConfigMap", {"data": {"a/b": ""}})] == ["data[a/b]"]


def test_a_secret_has_the_keys_of_its_type() -> None:
    assert causes("v1", "Secret", {"type": "kubernetes.io/tls"}) == [
        "data[tls.crt]: Required value",
        "data[tls.key]: Required value",
    ]


def test_a_claim() -> None:
    assert causes("v1", "PersistentVolumeClaim", {"spec": {}}) == [
        "spec.accessModes: Required value: at least 1 access mode is required",
        "spec.resources[storage]: Required value",
    ]


def test_a_lease() -> None:
    assert causes("coordination.k8s.io/v1", "Lease", {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}}) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ]


def test_a_webhook_configuration() -> None:
    webhook = {"name": "abc", "clientConfig": {}, "timeoutSeconds": 60}
    found = causes("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", {"webhooks": [webhook]})
    assert set(found) == {
        'webhooks[0].name: Invalid value: "abc": should be a domain with at least three segments separated by dots',
        "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun",
        "webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1",
        "webhooks[0].timeoutSeconds: Invalid value: 60: the timeout value must be between 1 and 30 seconds",
        "webhooks[0].clientConfig: Required value: exactly one of url or service is required",
    }


def test_a_role_binding_keeps_its_role() -> None:
    def bound(name: str) -> Object:
        return {"roleRef": {"kind": "Role", "name": name}}

    found = causes("rbac.authorization.k8s.io/v1", "RoleBinding", bound("b"), bound("a"))
    assert [text.rpartition(": ")[2] for text in found] == ["cannot change roleRef"]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"name": ""}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "", "generateName": "x-"}, []),
        ({"labels": {"a": "b c"}}, ["metadata.labels"]),
        ({"labels": {"a b": "c"}}, ["metadata.labels"]),
        ({"annotations": {"a b": "c"}}, ["metadata.annotations"]),
        ({"annotations": {"a": "c" * 300_000}}, ["metadata.annotations: Too long: may not be more than 262144 bytes"]),
        ({"finalizers": ["plain"]}, ["metadata.finalizers[0]"]),
        ({"finalizers": ["example.com/f", "foregroundDeletion"]}, []),
        ({"name": "Upper"}, ["metadata.name"]),
        ({"name": "dots.are.fine"}, []),
    ],
)  # fmt: skip
def test_metadata(metadata: Object, expected: list[str]) -> None:
    found = causes("v1", "ConfigMap", {"metadata": {"name": "x", **metadata}})
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("api_version", "kind", "name", "valid"),
    [
        ("v1", "Service", "1a", False),
        ("v1", "Namespace", "a.b", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "system:node", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "a/b", False),
    ],
)
def test_names_follow_the_rules_of_their_kind(api_version: str, kind: str, name: str, valid: bool) -> None:
    spec = {"ports": [{"port": 80}]} if kind == "Service" else {}
    given = {"metadata": {"name": name}, **({"spec": spec} if spec else {})}
    assert (causes(api_version, kind, given) == []) == valid


def test_an_object_has_one_controller() -> None:
    owners = [{"apiVersion": "v1", "kind": "Pod", "name": n, "uid": n, "controller": True} for n in "ab"]
    found = causes("v1", "ConfigMap", {"metadata": {"name": "x", "ownerReferences": owners}})
    assert [text.rpartition(": ")[2] for text in found] == [
        'Only one reference can have Controller set to true. Found "true" in references for Pod/a and Pod/b'
    ]


def test_identity_does_not_change() -> None:
    old = {"metadata": {"name": "x", "uid": "1"}}
    assert causes("v1", "ConfigMap", {"metadata": {"name": "x", "uid": "2"}}, old) == [
        'metadata.uid: Invalid value: "2": field is immutable'
    ]


def test_no_finalizer_comes_to_an_object_that_is_being_deleted() -> None:
    old = {"metadata": {"name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a.io/a"]}}
    new = {"metadata": {**old["metadata"], "finalizers": ["a.io/a", "b.io/b"]}}
    assert causes("v1", "ConfigMap", new, old) == [
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new "
        'finalizers []string{"b.io/b"}'
    ]
