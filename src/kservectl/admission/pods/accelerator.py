"""GKE: a pod that asks for a GPU goes to nodes with the accelerator that it names."""

from kservectl.admission.pods.context import PodContext
from kservectl.modelstorage.podspec import containers, with_spec
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

ANNOTATION = "serving.kserve.io/gke-accelerator"
NODE_LABEL = "cloud.google.com/gke-accelerator"


def inject_accelerator(pod: Object, context: PodContext) -> Object:
    accelerator = metadata.annotations(pod).get(ANNOTATION)
    if accelerator is None or not _limits_gpu(pod, context):
        return pod
    selector = (pod.get("spec") or {}).get("nodeSelector") or {}
    return with_spec(pod, nodeSelector=selector | {NODE_LABEL: accelerator})


def _limits_gpu(pod: Object, context: PodContext) -> bool:
    gpus = set(context.config.multi_node.gpu_resources)
    return any(gpus & ((found.get("resources") or {}).get("limits") or {}).keys() for found in containers(pod))
