import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from kservectl.admission.certificates import (
    OVERLAP,
    Pair,
    Step,
    Stored,
    from_secret,
    make_ca,
    make_serving,
    next_step,
    service_names,
    to_secret,
)
from tests.admission.handshake import load, shake_hands

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = service_names("hooks", "kserve", ["localhost", "127.0.0.1"])


class World:
    """A Secret, two callers, and what the replicas serve: what one step after the other does to them."""

    def __init__(self) -> None:
        self.now = NOW
        self.stored = Stored()
        self.callers = [b"", b""]
        self.serving: Pair | None = None
        self.writes = 0

    def step(self) -> Step:
        step = next_step(self.stored, self.callers, NAMES, self.now)
        if step.store is not None:
            self.stored = step.store
            self.writes += 1
            if self.stored.serving is not None:
                self.serving = self.stored.serving
        else:
            self.callers = [step.bundle for _ in self.callers]
        return step

    def settle(self, check: bool = True) -> Step:
        for _ in range(10):
            before = (self.stored, list(self.callers))
            step = self.step()
            if check:
                self.check()
            if (self.stored, self.callers) == before:
                return step
        raise AssertionError("never settles")

    def check(self) -> None:
        """Every caller that trusts anything can verify what is served."""
        if self.serving is not None:
            leaf = x509.load_pem_x509_certificate(self.serving.certificate)
            for bundle in self.callers:
                assert any(issued_by(leaf, ca) for ca in x509.load_pem_x509_certificates(bundle))

    def count(self) -> int:
        return len(x509.load_pem_x509_certificates(self.callers[0]))


def issued_by(leaf: x509.Certificate, ca: x509.Certificate) -> bool:
    return leaf.issuer == ca.subject


def certificate(pair: Pair | None) -> x509.Certificate:
    assert pair is not None
    return x509.load_pem_x509_certificate(pair.certificate)


def test_a_ca_lives_ten_years_and_a_serving_certificate_one() -> None:
    ca = make_ca(NOW)
    leaf = certificate(make_serving(ca, NAMES, NOW))
    assert certificate(ca).not_valid_after_utc - NOW == timedelta(days=3650)
    assert leaf.not_valid_after_utc - NOW == timedelta(days=365)
    leaf.verify_directly_issued_by(certificate(ca))


def test_the_serving_certificate_covers_every_name_of_the_service() -> None:
    leaf = certificate(make_serving(make_ca(NOW), NAMES, NOW))
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "hooks",
        "hooks.kserve",
        "hooks.kserve.svc",
        "hooks.kserve.svc.cluster.local",
        "localhost",
    ]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_openssl_accepts_the_chain_strictly() -> None:
    ca = make_ca(datetime.now(UTC))
    pair = make_serving(ca, NAMES, datetime.now(UTC))
    client = ssl.create_default_context(cadata=ca.certificate.decode())
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load(server, pair)
    assert shake_hands(client, server, "hooks.kserve.svc") == "TLSv1.3"


def test_from_nothing_everything_is_made_in_an_order_that_never_breaks_a_caller() -> None:
    world = World()
    first = world.step()
    assert first.store is not None and first.store.serving is None, "nothing is served before callers trust the CA"
    assert world.step().store is None
    third = world.step()
    assert third.store is not None and third.store.serving is not None
    last = world.settle()
    assert world.count() == 1
    assert last.wait == pytest.approx((365 + 5 / 1440) * 2 / 3 * 86400 - 300, rel=1e-6)


def test_without_callers_a_certificate_is_made_all_the_same() -> None:
    world = World()
    world.callers = []
    world.settle()
    assert world.serving is not None


def test_a_settled_world_needs_nothing_until_two_thirds_of_a_year() -> None:
    world = World()
    world.settle()
    writes = world.writes
    world.now += timedelta(days=243)
    world.settle()
    assert world.writes == writes
    world.now += timedelta(days=1)
    world.settle()
    assert world.writes == writes + 1
    assert certificate(world.serving).not_valid_after_utc == world.now + timedelta(days=365)


def test_a_new_ca_is_trusted_before_it_signs_and_the_old_one_leaves_last() -> None:
    world = World()
    world.settle()
    world.now += timedelta(days=3650 * 2 / 3)
    old = world.stored.ca
    assert world.step().why == "the CA is due for renewal"
    assert world.stored.ca != old
    world.check()
    world.settle()
    assert world.count() == 2
    assert issued_by(certificate(world.serving), certificate(world.stored.ca))
    world.now += OVERLAP - timedelta(minutes=1)
    world.settle()
    assert world.count() == 2
    world.now += timedelta(minutes=1)
    world.settle()
    assert world.count() == 1
    assert world.stored.previous_cas == b""


def test_one_caller_that_does_not_know_the_new_ca_holds_the_signing_back() -> None:
    world = World()
    world.settle()
    world.now += timedelta(days=3650 * 2 / 3)
    world.step()
    old_bundle = world.callers[1]
    step = next_step(
        world.stored, [world.stored.ca.certificate if world.stored.ca else b"", old_bundle], NAMES, world.now
    )
    assert step.store is None
    assert step.why == "callers do not trust the CA yet"


def test_a_deleted_secret_is_made_anew_without_breaking_those_who_still_serve() -> None:
    world = World()
    world.settle()
    world.stored = Stored()
    world.settle()
    assert world.count() == 2
    world.now += OVERLAP
    world.settle()
    assert world.count() == 1


def test_a_bundle_does_not_grow_for_ever() -> None:
    world = World()
    for _ in range(12):
        world.settle(check=False)
        world.stored = Stored()
        world.now += timedelta(minutes=10)
    world.settle()
    assert world.count() == 4


def test_a_wiped_bundle_is_put_back() -> None:
    world = World()
    world.settle()
    kept = world.callers[0]
    world.callers = [b"", b"nonsense"]
    writes = world.writes
    world.settle()
    assert world.callers == [kept, kept]
    assert world.writes == writes


def test_a_new_name_is_signed_at_once() -> None:
    world = World()
    world.settle()
    step = next_step(world.stored, world.callers, (*NAMES, "dev.example"), world.now)
    assert step.store is not None and step.store.ca == world.stored.ca


def test_a_foreign_ca_in_the_bundle_of_a_caller_is_not_carried_on() -> None:
    key_pair = make_serving(make_ca(NOW), ["somebody.else"], NOW)
    world = World()
    world.callers = [key_pair.certificate, b""]
    world.settle()
    assert world.count() == 1


@pytest.mark.parametrize("broken", [Pair(b"nonsense", b"nonsense"), Pair(make_ca(NOW).certificate, make_ca(NOW).key)])
def test_a_stored_pair_that_cannot_be_used_is_replaced(broken: Pair) -> None:
    world = World()
    world.settle()
    good = world.stored
    for bad in (replace(good, ca=broken), replace(good, serving=broken), replace(good, serving=good.ca)):
        world.stored = bad
        world.settle()
        assert world.stored != bad
        assert issued_by(certificate(world.serving), certificate(world.stored.ca))


def test_what_a_secret_holds_reads_back_as_it_was_written() -> None:
    world = World()
    for _ in range(5):
        world.step()
        assert from_secret(to_secret(world.stored)) == world.stored
    assert from_secret({}) == Stored()
