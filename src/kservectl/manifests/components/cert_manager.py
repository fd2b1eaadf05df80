"""The certificate of the webhooks from cert-manager, under the names that KServe's own installation uses.

The manager reads it from a mounted Secret and needs no right to any Secret of its own or to webhook configurations:
cert-manager's injector writes the CA there.
"""

from kservectl.admission.certificates import service_names
from kservectl.admission.rotation import SECRET_NAME
from kservectl.manifests import rbac
from kservectl.manifests.components.component import Component, Patch, append
from kservectl.manifests.manager import ARGUMENTS, MOUNTS, VOLUMES
from kservectl.manifests.names import MANAGER, NAMESPACE, PART_OF, WEBHOOK_SERVICE
from kservectl.objects.metadata import Object

_GROUP = "cert-manager.io/v1"
_ISSUER = "selfsigned-issuer"
_CERTIFICATE = "serving-cert"
_FOLDER = "/certificates"
_VOLUME = "certificates"


def cert_manager() -> Component:
    inject = {f"{_GROUP.partition('/')[0]}/inject-ca-from": f"{NAMESPACE}/{_CERTIFICATE}"}
    annotate = ({"op": "add", "path": "/metadata/annotations", "value": inject},)
    kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    return Component(
        "cert-manager",
        "The certificate of the webhooks comes from cert-manager, which must be there.",
        adds=(_issuer(), _certificate()),
        patches=(
            Patch(
                "Deployment",
                (
                    *append(ARGUMENTS, f"--webhook-cert-dir={_FOLDER}"),
                    *append(MOUNTS, {"name": _VOLUME, "mountPath": _FOLDER, "readOnly": True}),
                    *append(VOLUMES, {"name": _VOLUME, "secret": {"secretName": SECRET_NAME}}),
                ),
                MANAGER,
            ),
            *(Patch(kind, annotate) for kind in kinds),
        ),
        removes=tuple(
            (kind, rbac.CERTIFICATES) for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
        ),
    )


def _issuer() -> Object:
    return _named("Issuer", _ISSUER) | {"spec": {"selfSigned": {}}}


def _certificate() -> Object:
    return _named("Certificate", _CERTIFICATE) | {
        "spec": {
            "commonName": f"{WEBHOOK_SERVICE}.{NAMESPACE}.svc",
            "dnsNames": list(service_names(WEBHOOK_SERVICE, NAMESPACE)),
            "issuerRef": {"kind": "Issuer", "name": _ISSUER},
            "secretName": SECRET_NAME,
        }
    }


def _named(kind: str, name: str) -> Object:
    return {
        "apiVersion": _GROUP,
        "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": dict(PART_OF)},
    }
