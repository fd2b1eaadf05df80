"""What the process tells the controller."""

import pytest

from kservectl.controllers.inferenceservice.settings import Settings


@pytest.mark.parametrize(
    ("environment", "resolver", "expected"),
    [
        ({}, "", Settings("kserve", "cluster.local")),
        (
            {"POD_NAMESPACE": "serving", "CLUSTER_DOMAIN": "corp.local"},
            "search svc.x",
            Settings("serving", "corp.local"),
        ),
        ({}, "nameserver 10.0.0.1\nsearch a.svc.corp svc.corp.org. corp.org\n", Settings("kserve", "corp.org")),
        ({}, "search example.com", Settings("kserve", "cluster.local")),
    ],
)
def test_settings_come_from_the_process(environment: dict[str, str], resolver: str, expected: Settings) -> None:
    assert Settings.of_process(environment, resolver) == expected
