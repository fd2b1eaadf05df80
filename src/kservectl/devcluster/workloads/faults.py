"""What can be made to go wrong, and how it is asked for.

A fault is switched on by the annotation `kservectl.dev/fault` on the pod (KServe copies annotations of an InferenceService
to its pods and routes). Two need no annotation: an image from a host under `.invalid` (RFC 2606) can never be pulled, and
a pod that asks for more than any node has is never scheduled.
"""

from collections.abc import Mapping
from typing import Any

from kservectl.objects import metadata

ANNOTATION = "kservectl.dev/fault"
IMAGE_PULL_ERROR = "image-pull-error"
CRASH_LOOP = "crash-loop"
NEVER_SCHEDULED = "never-scheduled"
ROUTE_REFUSED = "route-refused"


def has_fault(obj: Mapping[str, Any], fault: str) -> bool:
    """Whether the annotation of `obj` asks for this fault (a comma-separated list of them)."""
    asked = metadata.annotations(obj).get(ANNOTATION, "")
    return fault in (part.strip() for part in asked.split(","))


def cannot_be_pulled(image: str) -> bool:
    """Whether the image's registry is a host that cannot exist."""
    host = image.partition("/")[0].partition(":")[0]
    return host.endswith(".invalid")
