"""What a stored object has that nobody sent. The expectations are answers of kube-apiserver 1.34."""

from typing import Any

import pytest

from kservectl.devcluster.types import builtin_types
from kservectl.devcluster.types.pod_defaults import pull_policy
from kservectl.objects.metadata import Object

TYPES = builtin_types()
KINDS = {(served.kind.api_version, served.kind.kind): served.kind for served in TYPES.served()}
CONTAINER = {"name": "c", "image": "i:1"}
TEMPLATE = {"spec": {"containers": [CONTAINER]}}
CONTAINER_DEFAULTS = {
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
TEMPLATE_DEFAULTS = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}


def stored(api_version: str, kind: str, **parts: Any) -> Object:
    return TYPES.prepare(
        KINDS[api_version, kind], {"metadata": {"name": "x"}, **parts}, field_validation="Strict"
    ).object


def spec(api_version: str, kind: str, **given: Any) -> Any:
    return stored(api_version, kind, spec=given)["spec"]


def pod(**given: Any) -> Any:
    return spec("v1", "Pod", **{"containers": [CONTAINER], **given})


def container(**given: Any) -> Any:
    return pod(containers=[{**CONTAINER, **given}])["containers"][0]


def test_a_deployment() -> None:
    assert spec("apps/v1", "Deployment", template=TEMPLATE) == {
        "progressDeadlineSeconds": 600,
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
        "template": {
            "metadata": {},
            "spec": {"containers": [{**CONTAINER, **CONTAINER_DEFAULTS}], **TEMPLATE_DEFAULTS},
        },
    }


def test_a_strategy_that_is_given_in_part() -> None:
    given = spec("apps/v1", "Deployment", template=TEMPLATE, strategy={"rollingUpdate": {"maxSurge": 1}})
    assert given["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}
    given = spec("apps/v1", "Deployment", template=TEMPLATE, strategy={"type": "Recreate"})
    assert given["strategy"] == {"type": "Recreate"}


def test_a_pod() -> None:
    given = pod()
    tolerations = given.pop("tolerations")
    assert [(t["key"], t["effect"], t["tolerationSeconds"]) for t in tolerations] == [
        ("node.kubernetes.io/not-ready", "NoExecute", 300),
        ("node.kubernetes.io/unreachable", "NoExecute", 300),
    ]
    assert given == {
        "containers": [{**CONTAINER, **CONTAINER_DEFAULTS}],
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "serviceAccount": "default",
        "serviceAccountName": "default",
        **TEMPLATE_DEFAULTS,
    }


def test_a_pod_that_tolerates_everything_gets_no_more_tolerations() -> None:
    assert pod(tolerations=[{"operator": "Exists"}])["tolerations"] == [{"operator": "Exists"}]


def test_limits_are_the_requests_of_a_pod_that_has_none() -> None:
    given = container(resources={"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}})
    assert given["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("localhost:5000/nginx", "Always"),
        ("localhost:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:" + "a" * 64, "IfNotPresent"),
        ("", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_a_probe() -> None:
    assert container(readinessProbe={"httpGet": {"port": 80}})["readinessProbe"] == {
        "failureThreshold": 3,
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "periodSeconds": 10,
        "successThreshold": 1,
        "timeoutSeconds": 1,
    }


def test_ports_and_sources_of_variables() -> None:
    given = container(
        ports=[{"containerPort": 80}],
        env=[
            {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "B", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        ],
    )
    assert given["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert given["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert given["env"][1]["valueFrom"]["resourceFieldRef"]["divisor"] == "0"


def test_volumes() -> None:
    volumes = [
        {"name": "a"},
        {"name": "b", "secret": {"secretName": "s"}},
        {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "d", "hostPath": {"path": "/x"}},
    ]
    assert pod(volumes=volumes)["volumes"] == [
        {"name": "a", "emptyDir": {}},
        {"name": "b", "secret": {"secretName": "s", "defaultMode": 420}},
        {
            "name": "c",
            "projected": {
                "defaultMode": 420,
                "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
            },
        },
        {"name": "d", "hostPath": {"path": "/x", "type": ""}},
    ]


def test_values_that_say_nothing_are_not_stored() -> None:
    given = pod(hostNetwork=False, nodeSelector={}, tolerations=[], automountServiceAccountToken=False)
    assert "hostNetwork" not in given
    assert "nodeSelector" not in given
    assert given["automountServiceAccountToken"] is False
    mounted = container(volumeMounts=[{"name": "v", "mountPath": "/v", "readOnly": False}], args=[], tty=False)
    assert mounted["volumeMounts"] == [{"name": "v", "mountPath": "/v"}]
    assert not {"args", "tty"} & mounted.keys()


def test_quantities_are_stored_in_their_canonical_form() -> None:
    given = container(resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}})
    assert given["resources"]["limits"] == {"cpu": "500m", "memory": "1Gi"}


def test_times_are_stored_with_the_precision_of_their_type() -> None:
    lease = spec("coordination.k8s.io/v1", "Lease", renewTime="2026-01-01T00:00:00.5Z")
    assert lease["renewTime"] == "2026-01-01T00:00:00.500000Z"
    assert (
        stored("v1", "Event", firstTimestamp="2026-01-01T01:00:00.5+01:00")["firstTimestamp"] == "2026-01-01T00:00:00Z"
    )


def test_a_service() -> None:
    assert spec("v1", "Service", selector={"a": "b"}, ports=[{"port": 80}]) == {
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "selector": {"a": "b"},
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }


def test_services_of_other_types() -> None:
    outside = spec("v1", "Service", type="ExternalName", externalName="a.example.com")
    assert outside == {"type": "ExternalName", "externalName": "a.example.com", "sessionAffinity": "None"}
    balanced = spec("v1", "Service", type="LoadBalancer", sessionAffinity="ClientIP", ports=[{"port": 80}])
    assert balanced["externalTrafficPolicy"] == "Cluster"
    assert balanced["allocateLoadBalancerNodePorts"] is True
    assert balanced["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    headless = spec("v1", "Service", clusterIP="None")
    assert headless["clusterIPs"] == ["None"]
    assert headless["ipFamilyPolicy"] == "RequireDualStack"


REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}


def test_an_autoscaler_without_metrics_looks_at_the_cpu() -> None:
    given = spec("autoscaling/v2", "HorizontalPodAutoscaler", maxReplicas=3, scaleTargetRef=REFERENCE)
    target = {"type": "Utilization", "averageUtilization": 80}
    assert given["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    assert given["minReplicas"] == 1
    assert "behavior" not in given


def test_the_behavior_of_an_autoscaler_is_filled_in_once_given() -> None:
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    given = spec("autoscaling/v2", "HorizontalPodAutoscaler", maxReplicas=3, scaleTargetRef=REFERENCE, behavior={})
    assert given["behavior"] == {
        "scaleDown": {"selectPolicy": "Max", "policies": [percent]},
        "scaleUp": {
            "selectPolicy": "Max",
            "stabilizationWindowSeconds": 0,
            "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent],
        },
    }


@pytest.mark.parametrize(
    ("given", "completions", "parallelism"),
    [({}, 1, 1), ({"parallelism": 2}, None, 2), ({"completions": 3}, 3, 1)],
)
def test_a_job(given: Object, completions: int | None, parallelism: int) -> None:
    job = spec("batch/v1", "Job", template=TEMPLATE, **given)
    assert (job.get("completions"), job["parallelism"], job["backoffLimit"]) == (completions, parallelism, 6)
    assert (job["completionMode"], job["suspend"]) == ("NonIndexed", False)


def test_the_texts_of_a_secret_become_its_data() -> None:
    secret = stored("v1", "Secret", stringData={"a": "b"}, data={"c": "ZA=="})
    assert secret["data"] == {"a": "Yg==", "c": "ZA=="}
    assert "stringData" not in secret
    assert secret["type"] == "Opaque"


def test_webhooks() -> None:
    given: Object = {"name": "a.b.c", "clientConfig": {"service": {"name": "s", "namespace": "n"}}, "rules": [{}]}
    mutating = stored("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", webhooks=[given])["webhooks"][
        0
    ]
    assert mutating == {
        "name": "a.b.c",
        "clientConfig": {"service": {"name": "s", "namespace": "n", "port": 443}},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "namespaceSelector": {},
        "objectSelector": {},
        "reinvocationPolicy": "Never",
        "rules": [{"scope": "*"}],
        "timeoutSeconds": 10,
    }
    validating = stored("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", webhooks=[given])
    assert "reinvocationPolicy" not in validating["webhooks"][0]


def test_a_definition() -> None:
    given = spec("apiextensions.k8s.io/v1", "CustomResourceDefinition", names={"kind": "FooBar", "plural": "foobars"})
    assert given["names"] == {"kind": "FooBar", "listKind": "FooBarList", "plural": "foobars", "singular": "foobar"}
    assert given["conversion"] == {"strategy": "None"}


@pytest.mark.parametrize(
    ("api_version", "kind", "given", "defaults"),
    [
        ("v1", "Namespace", {}, {"status": {"phase": "Active"}}),
        ("v1", "PersistentVolumeClaim", {}, {"spec": {"resources": {}, "volumeMode": "Filesystem"}}),
        ("storage.k8s.io/v1", "StorageClass", {"provisioner": "p"},
         {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"}),
        ("scheduling.k8s.io/v1", "PriorityClass", {"value": 1}, {"preemptionPolicy": "PreemptLowerPriority"}),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", {"roleRef": {"kind": "Role", "name": "r"}},
         {"roleRef": {"kind": "Role", "name": "r", "apiGroup": "rbac.authorization.k8s.io"}}),
        ("networking.k8s.io/v1", "NetworkPolicy", {"spec": {"egress": [{}]}},
         {"spec": {"egress": [{}], "podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}),
        ("discovery.k8s.io/v1", "EndpointSlice", {"ports": [{"port": 1}]},
         {"ports": [{"port": 1, "name": "", "protocol": "TCP"}]}),
        ("v1", "LimitRange", {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}},
         {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}, "default": {"cpu": "2"},
                               "defaultRequest": {"cpu": "2"}}]}}),
    ],
)  # fmt: skip
def test_other_kinds(api_version: str, kind: str, given: Object, defaults: Object) -> None:
    assert defaults.items() <= stored(api_version, kind, **given).items()
