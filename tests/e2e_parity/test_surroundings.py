"""The ConfigMap of each mode."""

import json

from e2e.parity.surroundings import configured


def test_mode_sets_its_fields_and_leaves_the_rest() -> None:
    data = {"ingress": '{"enableGatewayApi": false, "ingressDomain": "example.com"}', "agent": "{}"}

    found = configured(data, "raw-gateway")

    assert json.loads(found["ingress"]) == {"enableGatewayApi": True, "ingressDomain": "example.com"}
    assert json.loads(found["deploy"]) == {"defaultDeploymentMode": "Standard"}
    assert found["agent"] == "{}"
