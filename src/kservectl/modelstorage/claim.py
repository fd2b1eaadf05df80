"""A model on a PersistentVolumeClaim: mounted, never copied."""

from dataclasses import dataclass

from kservectl.modelstorage.podspec import with_volume
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.targets import mounted_in_targets
from kservectl.objects.metadata import Object

SCHEME = "pvc://"


@dataclass(frozen=True, slots=True)
class Claim:
    """A PersistentVolumeClaim and a folder in it; an empty folder is the root."""

    name: str
    path: str


def claim_of(uri: str) -> Claim | None:
    """The claim that a `pvc://NAME[/PATH]` names; None for any other URI. Raises PodRefused without a name."""
    if not uri.startswith(SCHEME):
        return None
    name, _, path = uri.removeprefix(SCHEME).partition("/")
    if not name:
        raise PodRefused(f'storageUri "{uri}" names no claim; write {SCHEME}NAME or {SCHEME}NAME/PATH')
    return Claim(name, path)


def with_claim(pod: Object, claim: Claim, volume: str, path: str) -> Object:
    """`pod` with the claim as `volume`, its folder mounted at `path` where the model is wanted."""
    mount: Object = {"name": volume, "mountPath": path}
    if claim.path:
        mount["subPath"] = claim.path
    pod = mounted_in_targets(pod, mount)
    return with_volume(pod, {"name": volume, "persistentVolumeClaim": {"claimName": claim.name}})
