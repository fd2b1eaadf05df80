"""Reading the parts of a Secret that are no secret."""

import base64
import binascii
from collections.abc import Mapping

from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def keys(secret: Object) -> Mapping[str, str]:
    """The keys of a Secret, with values still encoded."""
    return secret.get("data") or {}


def text(secret: Object, key: str) -> str:
    """The value of a key that is there; raises PodRefused when it is no text."""
    try:
        return base64.b64decode(keys(secret)[key] or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        # Without its cause: a decoding error carries the bytes that it could not decode.
        raise PodRefused(f"key {key} of Secret {metadata.key(secret)} is not UTF-8 text") from None
