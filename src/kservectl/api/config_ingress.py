"""Key `ingress` of `inferenceservice-config`: gateways, hosts and what is not to be created.

The checks and their texts are KServe's; the first failing one is reported. A configuration that came without the key is
`Ingress.absent()`, on which nothing is checked.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from kservectl.api import gotemplate
from kservectl.api.config_model import KeyModel
from kservectl.objects.metadata import ObjectKey

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")

DEFAULT_DOMAIN = "example.com"
DEFAULT_DOMAIN_TEMPLATE = "{{ .Name }}-{{ .Namespace }}.{{ .IngressDomain }}"
DEFAULT_URL_SCHEME = "http"

VISIBILITY_LABEL = "networking.kserve.io/visibility"
CLUSTER_LOCAL = "cluster-local"

_INSIDE = "svc.cluster.local"


class Ingress(KeyModel):
    """How services are reached. Empty members hold their default once the object is built."""

    enable_gateway_api: bool = Field(default=False, alias="enableGatewayApi")
    kserve_ingress_gateway: str = ""
    ingress_gateway: str = ""
    knative_local_gateway_service: str = ""
    local_gateway: str = ""
    local_gateway_service: str = ""
    ingress_class_name: str | None = None
    ingress_domain: str = ""
    additional_ingress_domains: list[str] = Field(default_factory=list)
    domain_template: str = ""
    url_scheme: str = ""
    path_template: str = ""
    disable_istio_virtual_host: bool = False
    disable_ingress_creation: bool = False
    disable_http_route_timeout: bool = Field(default=False, alias="disableHTTPRouteTimeout")
    enable_llm_inference_service_tls: bool = Field(default=False, alias="enableLLMInferenceServiceTLS")
    model_based_routing_header_name: str = ""
    model_based_routing_mode: str = ""

    @classmethod
    def absent(cls) -> "Ingress":
        """What a ConfigMap without the key means: every default, no check."""
        defaults: dict[str, Any] = dict(_DEFAULTS)
        return cls.model_construct(**defaults)

    @property
    def gateway(self) -> ObjectKey | None:
        """Namespace and name of the Gateway that HTTPRoutes attach to; None when it is not configured or malformed."""
        parts = self.kserve_ingress_gateway.split("/")
        return ObjectKey(*parts) if len(parts) == 2 else None

    def is_internal(self, labels: Mapping[str, str]) -> bool:
        """Whether nothing outside of the cluster may reach a service with these labels."""
        return labels.get(VISIBILITY_LABEL) == CLUSTER_LOCAL or self.ingress_domain == _INSIDE

    @model_validator(mode="after")
    def _check_then_fill(self) -> "Ingress":
        problem = self._problem()
        if problem:
            raise ValueError(problem)
        defaults = {**_DEFAULTS, "knative_local_gateway_service": self.local_gateway_service}
        for name, default in defaults.items():
            if not getattr(self, name):
                object.__setattr__(self, name, default)  # the model is frozen from here on
        return self

    def _problem(self) -> str:
        return (
            (self._gateway_problem() if self.enable_gateway_api else "")
            or ("" if self.ingress_gateway else "invalid ingress config - ingressGateway is required")
            or self._path_problem()
        )

    def _gateway_problem(self) -> str:
        if not self.kserve_ingress_gateway:
            return "invalid ingress config - kserveIngressGateway is required"
        parts = self.kserve_ingress_gateway.split("/")
        if len(parts) != 2:
            return "invalid ingress config - kserveIngressGateway should be in the format <namespace>/<name>"
        if not _DNS_LABEL.fullmatch(parts[0]):
            return "invalid ingress config - kserveIngressGateway gateway namespace is invalid"
        if not _DNS_LABEL.fullmatch(parts[1]):
            return "invalid ingress config - kserveIngressGateway gateway name is invalid"
        return ""

    def _path_problem(self) -> str:
        if not self.path_template:
            return ""
        try:
            gotemplate.parse(self.path_template)
        except gotemplate.TemplateError as error:
            return f"invalid ingress config - unable to parse pathTemplate: {error}"
        return (
            "" if self.ingress_domain else "invalid ingress config - ingressDomain is required if pathTemplate is given"
        )


_DEFAULTS = {
    "ingress_domain": DEFAULT_DOMAIN,
    "domain_template": DEFAULT_DOMAIN_TEMPLATE,
    "url_scheme": DEFAULT_URL_SCHEME,
    "model_based_routing_header_name": "X-Gateway-Model-Name",
    "model_based_routing_mode": "enabled",
}
