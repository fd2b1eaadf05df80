"""The tag of the serving image: the asked-for version, or the flavour that fits the hardware.

An image pinned by digest is never touched. Only the images of the runtimes that publish flavours are.
"""

import re
from collections.abc import Mapping

from kservectl.objects.metadata import Object

_TAG = re.compile(r":[A-Za-z0-9_.-]+$")
_GPU_SUFFIXED = frozenset({"tensorflow-serving", "torchserve", "huggingfaceserver"})
_CPU_SUFFIXED = frozenset({"vllmserver"})


def resolve(image: str, *, version: str | None, server_type: str, gpu: bool) -> str:
    """The image to run.

    `version` (the model's `runtimeVersion`) replaces the tag and ends the matter. Otherwise a known `server_type` decides:
    with a GPU some images end their tag in `-gpu`, without one vLLM's repository ends in `-cpu`.
    """
    if not image or "@sha256:" in image:
        return image
    tag = _TAG.search(image)
    if version:
        return (image[: tag.start()] if tag else image) + ":" + version
    if tag is None:
        return image
    if gpu and server_type in _GPU_SUFFIXED:
        return image if image.endswith("-gpu") else image + "-gpu"
    if not gpu and server_type in _CPU_SUFFIXED:
        repository = image[: tag.start()]
        return image if repository.endswith("-cpu") else f"{repository}-cpu{tag.group()}"
    return image


def wants_gpu(container: Object) -> bool:
    """Whether the container's limits name an NVIDIA GPU, whole or partitioned."""
    resources = container.get("resources")
    limits = resources.get("limits") if isinstance(resources, Mapping) else None
    return isinstance(limits, Mapping) and any(
        name == "nvidia.com/gpu" or name.startswith("nvidia.com/mig") for name in limits
    )
