"""Advice on models that are mounted as image volumes (`ociModelMode: native`): whether the cluster's version can do that.

The advice is a condition that stands in nobody's way: the API server alone decides what it takes.
"""

import re
from contextlib import suppress
from typing import NamedTuple

from kservectl.api.config import Config, ConfigError
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.status import StatusDraft

CONDITION = "OciImageVolumeCompatible"

_MINOR = re.compile(r"\d+\.(\d+)\+?")
_ALPHA, _BETA, _ON_BY_DEFAULT = 31, 33, 35


class Advice(NamedTuple):
    """Why image volumes may not work, as condition reason and message."""

    reason: str
    message: str


def advise(draft: StatusDraft, config: Config, settings: Settings) -> None:
    """Say whether the cluster can mount models as image volumes, where it is configured to."""
    found = None
    with suppress(ConfigError):  # whoever needs that key says so
        if config.storage_initializer.oci_mode == "native":
            found = advice(settings.server_version)
    if found is None:
        draft.conditions.clear(CONDITION)
    else:
        draft.conditions.mark_false(CONDITION, found.reason, found.message)


def advice(version: str) -> Advice | None:
    """What to say about an API server of this version (`major.minor`, as it reports it); None where all is well or unknown."""
    found = _MINOR.fullmatch(version)
    if found is None:
        return None
    minor = int(found[1])
    if minor < _ALPHA:
        return Advice(
            "ImageVolumeUnsupported",
            f"Cluster K8s {version} does not support ImageVolume (introduced in 1.31 as alpha). "
            "Falling back to modelcar may be required.",
        )
    if minor < _BETA:
        return Advice(
            "ImageVolumeSubPathUnsupported",
            f"Cluster K8s {version} (alpha) does not support subPath on ImageVolume VolumeMounts. "
            "Upgrade to K8s 1.33+ (beta) for full oci+native:// support.",
        )
    if minor < _ON_BY_DEFAULT:
        return Advice(
            "ImageVolumeAlpha",
            f"Cluster K8s {version} has ImageVolume feature-gated (K8s 1.33–1.34 beta). "
            "Ensure --feature-gates=ImageVolume=true is set on kube-apiserver and kubelet.",
        )
    return None
