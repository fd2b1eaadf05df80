"""The ConfigMap `inferenceservice-config` of a new installation.

The values are those that KServe ships, but for two: services are plain Deployments unless they ask for something else
(KServe ships `Serverless`), and they are exposed through Gateway API (KServe ships Ingress), as KServe's documentation
recommends. The keys `networkPolicy` and `securityPolicy` are not KServe's; they are off.
"""

import json
from collections.abc import Mapping
from typing import Any

from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.manifests.names import GATEWAY, IMAGE, NAMESPACE, PART_OF, STORAGE_INITIALIZER_IMAGE
from kservectl.objects.metadata import Object

_AGENT_IMAGE = "kserve/agent:latest"
_SMALL = {"memoryRequest": "100Mi", "memoryLimit": "1Gi", "cpuRequest": "100m", "cpuLimit": "1"}

_VALUES: Mapping[str, Mapping[str, Any]] = {
    "agent": {"image": _AGENT_IMAGE, **_SMALL},
    "autoscaler": {"scaleUpStabilizationWindowSeconds": "0", "scaleDownStabilizationWindowSeconds": "300"},
    "batcher": {
        "image": _AGENT_IMAGE,
        "memoryRequest": "1Gi",
        "memoryLimit": "1Gi",
        "cpuRequest": "1",
        "cpuLimit": "1",
        "maxBatchSize": "32",
        "maxLatency": "5000",
    },
    "credentials": {
        "storageSpecSecretName": "storage-config",
        "storageSecretNameAnnotation": "serving.kserve.io/storageSecretName",
        "gcs": {"gcsCredentialFileName": "gcloud-application-credentials.json"},
        "s3": {
            "s3AccessKeyIDName": "AWS_ACCESS_KEY_ID",
            "s3SecretAccessKeyName": "AWS_SECRET_ACCESS_KEY",
            "s3Endpoint": "",
            "s3UseHttps": "",
            "s3Region": "",
            "s3VerifySSL": "",
            "s3UseVirtualBucket": "",
            "s3UseAccelerate": "",
            "s3UseAnonymousCredential": "",
            "s3CABundleConfigMap": "",
            "s3CABundle": "",
        },
    },
    "deploy": {"defaultDeploymentMode": "Standard"},
    "explainers": {"art": {"image": "kserve/art-explainer", "defaultImageVersion": "latest"}},
    "inferenceService": {
        "resource": {"cpuLimit": "1", "memoryLimit": "2Gi", "cpuRequest": "1", "memoryRequest": "2Gi"}
    },
    "ingress": {
        "enableGatewayApi": True,
        "kserveIngressGateway": f"{NAMESPACE}/{GATEWAY}",
        "ingressGateway": "knative-serving/knative-ingress-gateway",
        "localGateway": "knative-serving/knative-local-gateway",
        "localGatewayService": "knative-local-gateway.istio-system.svc.cluster.local",
        "ingressDomain": "example.com",
        "ingressClassName": "istio",
        "domainTemplate": "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}",
        "urlScheme": "http",
        "disableIstioVirtualHost": False,
        "disableIngressCreation": False,
        "disableHTTPRouteTimeout": False,
    },
    "localModel": {
        "enabled": False,
        "jobNamespace": "kserve-localmodel-jobs",
        "defaultJobImage": STORAGE_INITIALIZER_IMAGE,
        "fsGroup": 1000,
        "jobTTLSecondsAfterFinished": 3600,
        "reconcilationFrequencyInSecs": 60,
        "disableVolumeManagement": False,
    },
    "logger": {"image": _AGENT_IMAGE, **_SMALL, "defaultUrl": "http://default-broker"},
    "metricsAggregator": {"enableMetricAggregation": "false", "enablePrometheusScraping": "false"},
    "networkPolicy": {
        "enabled": False,
        "gatewayNamespaces": ["envoy-gateway-system"],
        "monitoringNamespaces": ["monitoring"],
        "allowNamespaces": [],
        "allowSameNamespace": False,
        "allowFrom": [],
    },
    "opentelemetryCollector": {
        "scrapeInterval": "5s",
        "metricReceiverEndpoint": "keda-otel-scaler.keda.svc:4317",
        "metricScalerEndpoint": "keda-otel-scaler.keda.svc:4318",
        "resource": {"cpuLimit": "1", "memoryLimit": "2Gi", "cpuRequest": "200m", "memoryRequest": "512Mi"},
    },
    "router": {"image": IMAGE, **_SMALL, "imagePullPolicy": "IfNotPresent"},
    "security": {"autoMountServiceAccountToken": True},
    "securityPolicy": {
        "validationActions": ["Deny"],
        "exemptNamespaces": [],
        "allowedRegistries": [],
        "allowedUriSchemes": [],
        "requiredLimits": [],
        "defaultSecurityContext": "",
        "policies": [],
    },
    "storageInitializer": {
        "image": STORAGE_INITIALIZER_IMAGE,
        **_SMALL,
        "caBundleConfigMapName": "",
        "caBundleVolumeMountPath": "/etc/ssl/custom-certs",
        "enableModelcar": True,
        "cpuModelcar": "10m",
        "memoryModelcar": "15Mi",
        "uidModelcar": 1010,
    },
}


def config_map() -> Object:
    """The ConfigMap, each value as indented JSON."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP_NAME, "namespace": NAMESPACE, "labels": dict(PART_OF)},
        "data": {key: json.dumps(value, indent=2) + "\n" for key, value in _VALUES.items()},
    }
