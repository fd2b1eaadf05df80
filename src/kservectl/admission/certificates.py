"""Certificates for a webhook server that signs its own: what to make and when, decided without I/O.

A CA lives 10 years and a serving certificate 1 year; each is replaced when two thirds of its life are over. `next_step`
looks at what is stored and at what callers trust, and answers the one thing to do next, so that an interrupted
replacement goes on where it stopped. It never lets a certificate be served whose CA a caller may not know yet:

1. a new CA is stored, and the one before it stays trusted;
2. every caller gets the bundle of both;
3. only then is a serving certificate signed by the new CA;
4. the CA before leaves once the new certificate has been there long enough for every replica to have loaded it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFETIME = timedelta(days=3650)
SERVING_LIFETIME = timedelta(days=365)
RENEW_AFTER = 2 / 3
"""Part of its life after which a certificate is replaced."""

OVERLAP = timedelta(hours=24)
"""How long a CA stays trusted after nothing is served from it any more: a replica loads a new certificate within seconds
of its being stored, and one that cannot hear of it for a day is not ready and not called."""

_BACKDATED = timedelta(minutes=5)
"""Certificates are valid a little before they are made, for callers whose clock is behind."""

_MOST_TRUSTED = 4
"""CAs in a bundle at most; somebody who deletes the Secret again and again must not make it grow for ever."""

_CA_NAME = "kservectl webhook CA"


class BadCertificate(Exception):
    """What is stored is no certificate or key, or they do not belong together."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """What the Secret holds: the CA that signs, CAs trusted beside it (PEM, one after the other), what is served."""

    ca: Pair | None = None
    previous_cas: bytes = b""
    serving: Pair | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to do: store `store` if it is not None; else give every caller `bundle`.

    `bundle` is the PEM of all CAs that callers should trust now. `wait` is in seconds, until time alone may bring a
    further step. `why` tells the log.
    """

    bundle: bytes
    store: Stored | None = None
    wait: float = 0.0
    why: str = ""


def next_step(stored: Stored, trusted: Sequence[bytes], names: Sequence[str], now: datetime) -> Step:
    """What to do next so that `stored` serves `names` and everybody in `trusted` can check it.

    `trusted` holds the caBundle (PEM, may be empty or nonsense) of every caller. Repeat after each step until the answer
    stores nothing and every caller has `bundle`.
    """
    ca = _usable_ca(stored.ca)
    if ca is None or _due(ca, now):
        previous = _known_cas(stored, trusted, now)
        made = make_ca(now)
        why = "the CA is due for renewal" if ca else "there is no usable CA"
        new = Stored(made, _pem(previous), stored.serving)
        return Step(made.certificate + new.previous_cas, store=new, why=why)
    assert stored.ca is not None
    own = _pem([ca])
    previous = [cert for cert in _certificates(stored.previous_cas) if now < cert.not_valid_after_utc and cert != ca]
    bundle = own + _pem(previous[: _MOST_TRUSTED - 1])
    everybody_knows = all(ca in _certificates(bundle_of_caller) for bundle_of_caller in trusted)
    serving = _usable_serving(stored.serving, ca, names)
    if serving is None or _due(serving, now):
        if not everybody_knows:
            return Step(bundle, why="callers do not trust the CA yet")
        signed = make_serving(stored.ca, names, now)
        why = "the serving certificate is due for renewal" if serving else "no usable serving certificate is stored"
        return Step(bundle, store=replace(stored, serving=signed), why=why)
    if previous and now >= serving.not_valid_before_utc + _BACKDATED + OVERLAP:
        return Step(own, store=replace(stored, previous_cas=b""), why="nobody serves from the previous CA any more")
    return Step(bundle, wait=_until_due(ca, serving, bool(previous), now))


def make_ca(now: datetime) -> Pair:
    """A new self-signed CA (EC P-256)."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The serial in the name keeps two CAs apart for verifiers that look issuers up by name.
    serial = x509.random_serial_number()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{_CA_NAME} {serial:x}"[:64])])
    certificate = (
        _builder(name, name, key.public_key(), serial, now, CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def make_serving(ca: Pair, names: Sequence[str], now: datetime) -> Pair:
    """A new serving certificate for `names` (DNS names and IP addresses), signed by `ca`; raises BadCertificate."""
    issuer, issuer_key = _load(ca)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    lifetime = min(SERVING_LIFETIME, issuer.not_valid_after_utc - now)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    certificate = (
        _builder(subject, issuer.subject, key.public_key(), x509.random_serial_number(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(authority, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return _pair(certificate, key)


def service_names(service: str, namespace: str, extra: Iterable[str] = ()) -> tuple[str, ...]:
    """The names under which a Service is called in its cluster, and `extra` ones, without repetition."""
    own = (service, f"{service}.{namespace}", f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.cluster.local")
    return tuple(dict.fromkeys((*own, *extra)))


def from_secret(data: Mapping[str, bytes]) -> Stored:
    """What a Secret's decoded data holds; parts that are missing are None."""
    return Stored(
        ca=_pair_of(data, "ca.crt", "ca.key"),
        previous_cas=data.get("ca-previous.crt", b""),
        serving=_pair_of(data, "tls.crt", "tls.key"),
    )


def to_secret(stored: Stored) -> dict[str, bytes]:
    """The Secret's data for `from_secret`; it has the members that a `kubernetes.io/tls` Secret must have."""
    empty = Pair(b"", b"")
    ca, serving = stored.ca or empty, stored.serving or empty
    return {
        "ca.crt": ca.certificate,
        "ca.key": ca.key,
        "ca-previous.crt": stored.previous_cas,
        "tls.crt": serving.certificate,
        "tls.key": serving.key,
    }


def _pair_of(data: Mapping[str, bytes], certificate: str, key: str) -> Pair | None:
    found = Pair(data.get(certificate, b""), data.get(key, b""))
    return found if found.certificate and found.key else None


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    serial: int,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _load(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError) as problem:
        raise BadCertificate(f"not a PEM certificate with its key: {problem}") from problem
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BadCertificate("the key does not belong to the certificate")
    return certificate, key


def _usable_ca(pair: Pair | None) -> x509.Certificate | None:
    if pair is None:
        return None
    try:
        certificate, _ = _load(pair)
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (BadCertificate, x509.ExtensionNotFound):
        return None
    return certificate if constraints.ca else None


def _usable_serving(pair: Pair | None, ca: x509.Certificate, names: Sequence[str]) -> x509.Certificate | None:
    """The serving certificate if it is signed by `ca`, has its key, and covers all of `names`."""
    if pair is None:
        return None
    try:
        certificate, _ = _load(pair)
        certificate.verify_directly_issued_by(ca)
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (BadCertificate, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return None
    return certificate if {_general_name(name) for name in names} <= set(covered) else None


def _known_cas(stored: Stored, trusted: Sequence[bytes], now: datetime) -> list[x509.Certificate]:
    """The CAs that replicas may still serve from, newest first: those stored, and ours among those that callers trust
    (the Secret may have been deleted while they serve)."""
    texts = [stored.ca.certificate if stored.ca else b"", stored.previous_cas, *trusted]
    found = {
        certificate.fingerprint(hashes.SHA256()): certificate for text in texts for certificate in _certificates(text)
    }
    alive = [cert for cert in found.values() if _is_ours(cert) and now < cert.not_valid_after_utc]
    alive.sort(key=lambda cert: cert.not_valid_before_utc, reverse=True)
    return alive[: _MOST_TRUSTED - 1]


def _is_ours(certificate: x509.Certificate) -> bool:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return bool(names) and str(names[0].value).startswith(_CA_NAME)


def _certificates(text: bytes) -> list[x509.Certificate]:
    if not text:
        return []
    try:
        return x509.load_pem_x509_certificates(text)
    except ValueError:
        return []  # a bundle that cannot be read trusts nobody


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)


def _renewal(certificate: x509.Certificate) -> datetime:
    life = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    return certificate.not_valid_before_utc + life * RENEW_AFTER


def _due(certificate: x509.Certificate, now: datetime) -> bool:
    return now >= _renewal(certificate) or now < certificate.not_valid_before_utc


def _until_due(ca: x509.Certificate, serving: x509.Certificate, overlapping: bool, now: datetime) -> float:
    moments = [_renewal(ca), _renewal(serving)]
    if overlapping:
        moments.append(serving.not_valid_before_utc + _BACKDATED + OVERLAP)
    return max((min(moments) - now).total_seconds(), 1.0)
