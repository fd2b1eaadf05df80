"""The cluster around the services: kinds that are not served, webhooks that lead elsewhere, who holds the Lease."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from kservectl.api.crds import crds
from kservectl.api.kinds import GROUP
from kservectl.assembly import LEASE_NAME
from kservectl.manifests import webhooks
from kservectl.manifests.names import WEBHOOK_SERVICE
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.preflight.report import Finding, Severity
from kservectl.runtime.writes import FIELD_MANAGER

_FOR: Mapping[str, str] = {
    "httproutes.gateway.networking.k8s.io": "the hosts of services where the configuration has enableGatewayApi",
    "gateways.gateway.networking.k8s.io": "which listeners carry these hosts",
    "services.serving.knative.dev": "services in Knative mode",
    "virtualservices.networking.istio.io": "the hosts of services in Knative mode",
    "scaledobjects.keda.sh": "services that KEDA scales",
    "opentelemetrycollectors.opentelemetry.io": "services that are scaled by metrics of their pods",
}
_INSTALL_KINDS = "kubectl apply --server-side -k manifests/crds"
_INSTALL_WEBHOOKS = "kubectl apply --server-side -k manifests/webhooks, once kservectl runs"


def definition_findings(found: Iterable[Object]) -> list[Finding]:
    """Which of the kinds that kservectl works with the CustomResourceDefinitions in a cluster do not serve."""
    served = {
        metadata.name(each): {version["name"] for version in each["spec"]["versions"] if version.get("served")}
        for each in found
    }
    told: list[Finding] = []
    for definition in crds():
        name = metadata.name(definition)
        versions = {version["name"] for version in definition["spec"]["versions"]}
        about = f"CustomResourceDefinition {name}"
        if name not in served:
            told.append(Finding("blocker", about, "it is missing; kservectl serves this kind", _INSTALL_KINDS))
        elif missing := versions - served[name]:
            message = f"it does not serve {', '.join(sorted(missing))}, which kservectl works with"
            told.append(Finding("blocker", about, message, _INSTALL_KINDS))
    told += [
        Finding("note", f"CustomResourceDefinition {name}", f"it is missing; it is needed for {purpose}")
        for name, purpose in _FOR.items()
        if name not in served
    ]
    return told


def webhook_findings(found: Sequence[Object], namespace: str, paths: Collection[str]) -> list[Finding]:
    """What is wrong with the webhook configurations (with `kind`) in a cluster, for a server in `namespace` with these paths."""
    told: list[Finding] = []
    present = {(str(each["kind"]), metadata.name(each)) for each in found}
    for wanted in webhooks.configurations():
        if (str(wanted["kind"]), metadata.name(wanted)) not in present:
            message = "it is missing: nothing is defaulted or validated by it"
            told.append(Finding("warning", metadata.describe(wanted), message, _INSTALL_WEBHOOKS))
    for configuration in found:
        for webhook in configuration.get("webhooks") or ():
            if problem := _problem(webhook, namespace, paths):
                # A URL is how a manager outside of the cluster registers itself: this one, perhaps.
                severity: Severity = "warning" if (webhook.get("clientConfig") or {}).get("url") else "blocker"
                about = f"{metadata.describe(configuration)}, {webhook.get('name')}"
                told.append(Finding(severity, about, problem, "delete it, or have it call the Service of kservectl"))
    return told


def lease_findings(lease: Object | None, namespace: str, now: datetime) -> list[Finding]:
    """Who holds the Lease. The moments in it are its holder's, whose clock may differ from ours."""
    spec = (lease or {}).get("spec") or {}
    if not spec.get("holderIdentity"):
        return []
    about = f"Lease {namespace}/{LEASE_NAME}"
    message = f"{spec['holderIdentity']} holds it"
    if renewed := spec.get("renewTime"):
        age = (now - datetime.fromisoformat(str(renewed).replace("Z", "+00:00"))).total_seconds()
        message += f" and renewed it {max(age, 0):.0f} s ago"
    if _renewed_by(lease or {}) == FIELD_MANAGER:
        return [Finding("note", about, f"{message}: a kservectl, which has taken over")]
    step = "kservectl takes over when that manager is stopped (kubectl scale --replicas=0) and its term has passed"
    return [Finding("note", about, message, step)]


def _renewed_by(lease: Object) -> str:
    """The field manager of whoever renewed a Lease last."""
    for entry in metadata.metadata(lease).get("managedFields") or ():
        if "f:renewTime" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            return str(entry.get("manager"))
    return ""


def _problem(webhook: Object, namespace: str, paths: Collection[str]) -> str:
    rules = webhook.get("rules") or ()
    config = webhook.get("clientConfig") or {}
    service = config.get("service") or {}
    ours = service.get("name") == WEBHOOK_SERVICE and service.get("namespace") == namespace
    if ours:
        path = service.get("path") or "/"
        return "" if path in paths else f"it calls {path} of {WEBHOOK_SERVICE}, which kservectl does not answer"
    if not any(GROUP in (rule.get("apiGroups") or ()) for rule in rules) and service.get("name") != WEBHOOK_SERVICE:
        return ""  # somebody else's
    where = f"Service {service.get('namespace')}/{service.get('name')}" if service else config.get("url")
    return f"it calls {where}, and fails when the manager that answers there goes"
