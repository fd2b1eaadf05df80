"""Where everything of one cluster is: its folder, the files in it, and its ports."""

import base64
import os
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from e2e.cluster.certificates import KeyPair, Pki
from e2e.cluster.errors import ClusterError
from e2e.cluster.versions import PROGRAMS

__all__ = ["PORT_NAMES", "Layout", "free_ports", "write_private_text"]

PORT_NAMES = (*PROGRAMS, "etcd-peer")

# Below the range from which Linux takes the ports of outgoing connections: a component that is down for a moment
# must find its port free when it comes back.
_PORTS = range(20000, 32000)


@dataclass(frozen=True)
class Layout:
    """The files and ports of a cluster."""

    folder: Path
    ports: Mapping[str, int]
    binaries: Mapping[str, Path]
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    """Those of kube-apiserver that are not as its version has them."""

    @property
    def pki(self) -> Pki:
        return Pki.in_folder(self.folder / "pki")

    @property
    def url(self) -> str:
        """The address of the API server."""
        return f"https://127.0.0.1:{self.ports['kube-apiserver']}"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def kubeconfig_of(self, component: str) -> Path:
        return self.folder / f"{component}.kubeconfig"

    def log(self, component: str) -> Path:
        return self.folder / "logs" / f"{component}.log"

    @property
    def etcd_data(self) -> Path:
        return self.folder / "etcd"

    @property
    def scheduler_config(self) -> Path:
        return self.folder / "kube-scheduler.yaml"

    @property
    def audit_policy(self) -> Path:
        return self.folder / "audit-policy.yaml"

    @property
    def audit_log(self) -> Path:
        """What kube-apiserver writes of each request that the policy is about, a line of JSON each."""
        return self.log("audit")

    @property
    def kwok_config(self) -> Path:
        return self.folder / "kwok.yaml"

    def write_kubeconfigs(self) -> None:
        """Write the kubeconfigs of the administrator and of every component that needs one."""
        pki = self.pki
        for path, user in (
            (self.kubeconfig, pki.admin),
            (self.kubeconfig_of("kube-controller-manager"), pki.controller_manager),
            (self.kubeconfig_of("kube-scheduler"), pki.scheduler),
            (self.kubeconfig_of("kwok"), pki.kwok),
        ):
            write_private_text(path, yaml.safe_dump(_kubeconfig(self.url, pki.ca.certificate, user), sort_keys=False))


def free_ports() -> dict[str, int]:
    """Choose a loopback port for each name that nobody listens on now."""
    ports: dict[str, int] = {}
    # Not from the bottom up: two clusters that start at the same moment should not try the same ones.
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(ports) == len(PORT_NAMES):
            return ports
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports[PORT_NAMES[len(ports)]] = port
    raise ClusterError(f"no free loopback ports between {_PORTS.start} and {_PORTS.stop}")


def write_private_text(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _kubeconfig(url: str, ca: Path, user: KeyPair) -> dict[str, object]:
    # The certificates are in it, not beside it: a kubeconfig is copied about.
    def inlined(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    name = "kservectl-e2e"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority-data": inlined(ca)}}],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": inlined(user.certificate),
                    "client-key-data": inlined(user.key),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
