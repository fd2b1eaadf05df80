"""The headless Services by which head and workers of one generation find each other, ready or not."""

from kservectl.controllers.inferenceservice.component_metadata import APP_LABEL
from kservectl.controllers.inferenceservice.service import HEADLESS
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.objects.kind import SERVICE
from kservectl.objects.metadata import Object

GENERATION_LABEL = "isvc.generation"
ROLE_LABEL = "multinode/role"


def head_name(predictor: str, generation: str) -> str:
    """The head's Service; `predictor` is the name of the predictor's Deployment."""
    return f"{predictor.removesuffix('-predictor')}-head-{generation}"


def worker_name(predictor: str, generation: str) -> str:
    """The workers' Service."""
    return f"{predictor.removesuffix('-predictor')}-workers-{generation}"


def build(head: Workload, worker: Workload) -> list[Object]:
    """Both Services."""
    generation = head.metadata.labels[GENERATION_LABEL]
    name = head.metadata.name
    return [
        _headless(head, head_name(name, generation), "head", head.metadata.labels[APP_LABEL]),
        _headless(head, worker_name(name, generation), "worker", worker.metadata.labels[APP_LABEL]),
    ]


def _headless(head: Workload, name: str, role: str, app: str) -> Object:
    meta = head.metadata.to_wire()
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {**meta, "name": name, "labels": {**meta["labels"], ROLE_LABEL: role}},
        "spec": {
            "clusterIP": HEADLESS,
            "publishNotReadyAddresses": True,
            "selector": {APP_LABEL: app, GENERATION_LABEL: head.metadata.labels[GENERATION_LABEL]},
        },
    }
