"""Which model server a runtime runs, where that decides about something beyond the runtime's own spec."""

from collections.abc import Mapping

from kservectl.objects import metadata
from kservectl.objects.metadata import Object

SERVER_TYPE_ANNOTATION = "serving.kserve.io/server-type"

_BY_NAME: Mapping[str, str] = {
    "kserve-mlserver": "mlserver",
    "kserve-torchserve": "torchserve",
    "kserve-tritonserver": "tritonserver",
    "kserve-tensorflow-serving": "tensorflow-serving",
    "kserve-huggingfaceserver": "huggingfaceserver",
    "kserve-vllmserver": "vllmserver",
}


def server_type_of(runtime: Object) -> str:
    """The annotated type, else the one known by the runtime's name, else an empty text.

    An empty annotation stands for the name as well: nobody annotates a runtime to say nothing.
    """
    return metadata.annotations(runtime).get(SERVER_TYPE_ANNOTATION) or _BY_NAME.get(metadata.name(runtime), "")
