"""The deployment mode of an InferenceService: what its status remembers, else what it asks for, else the configured default.

The mode is sticky: once it is in the status, a changed annotation has no effect, because objects of the other mode exist.
"""

from collections.abc import Mapping

from kservectl.api.config_keys import KNATIVE, MODEL_MESH, STANDARD, normalise_deployment_mode

MODE_ANNOTATION = "serving.kserve.io/deploymentMode"

_MODES = (STANDARD, KNATIVE, MODEL_MESH)


def resolve(remembered: str, annotations: Mapping[str, str], default: str) -> str:
    """`Standard`, `Knative` or `ModelMesh`; legacy spellings are understood and an unknown annotation is ignored."""
    if remembered:
        return normalise_deployment_mode(remembered)
    asked = normalise_deployment_mode(annotations.get(MODE_ANNOTATION, ""))
    return asked if asked in _MODES else normalise_deployment_mode(default) or STANDARD
