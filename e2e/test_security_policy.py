"""The key `securityPolicy` on a cluster: what it refuses, and pods that satisfy the restricted Pod Security Standard."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from e2e.api import PATIENCE, Api
from e2e.conftest import Configure
from e2e.services import ready, service
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.client.errors import Invalid
from kservectl.objects.kind import NAMESPACE, POD
from kservectl.objects.metadata import Object

pytestmark = pytest.mark.usefixtures("manager")

NAMED = {"expression": "has(object.metadata.labels) && 'team' in object.metadata.labels", "message": "name your team"}
TEAMS: Mapping[str, Any] = {"name": "teams", "validations": [NAMED]}
BROKEN: Mapping[str, Any] = {
    "name": "broken",
    "validations": [{"expression": "object.metadata.nam =="}],
    "failurePolicy": "Ignore",
}


async def refusal(api: Api, namespace: str, **model: Any) -> str:
    """What a service is refused with, once the webhooks have seen the configuration."""
    async with asyncio.timeout(PATIENCE):
        for number in range(1000):
            try:
                await api.create(INFERENCE_SERVICE, service(f"try-{number}", namespace, **model))
            except Invalid as refused:
                return str(refused)
            await asyncio.sleep(0.2)
    raise AssertionError("it was never refused")


async def test_services_are_refused_for_what_a_policy_forbids(api: Api, namespace: str, configure: Configure) -> None:
    await api.create(INFERENCE_SERVICE, service("before", namespace))
    await configure("securityPolicy", allowedUriSchemes=["s3"], policies=[BROKEN, TEAMS])

    told = await refusal(api, namespace)

    assert 'security policy "teams": name your team' in told
    assert "spec.predictor.model.storageUri" in told and "allowed are s3" in told
    allowed = service("allowed", namespace, storageUri="s3://bucket/model")
    allowed["metadata"]["labels"] = {"team": "a"}
    await api.create(INFERENCE_SERVICE, allowed)
    await api.merge(INFERENCE_SERVICE, "before", namespace, {"metadata": {"annotations": {"note": "x"}}})
    await api.delete(INFERENCE_SERVICE, "before", namespace)
    await api.until_gone(INFERENCE_SERVICE, "before", namespace)


async def test_pods_run_where_the_restricted_standard_is_enforced(
    api: Api, namespace: str, configure: Configure
) -> None:
    await configure("securityPolicy", defaultSecurityContext="restricted", allowedUriSchemes=["s3", "oci"])
    await refusal(api, namespace)  # so that the pod webhook has seen it too
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    await api.merge(NAMESPACE, namespace, "", {"metadata": {"labels": labels}})
    logging = service("logging", namespace, storageUri="s3://bucket/model")
    logging["spec"]["predictor"]["logger"] = {"mode": "all"}
    for obj in (logging, service("image", namespace, storageUri="oci://registry.org/model:v1")):
        await api.create(INFERENCE_SERVICE, obj)

    for name in ("logging", "image"):
        await ready(api, namespace, name)
        (pod,) = await api.list(POD, namespace, label_selector=f"serving.kserve.io/inferenceservice={name}")
        assert len(_containers(pod)) == 3
        assert all(each["securityContext"]["allowPrivilegeEscalation"] is False for each in _containers(pod))


def _containers(pod: Object) -> list[Object]:
    return [*pod["spec"]["containers"], *pod["spec"]["initContainers"]]
