"""The fields of a core/v1 PodSpec and Container that KServe's specs carry inline, as attributes of loose types.

The names are those of the Kubernetes API; what is inside them stays plain JSON. `pod_spec()` and `container()` cut the
inline part out again, without KServe's own fields and without fields that neither of the two knows.
"""

from typing import Annotated

from pydantic import Field

from kservectl.api.core import (
    Affinity,
    Containers,
    Core,
    EnvVars,
    ImagePullSecrets,
    ResourceClaims,
    ResourceRequirements,
    Tolerations,
    Volumes,
)
from kservectl.api.model import ATOMIC, ATOMIC_MAP, ApiModel, Int32, Int64
from kservectl.objects.metadata import Object

_STRINGS = Annotated[list[str], Field(json_schema_extra=ATOMIC)]


class PodFields(ApiModel):
    """A PodSpec in which nothing is mandatory."""

    active_deadline_seconds: Int64 | None = None
    affinity: Affinity | None = None
    automount_service_account_token: bool | None = None
    containers: Containers | None = None
    dns_config: Annotated[Object, Core("V1PodDNSConfig")] | None = None
    dns_policy: str | None = None
    enable_service_links: bool | None = None
    host_aliases: Annotated[list[Object], Core("V1HostAlias", ("ip",))] | None = None
    host_ipc: bool | None = Field(default=None, alias="hostIPC")
    host_network: bool | None = None
    host_pid: bool | None = Field(default=None, alias="hostPID")
    host_users: bool | None = None
    hostname: str | None = None
    hostname_override: str | None = None
    image_pull_secrets: ImagePullSecrets | None = None
    init_containers: Containers | None = None
    node_name: str | None = None
    node_selector: Annotated[dict[str, str], Field(json_schema_extra=ATOMIC_MAP)] | None = None
    os: Annotated[Object, Core("V1PodOS")] | None = None
    overhead: Annotated[Object, Core("dict(str, Quantity)")] | None = None
    preemption_policy: str | None = None
    priority: Int32 | None = None
    priority_class_name: str | None = None
    readiness_gates: Annotated[list[Object], Core("V1PodReadinessGate")] | None = None
    resource_claims: ResourceClaims | None = None
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    runtime_class_name: str | None = None
    scheduler_name: str | None = None
    scheduling_gates: Annotated[list[Object], Core("V1PodSchedulingGate", ("name",))] | None = None
    security_context: Annotated[Object, Core("V1PodSecurityContext")] | None = None
    service_account: str | None = None
    service_account_name: str | None = None
    set_hostname_as_fqdn: bool | None = Field(default=None, alias="setHostnameAsFQDN")
    share_process_namespace: bool | None = None
    subdomain: str | None = None
    termination_grace_period_seconds: Int64 | None = None
    tolerations: Tolerations | None = None
    topology_spread_constraints: (
        Annotated[list[Object], Core("V1TopologySpreadConstraint", ("topologyKey", "whenUnsatisfiable"))] | None
    ) = None
    volumes: Volumes | None = None

    def pod_spec(self) -> Object:
        """The PodSpec part as given, under wire names. The values are shared with the parsed object: do not change them."""
        return _part(self, PodFields)


class ContainerFields(ApiModel):
    """A Container in which nothing is mandatory."""

    args: _STRINGS | None = None
    command: _STRINGS | None = None
    env: EnvVars | None = None
    env_from: Annotated[list[Object], Core("V1EnvFromSource", atomic=True)] | None = None
    image: str | None = None
    image_pull_policy: str | None = None
    lifecycle: Annotated[Object, Core("V1Lifecycle")] | None = None
    liveness_probe: Annotated[Object, Core("V1Probe")] | None = None
    name: str | None = None
    ports: Annotated[list[Object], Core("V1ContainerPort", ("containerPort", "protocol"))] | None = None
    readiness_probe: Annotated[Object, Core("V1Probe")] | None = None
    resize_policy: Annotated[list[Object], Core("V1ContainerResizePolicy", atomic=True)] | None = None
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    restart_policy_rules: Annotated[list[Object], Core("V1ContainerRestartRule", atomic=True)] | None = None
    security_context: Annotated[Object, Core("V1SecurityContext")] | None = None
    startup_probe: Annotated[Object, Core("V1Probe")] | None = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    tty: bool | None = None
    volume_devices: Annotated[list[Object], Core("V1VolumeDevice", ("devicePath",))] | None = None
    volume_mounts: Annotated[list[Object], Core("V1VolumeMount", ("mountPath",))] | None = None
    working_dir: str | None = None

    def container(self) -> Object:
        """The Container part as given, under wire names. The values are shared with the parsed object."""
        return _part(self, ContainerFields)


def _part(model: ApiModel, part: type[ApiModel]) -> Object:
    found: Object = {}
    for name, field in part.model_fields.items():
        if name in model.model_fields_set and (value := getattr(model, name)) is not None:
            found[field.alias or name] = value
    return found
