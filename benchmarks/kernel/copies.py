"""The controller that the kernels are compared by: each ConfigMap in `sources` that carries a label has a copy in `copies`.

The copy follows the data and goes with its source, by a finalizer. Written three times, each as that kernel's users would:
for_kservectl.py, for_kopf.py, and go/main.go for controller-runtime. for_kopf_lean.py is a fourth, in which kopf does less.
"""

from kservectl.objects import metadata
from kservectl.objects.metadata import Object

LABEL = "bench.kservectl.dev/copied"
COPY_LABEL = "bench.kservectl.dev/copy"
FINALIZER = "bench.kservectl.dev/copies"
SOURCES = "sources"
COPIES = "copies"


def copy_of(source: Object) -> Object:
    """What should exist for a source."""
    meta = {"name": metadata.name(source), "namespace": COPIES, "labels": {COPY_LABEL: "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": dict(source.get("data") or {})}
