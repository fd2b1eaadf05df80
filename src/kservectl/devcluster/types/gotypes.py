"""What Kubernetes' Go types know about their fields and OpenAPI does not say.

A Go field that is no pointer has no "unset": its zero value is not written (`hostNetwork: false` reads as absent), and a
struct is written as `{}`. Empty lists and maps are never written. The type system needs this to store what a real
server would store, and so to see the same fields changed. Types are named as in the API documentation.
"""

import re
from collections.abc import Mapping


def _table(text: str) -> Mapping[str, frozenset[str]]:
    """One type a line: its name, then its fields."""
    rows = (line.split() for line in text.strip().splitlines())
    return {row[0]: frozenset(row[1:]) for row in rows}


POINTER_TEXTS = _table(
    """
    ClusterTrustBundleProjection name signerName
    Container restartPolicy
    CSIDriverSpec fsGroupPolicy
    CSIVolumeSource fsType
    CustomResourceDefinitionVersion deprecationWarning
    CustomResourceSubresourceScale labelSelectorPath
    CronJobSpec timeZone
    Endpoint hostname nodeName zone
    EndpointAddress nodeName
    EndpointPort name protocol appProtocol
    GRPCAction service
    HPAScalingRules selectPolicy
    HTTPIngressPath pathType
    HostPathVolumeSource type
    IngressClassParametersReference apiGroup scope namespace
    IngressSpec ingressClassName
    JobSpec completionMode podReplacementPolicy managedBy
    JobStatus failedIndexes
    LeaseSpec holderIdentity strategy preferredHolder
    LoadBalancerIngress ipMode
    LocalVolumeSource fsType
    MutatingWebhook failurePolicy matchPolicy sideEffects reinvocationPolicy
    NetworkPolicyPort protocol
    PersistentVolumeClaimSpec storageClassName volumeMode volumeAttributesClassName
    PersistentVolumeSpec volumeMode volumeAttributesClassName
    PodDisruptionBudgetSpec unhealthyPodEvictionPolicy
    PodDNSConfigOption value
    PodResourceClaim resourceClaimName resourceClaimTemplateName
    PodSecurityContext supplementalGroupsPolicy fsGroupChangePolicy seLinuxChangePolicy
    PodSpec runtimeClassName preemptionPolicy hostnameOverride
    PriorityClass preemptionPolicy
    RuleWithOperations scope
    SeccompProfile localhostProfile
    SecurityContext procMount
    ServicePort appProtocol
    ServiceSpec ipFamilyPolicy loadBalancerClass internalTrafficPolicy trafficDistribution
    StorageClass reclaimPolicy volumeBindingMode
    TopologySpreadConstraint nodeAffinityPolicy nodeTaintsPolicy
    TypedLocalObjectReference apiGroup
    TypedObjectReference apiGroup namespace
    ValidatingWebhook failurePolicy matchPolicy sideEffects
    VolumeMount recursiveReadOnly mountPropagation
    WebhookClientConfig url
    """
)
"""Texts that keep an empty value. All other optional texts lose it."""

ZERO_IS_ABSENT = _table(
    """
    APIServiceSpec insecureSkipTLSVerify
    CSIPersistentVolumeSource readOnly
    Condition observedGeneration
    Container stdin stdinOnce tty
    ContainerImage sizeBytes
    ContainerPort hostPort
    ContainerStateTerminated signal
    CustomResourceColumnDefinition priority
    CustomResourceDefinitionSpec preserveUnknownFields
    CustomResourceDefinitionVersion deprecated
    DaemonSetSpec minReadySeconds
    DaemonSetStatus observedGeneration updatedNumberScheduled numberAvailable numberUnavailable
    DeploymentSpec minReadySeconds paused
    DeploymentStatus observedGeneration replicas updatedReplicas readyReplicas availableReplicas unavailableReplicas
    EphemeralContainer stdin stdinOnce tty
    Event count deprecatedCount
    FCVolumeSource readOnly
    ISCSIVolumeSource readOnly chapAuthDiscovery chapAuthSession
    JobStatus active succeeded failed
    NFSVolumeSource readOnly
    NodeSpec unschedulable
    ObjectMeta generation
    PersistentVolumeClaimVolumeSource readOnly
    PodCondition observedGeneration
    PodDisruptionBudgetStatus observedGeneration
    PodSpec hostNetwork hostPID hostIPC
    PodStatus observedGeneration
    PriorityClass globalDefault
    Probe initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold
    ReplicaSetSpec minReadySeconds
    ReplicaSetStatus fullyLabeledReplicas readyReplicas availableReplicas observedGeneration
    ServiceBackendPort number
    ServicePort nodePort
    ServiceSpec healthCheckNodePort publishNotReadyAddresses
    StatefulSetSpec minReadySeconds
    StatefulSetStatus observedGeneration readyReplicas currentReplicas updatedReplicas
    VolumeMount readOnly
    VolumeMountStatus readOnly
    """
)
"""Numbers and booleans whose 0 or false reads as absent."""

ALWAYS_THERE = _table(
    """
    APIService metadata spec status
    ClusterRole metadata
    ClusterRoleBinding metadata roleRef
    ConfigMap metadata
    Container resources
    ContainerStatus state lastState
    ControllerRevision metadata
    CronJob metadata spec status
    CronJobSpec jobTemplate
    CustomResourceDefinition metadata spec status
    CustomResourceDefinitionSpec names
    DaemonSet metadata spec status
    DaemonSetSpec template updateStrategy
    Deployment metadata spec status
    DeploymentSpec template strategy
    Endpoint conditions
    EndpointSlice metadata
    Endpoints metadata
    EphemeralContainer resources
    Event metadata deprecatedSource involvedObject regarding source
    HTTPIngressPath backend
    HorizontalPodAutoscaler metadata spec status
    HorizontalPodAutoscalerSpec scaleTargetRef
    Ingress metadata spec status
    IngressClass metadata spec
    IngressServiceBackend port
    IngressStatus loadBalancer
    Job metadata spec status
    JobSpec template
    JobTemplateSpec metadata spec
    Lease metadata spec
    LimitRange metadata spec
    MutatingWebhook clientConfig
    MutatingWebhookConfiguration metadata
    Namespace metadata spec status
    NetworkPolicy metadata spec
    NetworkPolicySpec podSelector
    Node metadata spec status
    PersistentVolume metadata spec status
    PersistentVolumeClaim metadata spec status
    PersistentVolumeClaimSpec resources
    PersistentVolumeClaimTemplate metadata spec
    Pod metadata spec status
    PodDisruptionBudget metadata spec status
    PodTemplateSpec metadata spec
    PriorityClass metadata
    ReplicaSet metadata spec status
    ReplicaSetSpec template
    ResourceQuota metadata spec status
    Role metadata
    RoleBinding metadata roleRef
    Secret metadata
    Service metadata spec status
    ServiceAccount metadata
    ServiceStatus loadBalancer
    StatefulSet metadata spec status
    StatefulSetSpec template updateStrategy
    StorageClass metadata
    ValidatingWebhook clientConfig
    ValidatingWebhookConfiguration metadata
    """
)
"""Structs that are written as `{}` when nobody set them."""

_QUANTITIES = _table(
    """
    ContainerStatus allocatedResources
    EmptyDirVolumeSource sizeLimit
    LimitRangeItem default defaultRequest max maxLimitRequestRatio min
    MetricTarget averageValue value
    MetricValueStatus averageValue value
    NodeStatus allocatable capacity
    PersistentVolumeClaimStatus allocatedResources capacity
    PersistentVolumeSpec capacity
    PodSpec overhead
    PodStatus allocatedResources
    ResourceFieldSelector divisor
    ResourceQuotaSpec hard
    ResourceQuotaStatus hard used
    ResourceRequirements limits requests
    VolumeResourceRequirements limits requests
    HPAScalingRules tolerance
    """
)
_BYTES = _table(
    """
    APIServiceSpec caBundle
    ConfigMap binaryData
    Secret data
    WebhookClientConfig caBundle
    """
)
_FREE = _table(
    """
    ControllerRevision data
    CustomResourceSubresources status
    JSONSchemaProps additionalItems additionalProperties default enum example items
    ManagedFieldsEntry fieldsV1
    """
)
NOT_REQUIRED = _table(
    """
    HTTPIngressPath pathType
    IngressServiceBackend name
    MutatingWebhook admissionReviewVersions sideEffects
    NetworkPolicySpec podSelector
    PolicyRule verbs
    RoleRef apiGroup
    StatefulSetSpec serviceName
    ValidatingWebhook admissionReviewVersions sideEffects
    """
)
"""Fields that OpenAPI requires and the server does not, or for which it has words of its own."""

_PREFIX = re.compile(r"^(?:[A-Z][a-z]+)?V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])")
_GROUPED = (
    "Admissionregistration", "Apiextensions", "Apiregistration", "Authentication", "Core", "Discovery", "Events",
    "Flowcontrol", "Rbac", "Resource", "Storage",
)  # fmt: skip


def type_name(model: str) -> str:
    """The API's name of a client model: `V1Container` and `CoreV1EventSeries` give `Container` and `EventSeries`."""
    for group in _GROUPED:
        if re.match(group + r"V\d", model):
            model = model[len(group) :]
            break
    return _PREFIX.sub("", model)


def is_quantity(type_: str, field: str) -> bool:
    """Whether a field, or each value of a map field, is a resource quantity."""
    return field in _QUANTITIES.get(type_, ())


def is_bytes(type_: str, field: str) -> bool:
    """Whether a field, or each value of a map field, is bytes in base64."""
    return field in _BYTES.get(type_, ())


def is_free(type_: str, field: str) -> bool:
    """Whether a field may hold any JSON value."""
    return field in _FREE.get(type_, ())
