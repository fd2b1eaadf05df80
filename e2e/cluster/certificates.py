"""Keys and certificates for the cluster: a certificate authority, what it signs, and the service-account key.

Nothing here leaves the cluster's folder. Keys are written readable by their owner only.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["CertificateAuthority", "KeyPair", "Pki", "create_pki"]

# A development cluster is not rebuilt because a year has passed.
_LIFETIME = timedelta(days=3650)
_CLOCK_SKEW = timedelta(minutes=5)

SERVER_HOSTS = (
    "localhost",
    "127.0.0.1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True)
class KeyPair:
    """Two PEM files: a certificate and its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Pki:
    """The PEM files of one cluster, by what they are for."""

    ca: KeyPair
    """Signs what servers and clients of the Kubernetes API show."""
    etcd_ca: KeyPair
    """Signs what etcd and its only client show, so that no Kubernetes user can talk to etcd."""
    serving: KeyPair
    etcd: KeyPair
    etcd_client: KeyPair
    admin: KeyPair
    controller_manager: KeyPair
    scheduler: KeyPair
    kwok: KeyPair
    service_account_key: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "Pki":
        """Name the files of a cluster whose keys are in this folder."""

        def pair(name: str) -> KeyPair:
            return KeyPair(folder / f"{name}.crt", folder / f"{name}.key")

        return cls(
            ca=pair("ca"),
            etcd_ca=pair("etcd-ca"),
            serving=pair("serving"),
            etcd=pair("etcd"),
            etcd_client=pair("etcd-client"),
            admin=pair("admin"),
            controller_manager=pair("kube-controller-manager"),
            scheduler=pair("kube-scheduler"),
            kwok=pair("kwok"),
            service_account_key=folder / "service-accounts.key",
        )


class CertificateAuthority:
    """A new authority that signs certificates for servers on loopback and for clients."""

    def __init__(self, name: str, files: KeyPair) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write_pair(files, certificate, self._key)

    def issue(self, files: KeyPair, common_name: str, *, groups: Sequence[str] = (), hosts: Sequence[str] = ()) -> None:
        """Write a key and a certificate: for a client called ``common_name``, and for a server if it has hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = _builder(subject, self._name, key.public_key()).add_extension(
            x509.BasicConstraints(ca=False, path_length=None), critical=True
        )
        if hosts:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False
            )
        certificate = (
            builder.add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        _write_pair(files, certificate, key)


def create_pki(folder: Path) -> Pki:
    """Write every key and certificate of a cluster into a folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki = Pki.in_folder(folder)

    ca = CertificateAuthority("kubernetes-ca", pki.ca)
    ca.issue(pki.serving, "kube-apiserver", hosts=SERVER_HOSTS)
    ca.issue(pki.admin, "kubernetes-admin", groups=["system:masters"])
    # The users to whom Kubernetes itself binds the roles of its components.
    ca.issue(pki.controller_manager, "system:kube-controller-manager")
    ca.issue(pki.scheduler, "system:kube-scheduler")
    # KWOK plays the kubelet of every node and the controllers of third parties.
    ca.issue(pki.kwok, "kwok", groups=["system:masters"])

    # Not "etcd": a certificate whose subject is its issuer's name counts as signed by itself.
    etcd_ca = CertificateAuthority("etcd-ca", pki.etcd_ca)
    etcd_ca.issue(pki.etcd, "etcd", hosts=SERVER_HOSTS[:2])
    etcd_ca.issue(pki.etcd_client, "kube-apiserver")

    _write_private(pki.service_account_key, ec.generate_private_key(ec.SECP256R1()))
    return pki


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write_pair(files: KeyPair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_private(files.key, key)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    # The API server verifies tokens with the public half of the signing key, which it finds in this format only.
    encoding = serialization.PrivateFormat.TraditionalOpenSSL
    pem = key.private_bytes(serialization.Encoding.PEM, encoding, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
