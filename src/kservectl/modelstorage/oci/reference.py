"""URIs of models that are images, and the ways to use one."""

from dataclasses import dataclass
from typing import Literal

from kservectl.modelstorage.refusal import PodRefused

Mode = Literal["modelcar", "native", "fetch"]

_MODES: tuple[Mode, ...] = ("modelcar", "native", "fetch")


@dataclass(frozen=True, slots=True)
class OciSource:
    """An image, the folder in which its server wants the model, and how it gets there."""

    image: str
    path: str
    mode: Mode


def is_oci(uri: str) -> bool:
    """Whether the model is an image: `oci://IMAGE`, or `oci+MODE://IMAGE` with the way to use it."""
    return uri.startswith(("oci://", "oci+"))


def names_mode(uri: str) -> bool:
    return uri.startswith("oci+")


def oci_source(uri: str, path: str, configured: Mode | Literal[""]) -> OciSource:
    """The source that an OCI `uri` names; one without a mode of its own has the configured one. Raises PodRefused."""
    scheme, _, image = uri.partition("://")
    if not image:
        raise PodRefused(f'storageUri "{uri}" names no image; write oci://IMAGE')
    if scheme == "oci":
        if not configured:
            raise PodRefused(
                f'storageUri "{uri}": images are not enabled; set enableModelcar or ociModelMode in key'
                " storageInitializer of the configuration, or write oci+MODE://IMAGE"
            )
        return OciSource(image, path, configured)
    for mode in _MODES:
        if scheme == f"oci+{mode}":
            return OciSource(image, path, mode)
    raise PodRefused(f'storageUri "{uri}": the mode after oci+ must be one of {", ".join(_MODES)}')
