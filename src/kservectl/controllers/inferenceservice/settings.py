"""What the process tells the controller about where it runs. Read once, at start; everything else comes from the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.api.config import DEFAULT_NAMESPACE

AUTOSCALER_CONFIG = "config-autoscaler"
DOMAIN_CONFIG = "config-domain"

_DEFAULT_DOMAIN = "cluster.local"
KNATIVE_NAMESPACE = "knative-serving"


@dataclass(frozen=True, slots=True)
class Settings:
    """`system_namespace` holds the ConfigMap `inferenceservice-config`; `cluster_domain` ends every in-cluster DNS name.

    `server_version` is the API server's, `major.minor` as `/version` reports it; empty when it is not known.
    `knative_namespace` and `knative_autoscaler_namespace` hold the ConfigMaps `config-domain` and `config-autoscaler`.
    """

    system_namespace: str = DEFAULT_NAMESPACE
    cluster_domain: str = _DEFAULT_DOMAIN
    server_version: str = ""
    knative_namespace: str = KNATIVE_NAMESPACE
    knative_autoscaler_namespace: str = KNATIVE_NAMESPACE

    @property
    def knative_config_maps(self) -> tuple[tuple[str, str], ...]:
        """Name and namespace of the ConfigMaps of Knative Serving that decisions depend on."""
        return ((AUTOSCALER_CONFIG, self.knative_autoscaler_namespace), (DOMAIN_CONFIG, self.knative_namespace))

    @classmethod
    def of_process(cls, environment: Mapping[str, str], resolver: str = "") -> "Settings":
        """From the environment (`POD_NAMESPACE`, `CLUSTER_DOMAIN`, and Knative's `SYSTEM_NAMESPACE` and
        `KNATIVE_CONFIG_AUTOSCALER_NAMESPACE`) and the text of the resolver file.

        Without `CLUSTER_DOMAIN` the domain is what follows `svc.` in the resolver's search list.
        """
        return cls(
            system_namespace=environment.get("POD_NAMESPACE") or DEFAULT_NAMESPACE,
            cluster_domain=environment.get("CLUSTER_DOMAIN") or _searched_domain(resolver) or _DEFAULT_DOMAIN,
            knative_namespace=environment.get("SYSTEM_NAMESPACE") or KNATIVE_NAMESPACE,
            knative_autoscaler_namespace=environment.get("KNATIVE_CONFIG_AUTOSCALER_NAMESPACE") or KNATIVE_NAMESPACE,
        )


def _searched_domain(resolver: str) -> str:
    for line in resolver.splitlines():
        keyword, *domains = line.split() or [""]
        if keyword == "search":
            for domain in domains:
                if domain.startswith("svc."):
                    return domain.removeprefix("svc.").rstrip(".")
    return ""
