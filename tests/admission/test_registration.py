import base64
import copy

import pytest

from kservectl.admission.registration import Endpoint, ca_bundles, leads_here, patch
from kservectl.objects import mergepatch
from kservectl.objects.metadata import Object

INSIDE = Endpoint("hooks", "kserve")
OUTSIDE = Endpoint("hooks", "kserve", "https://dev.example:9443")
BUNDLE = b"-----BEGIN CERTIFICATE-----"
ENCODED = base64.b64encode(BUNDLE).decode()


def configuration(*client_configs: Object) -> Object:
    webhooks = [
        {"name": f"w{index}", "clientConfig": config, "rules": []} for index, config in enumerate(client_configs)
    ]
    return {"metadata": {"name": "ours", "resourceVersion": "7"}, "webhooks": webhooks}


def by_service(name: str = "hooks", path: str = "/mutate", **more: str) -> Object:
    return {"service": {"name": name, "namespace": "kserve", "path": path, "port": 443}, **more}


def patched(obj: Object, endpoint: Endpoint) -> list[Object]:
    """The client configs after the patch, which must then be complete and leave nothing to do."""
    before = copy.deepcopy(obj)
    body = patch(obj, endpoint, BUNDLE)
    assert body is not None and body["metadata"] == {"resourceVersion": "7"}
    after = mergepatch.apply(obj, body)
    assert obj == before
    assert patch(after, endpoint, BUNDLE) is None
    return [webhook["clientConfig"] for webhook in after["webhooks"]]


def test_entries_of_this_server_trust_the_bundle_and_others_stay() -> None:
    other = by_service("other", caBundle="x")
    assert patched(configuration(by_service(), other), INSIDE) == [by_service(caBundle=ENCODED), other]


def test_a_url_takes_the_place_of_the_service_and_keeps_the_path() -> None:
    url = {"url": "https://dev.example:9443/mutate", "caBundle": ENCODED}
    assert patched(configuration(by_service()), OUTSIDE) == [url]
    assert patched(configuration({"url": "https://old.example/mutate"}), OUTSIDE) == [url]
    assert patched(configuration(url), INSIDE) == [by_service(caBundle=ENCODED)]


def test_a_port_of_ones_own_is_kept() -> None:
    config = by_service()
    config["service"]["port"] = 8443
    assert patched(configuration(config), INSIDE)[0]["service"]["port"] == 8443


@pytest.mark.parametrize(("written", "read"), [(ENCODED, BUNDLE), ("", b""), (None, b""), ("%", b"")])
def test_what_callers_trust_is_read_as_far_as_it_can_be(written: str | None, read: bytes) -> None:
    obj = configuration(by_service() | {"caBundle": written}, by_service("other"))
    assert ca_bundles(obj, INSIDE) == [read]


def test_a_configuration_without_webhooks_needs_nothing() -> None:
    assert patch({"metadata": {}}, INSIDE, BUNDLE) is None


@pytest.mark.parametrize("url", ["http://host", "https://", "host:9443", "https://host/base"])
def test_a_url_that_the_api_server_could_not_call_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not https://HOST"):
        Endpoint("hooks", "kserve", url)


def test_the_host_of_a_url_is_covered_by_the_certificate() -> None:
    assert OUTSIDE.extra_names == ("dev.example", "localhost", "127.0.0.1")
    assert Endpoint("hooks", "kserve", "https://127.0.0.1:1").extra_names == ("127.0.0.1", "localhost")
    assert INSIDE.extra_names == ()


def test_a_configuration_leads_here_once_every_own_entry_does() -> None:
    other = by_service("other")
    url = {"url": "https://dev.example:9443/mutate", "caBundle": ENCODED}
    assert leads_here(configuration(by_service(caBundle=ENCODED), other), INSIDE)
    assert not leads_here(configuration(by_service(caBundle=ENCODED), by_service()), INSIDE)
    assert leads_here(configuration(url), OUTSIDE)
    assert not leads_here(configuration(url), INSIDE)
    assert not leads_here(configuration({**url, "url": "https://dev.example:9444/mutate"}), OUTSIDE)
    assert leads_here(configuration(), INSIDE)
