"""What the process tells the controller about where it runs. Read once, at start; everything else comes from the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

from kservectl.api.config import DEFAULT_NAMESPACE

_DEFAULT_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Settings:
    """`system_namespace` holds the ConfigMap `inferenceservice-config`; `cluster_domain` ends every in-cluster DNS name.

    `server_version` is the API server's, `major.minor` as `/version` reports it; empty when it is not known.
    """

    system_namespace: str = DEFAULT_NAMESPACE
    cluster_domain: str = _DEFAULT_DOMAIN
    server_version: str = ""

    @classmethod
    def of_process(cls, environment: Mapping[str, str], resolver: str = "") -> "Settings":
        """From the environment (`POD_NAMESPACE`, `CLUSTER_DOMAIN`) and the text of the resolver file.

        Without `CLUSTER_DOMAIN` the domain is what follows `svc.` in the resolver's search list.
        """
        return cls(
            system_namespace=environment.get("POD_NAMESPACE") or DEFAULT_NAMESPACE,
            cluster_domain=environment.get("CLUSTER_DOMAIN") or _searched_domain(resolver) or _DEFAULT_DOMAIN,
        )


def _searched_domain(resolver: str) -> str:
    for line in resolver.splitlines():
        keyword, *domains = line.split() or [""]
        if keyword == "search":
            for domain in domains:
                if domain.startswith("svc."):
                    return domain.removeprefix("svc.").rstrip(".")
    return ""
