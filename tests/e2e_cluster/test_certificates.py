"""The keys and certificates of a cluster."""

import ipaddress
import stat

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, ServerVerifier, Store, VerificationError

from e2e.cluster.certificates import KeyPair, Pki, create_pki


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return create_pki(tmp_path_factory.mktemp("pki"))


def load(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def server(ca: KeyPair, address: str) -> ServerVerifier:
    name = x509.IPAddress(ipaddress.ip_address(address))
    return PolicyBuilder().store(Store([load(ca)])).build_server_verifier(name)


def names(pair: KeyPair, kind: x509.ObjectIdentifier) -> list[object]:
    return [attribute.value for attribute in load(pair).subject.get_attributes_for_oid(kind)]


def test_servers_are_who_they_say_on_loopback_only(pki: Pki) -> None:
    server(pki.ca, "127.0.0.1").verify(load(pki.serving), [])
    server(pki.etcd_ca, "127.0.0.1").verify(load(pki.etcd), [])
    with pytest.raises(VerificationError):
        server(pki.ca, "10.0.0.1").verify(load(pki.serving), [])


def test_no_user_of_kubernetes_is_let_into_etcd(pki: Pki) -> None:
    with pytest.raises(VerificationError):
        server(pki.etcd_ca, "127.0.0.1").verify(load(pki.serving), [])


def test_components_are_the_users_that_kubernetes_binds_its_roles_to(pki: Pki) -> None:
    assert names(pki.controller_manager, NameOID.COMMON_NAME) == ["system:kube-controller-manager"]
    assert names(pki.scheduler, NameOID.COMMON_NAME) == ["system:kube-scheduler"]
    assert names(pki.controller_manager, NameOID.ORGANIZATION_NAME) == []
    assert names(pki.admin, NameOID.ORGANIZATION_NAME) == ["system:masters"]


def test_no_certificate_seems_to_be_signed_by_itself(pki: Pki) -> None:
    for pair in (pki.serving, pki.etcd, pki.etcd_client, pki.admin, pki.controller_manager, pki.scheduler, pki.kwok):
        assert load(pair).subject != load(pair).issuer


def test_only_the_owner_can_read_keys(pki: Pki) -> None:
    keys = [*pki.ca.key.parent.glob("*.key")]

    assert len(keys) == 10
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in keys)


def test_the_service_account_key_is_in_the_format_the_api_server_reads(pki: Pki) -> None:
    assert pki.service_account_key.read_text().startswith("-----BEGIN EC PRIVATE KEY-----")
