"""A development cluster that is kept on disk."""

from pathlib import Path

from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, INFERENCE_SERVICE
from kservectl.development.environment import EnvironmentOptions, running
from tests.admission.inferenceservice.services import model, service


async def test_a_cluster_starts_again_though_its_webhooks_led_to_a_process_that_is_gone(tmp_path: Path) -> None:
    options = EnvironmentOptions(data=tmp_path)
    async with running(options) as first:
        await first.client.create(INFERENCE_SERVICE, service(model()))
        runtimes = len(first.cluster.list(CLUSTER_SERVING_RUNTIME))
    async with running(options) as second:
        assert second.cluster.get(INFERENCE_SERVICE, "sklearn", "default") is not None
        assert len(second.cluster.list(CLUSTER_SERVING_RUNTIME)) == runtimes > 0
        changed = await second.client.create(INFERENCE_SERVICE, service(model(), name="other"))
        assert changed["metadata"]["annotations"]["modelFormat"] == "sklearn"
