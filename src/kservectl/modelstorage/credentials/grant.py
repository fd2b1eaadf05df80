"""What credentials add to a container and to its pod."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from itertools import chain

from kservectl.modelstorage.podspec import with_env_entry, with_mount, with_volume
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Grant:
    """Environment and mounts of a container, and the pod's volumes for them."""

    env: tuple[Object, ...] = ()
    mounts: tuple[Object, ...] = ()
    volumes: tuple[Object, ...] = ()

    @classmethod
    def together(cls, grants: Iterable["Grant"]) -> "Grant":
        """All of `grants`; of variables of one name the last counts, in the place of the first."""
        parts = list(grants)
        env: dict[str, Object] = {}
        for entry in chain.from_iterable(grant.env for grant in parts):
            env[entry["name"]] = entry
        return cls(
            env=tuple(env.values()),
            mounts=tuple(mount for grant in parts for mount in grant.mounts),
            volumes=tuple(volume for grant in parts for volume in grant.volumes),
        )

    def without_env(self, names: Container[str | None]) -> "Grant":
        """This grant less the variables of these names."""
        return replace(self, env=tuple(entry for entry in self.env if entry["name"] not in names))

    def to_container(self, container: Object) -> Object:
        """`container` with variables (over those of the same name) and mounts."""
        for entry in self.env:
            container = with_env_entry(container, entry)
        for mount in self.mounts:
            container = with_mount(container, mount)
        return container

    def to_pod(self, pod: Object) -> Object:
        """`pod` with the volumes; one of the same name stays as it is."""
        for volume in self.volumes:
            pod = with_volume(pod, volume)
        return pod


NOTHING = Grant()


def from_secret(env: str, secret: str, key: str) -> Object:
    """The entry of `env` that takes its value from a key of a Secret."""
    return {"name": env, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
