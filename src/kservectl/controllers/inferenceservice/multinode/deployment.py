"""The Deployment of the workers. All of them are replaced at once: nodes of two generations do not work together."""

from kservectl.api.config_keys import DefaultRollout
from kservectl.controllers.inferenceservice import deployment
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.metadata import Object

_ROLLING = "RollingUpdate"


def build(worker: Workload, *, rollout: DefaultRollout | None) -> Object:
    """The Deployment; a rolling update brings up a whole new set of workers, whatever numbers the strategy names."""
    built = deployment.build(worker, replicas=worker.replicas, rollout=rollout)
    strategy = built["spec"]["strategy"]
    if strategy.get("type", _ROLLING) == _ROLLING:
        numbers = {"maxUnavailable": "0%", "maxSurge": "100%"}
        built["spec"]["strategy"] = {"type": _ROLLING, "rollingUpdate": numbers}
    return built
