"""The command line of each program, as a function of the cluster's layout."""

from collections.abc import Callable, Mapping

from e2e.cluster.certificates import KeyPair
from e2e.cluster.layout import Layout

__all__ = ["COMMAND_LINES", "audit_policy", "scheduler_configuration"]

# The defaults (20 and 5 requests a second) are for controllers that share a large cluster; here they would only
# slow down the suite.
_REQUESTS_PER_SECOND = 300
_BURST = 600

_SERVICE_ACCOUNT_ISSUER = "https://kubernetes.default.svc.cluster.local"


def etcd(layout: Layout) -> list[str]:
    """One member, on loopback, with TLS on both of its ports."""
    client = f"https://127.0.0.1:{layout.ports['etcd']}"
    peer = f"https://127.0.0.1:{layout.ports['etcd-peer']}"
    pki = layout.pki
    return _flags(
        {
            "name": "etcd",
            "data-dir": layout.etcd_data,
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"etcd={peer}",
            "trusted-ca-file": pki.etcd_ca.certificate,
            "client-cert-auth": "true",
            **_pair("cert-file", "key-file", pki.etcd),
            "peer-trusted-ca-file": pki.etcd_ca.certificate,
            "peer-client-cert-auth": "true",
            **_pair("peer-cert-file", "peer-key-file", pki.etcd),
            # What etcd has written survives its own death all the same; only a power cut could lose it.
            "unsafe-no-fsync": "true",
            "log-level": "warn",
        }
    )


def kube_apiserver(layout: Layout) -> list[str]:
    """With RBAC, service-account admission, and the admission policies that the pod faults need.

    Who makes an owner wait for its dependents needs the right to; distributions such as OpenShift check that.
    """
    pki = layout.pki
    return _flags(
        {
            "etcd-servers": f"https://127.0.0.1:{layout.ports['etcd']}",
            "etcd-cafile": pki.etcd_ca.certificate,
            **_pair("etcd-certfile", "etcd-keyfile", pki.etcd_client),
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": layout.ports["kube-apiserver"],
            **_pair("tls-cert-file", "tls-private-key-file", pki.serving),
            "client-ca-file": pki.ca.certificate,
            "authorization-mode": "Node,RBAC",
            "enable-admission-plugins": "ServiceAccount,MutatingAdmissionPolicy,OwnerReferencesPermissionEnforcement",
            "feature-gates": _gates({"MutatingAdmissionPolicy": True, **layout.feature_gates}),
            "runtime-config": "admissionregistration.k8s.io/v1beta1=true",
            "service-account-issuer": _SERVICE_ACCOUNT_ISSUER,
            "service-account-key-file": pki.service_account_key,
            "service-account-signing-key-file": pki.service_account_key,
            "service-cluster-ip-range": "10.96.0.0/12",
            # An EndpointSlice may not hold a loopback address, so the Service `kubernetes` stays without endpoints.
            "endpoint-reconciler-type": "none",
            "allow-privileged": "true",
            "profiling": "false",
            "audit-policy-file": layout.audit_policy,
            "audit-log-path": layout.audit_log,
            # One file, however long a cluster runs: nobody looks for the rest of it elsewhere.
            "audit-log-maxsize": 1 << 20,
        }
    )


def audit_policy() -> dict[str, object]:
    """Return the content of the audit policy: what pods' ServiceAccounts ask for, without bodies.

    Kubernetes' own components are left out, and so are the administrator's requests, which are most of all.
    """
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
            {"level": "Metadata", "userGroups": ["system:serviceaccounts"]},
            {"level": "None"},
        ],
    }


def kube_controller_manager(layout: Layout) -> list[str]:
    """Every controller, each under its own ServiceAccount."""
    pki = layout.pki
    return _flags(
        {
            "kubeconfig": layout.kubeconfig_of("kube-controller-manager"),
            "bind-address": "127.0.0.1",
            "secure-port": layout.ports["kube-controller-manager"],
            **_pair("tls-cert-file", "tls-private-key-file", pki.serving),
            "use-service-account-credentials": "true",
            "service-account-private-key-file": pki.service_account_key,
            "root-ca-file": pki.ca.certificate,
            **_pair("cluster-signing-cert-file", "cluster-signing-key-file", pki.ca),
            # The nodes send no heartbeats.
            "node-monitor-grace-period": "8760h",
            # One replica; a lease would only delay its return after a restart.
            "leader-elect": "false",
            "kube-api-qps": _REQUESTS_PER_SECOND,
            "kube-api-burst": _BURST,
            "profiling": "false",
        }
    )


def kube_scheduler(layout: Layout) -> list[str]:
    """The default profile; its client settings are in a file, as its flags for them are deprecated."""
    return _flags(
        {
            "config": layout.scheduler_config,
            "bind-address": "127.0.0.1",
            "secure-port": layout.ports["kube-scheduler"],
            **_pair("tls-cert-file", "tls-private-key-file", layout.pki.serving),
        }
    )


def scheduler_configuration(layout: Layout) -> dict[str, object]:
    """Return the content of the scheduler's configuration file."""
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(layout.kubeconfig_of("kube-scheduler")),
            "qps": _REQUESTS_PER_SECOND,
            "burst": _BURST,
        },
        "leaderElection": {"leaderElect": False},
        "enableProfiling": False,
    }


def kwok(layout: Layout) -> list[str]:
    """Plays every node of the cluster, also those that a test adds.

    Without leases: a KWOK that is killed could take its nodes up again only when the leases of the dead one have ended.
    """
    return _flags(
        {
            "kubeconfig": layout.kubeconfig_of("kwok"),
            "config": layout.kwok_config,
            "manage-all-nodes": "true",
            "node-lease-duration-seconds": 0,
            "node-ip": "10.64.0.1",
            "cidr": "10.128.0.0/9",
            "server-address": f"127.0.0.1:{layout.ports['kwok']}",
        }
    )


COMMAND_LINES: Mapping[str, Callable[[Layout], list[str]]] = {
    "etcd": etcd,
    "kube-apiserver": kube_apiserver,
    "kube-controller-manager": kube_controller_manager,
    "kube-scheduler": kube_scheduler,
    "kwok": kwok,
}


def _flags(values: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def _gates(values: Mapping[str, bool]) -> str:
    return ",".join(f"{name}={str(value).lower()}" for name, value in values.items())


def _pair(certificate_flag: str, key_flag: str, pair: KeyPair) -> dict[str, object]:
    return {certificate_flag: pair.certificate, key_flag: pair.key}
