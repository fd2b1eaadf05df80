"""Pods satisfy the restricted Pod Security Standard where they do not say otherwise."""

from typing import Any

import pytest

from kservectl.admission.pods.security_context import inject_security_context
from kservectl.objects.metadata import Object
from tests.admission.pods.samples import container, context, pod, spec

RESTRICTED: Object = {"securityPolicy": {"defaultSecurityContext": "restricted"}}
DEFAULT = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}


def own(security: Any, common: Any = None) -> Any:
    """The security context of a container that has this one already, in a pod with the common one."""
    original = pod(container(**({"securityContext": security} if security is not None else {})))
    if common is not None:
        original["spec"]["securityContext"] = common
    return spec(original, context(**RESTRICTED))["containers"][0]["securityContext"]


def test_nothing_is_written_unless_it_is_configured() -> None:
    assert "securityContext" not in spec(pod(), context())["containers"][0]


def test_every_container_gets_what_the_standard_asks_for() -> None:
    made = spec(pod(container(), container("side"), uri="gs://b/m", batcher="true"), context(**RESTRICTED))
    assert made["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    assert [each["name"] for each in made["containers"]] == ["kserve-container", "side", "agent"]
    assert all(each["securityContext"] == DEFAULT for each in (*made["containers"], *made["initContainers"]))


@pytest.mark.parametrize("mode", ["modelcar", "fetch"])
def test_so_do_the_containers_of_models_that_are_images(mode: str) -> None:
    where = context(storage={"ociModelMode": mode, "uidModelcar": 1010}, **RESTRICTED)
    made = spec(pod(uri="oci://model"), where)
    for each in (*made["containers"], *made["initContainers"]):
        assert each["securityContext"].items() >= DEFAULT.items()


def test_what_a_container_says_stays() -> None:
    said = {
        "allowPrivilegeEscalation": True,
        "capabilities": {"drop": ["NET_RAW"]},
        "runAsUser": 1000,
        "readOnlyRootFilesystem": True,
    }
    assert own(said) == said | {"runAsNonRoot": True}
    assert own({"capabilities": {"add": ["NET_BIND_SERVICE"]}})["capabilities"] == {
        "add": ["NET_BIND_SERVICE"],
        "drop": ["ALL"],
    }


def test_whoever_runs_as_root_on_purpose_is_not_told_otherwise() -> None:
    assert "runAsNonRoot" not in own({"runAsUser": 0})
    assert own({"runAsNonRoot": False})["runAsNonRoot"] is False
    assert "runAsNonRoot" not in own(None, {"runAsUser": 0})
    assert own({"runAsUser": 7}, {"runAsUser": 0})["runAsNonRoot"] is True


def test_a_pod_that_says_it_for_all_containers_needs_no_more() -> None:
    assert "runAsNonRoot" not in own(None, {"runAsNonRoot": True})


def test_a_privileged_container_or_one_with_more_capabilities_keeps_its_escalation() -> None:
    assert own({"privileged": True}) == {"privileged": True, "runAsNonRoot": True}
    more = {"capabilities": {"add": ["NET_ADMIN"]}}
    assert own(more) == more | {"runAsNonRoot": True}


def test_a_seccomp_profile_of_the_pod_stays() -> None:
    original = pod()
    original["spec"]["securityContext"] = {"seccompProfile": {"type": "Localhost"}, "fsGroup": 1}
    assert spec(original, context(**RESTRICTED))["securityContext"] == {
        "seccompProfile": {"type": "Localhost"},
        "fsGroup": 1,
    }


def test_exempt_containers_and_namespaces_are_left_alone() -> None:
    made = spec(pod(container(), container("istio-proxy")), context(**RESTRICTED))
    assert "securityContext" not in made["containers"][1]
    policy: Object = {"securityPolicy": {"defaultSecurityContext": "restricted", "exemptNamespaces": ["default"]}}
    original = pod()
    assert inject_security_context(original, context(**policy)) is original
