"""The command lines of the cluster's programs."""

import re
from pathlib import Path

import pytest

from e2e.cluster.arguments import COMMAND_LINES, audit_policy, scheduler_configuration
from e2e.cluster.layout import PORT_NAMES, Layout, free_ports
from e2e.cluster.versions import PROGRAMS

LAYOUT = Layout(Path("/cluster"), {name: 20000 + i for i, name in enumerate(PORT_NAMES)}, {})


def flags(name: str) -> dict[str, str]:
    return dict(argument.removeprefix("--").split("=", 1) for argument in COMMAND_LINES[name](LAYOUT))


def test_every_program_has_a_command_line() -> None:
    assert list(COMMAND_LINES) == list(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_nothing_listens_beyond_loopback(name: str) -> None:
    addresses = {
        address for value in flags(name).values() for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+(?=:\d|$)", value)
    }

    assert addresses - {"10.64.0.1"} == {"127.0.0.1"}  # 10.64.0.1: what simulated nodes say that they are called


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_file_is_in_the_clusters_folder(name: str) -> None:
    files = [value for value in flags(name).values() if value.startswith("/")]

    assert files
    assert all(Path(file).is_relative_to(LAYOUT.folder) for file in files)


def test_the_api_server_authorizes_with_rbac_and_admits_service_accounts() -> None:
    found = flags("kube-apiserver")

    assert found["authorization-mode"] == "Node,RBAC"
    assert "ServiceAccount" in found["enable-admission-plugins"].split(",")
    assert found["service-account-key-file"] == flags("kube-controller-manager")["service-account-private-key-file"]
    assert found["etcd-servers"] == flags("etcd")["listen-client-urls"]


def test_etcd_and_kubernetes_trust_different_authorities() -> None:
    assert flags("etcd")["trusted-ca-file"] != flags("kube-apiserver")["client-ca-file"]
    assert flags("etcd")["client-cert-auth"] == "true"


def test_the_scheduler_uses_its_own_kubeconfig() -> None:
    configuration = scheduler_configuration(LAYOUT)

    assert configuration["clientConnection"] == {
        "kubeconfig": "/cluster/kube-scheduler.kubeconfig",
        "qps": 300,
        "burst": 600,
    }


def test_free_ports_are_distinct_and_below_those_of_outgoing_connections() -> None:
    ports = free_ports()

    assert set(ports) == set(PORT_NAMES)
    assert len(set(ports.values())) == len(ports)
    assert max(ports.values()) < 32768


def test_requests_of_pods_are_audited_and_those_of_kubernetes_itself_are_not() -> None:
    levels = [(rule["level"], rule.get("userGroups")) for rule in audit_policy()["rules"]]  # type: ignore[attr-defined]  # plain data

    assert levels == [
        ("None", ["system:serviceaccounts:kube-system"]),
        ("Metadata", ["system:serviceaccounts"]),
        ("None", None),
    ]
