"""The ready-made rules of the key `securityPolicy`: registries, schemes, limits, GPUs."""

from collections.abc import Iterator, Sequence

from kservectl.admission.inferenceservice.implementations import block, text
from kservectl.admission.policies.parts import Found, Part, model_images, parts, scheme, storage_uris
from kservectl.admission.review import FieldError
from kservectl.api.config import Config
from kservectl.objects import quantity
from kservectl.objects.metadata import Object

_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
_MIG = "nvidia.com/mig-"


def violations(resource: str, obj: Object, config: Config) -> Iterator[FieldError]:
    """What `obj` asks for and may not have; raises ConfigError."""
    policy = config.security_policy
    exempt = frozenset(policy.exempt_containers)
    if policy.allowed_registries:
        yield from _registries(resource, obj, policy.allowed_registries, exempt)
    if policy.allowed_uri_schemes:
        yield from _schemes(resource, obj, policy.allowed_uri_schemes)
    for part in parts(resource, obj):
        if part.complete:
            yield from _limits(part, policy.required_limits, exempt)
        if policy.max_gpus is not None:
            yield from _gpus(part, policy.max_gpus, frozenset(config.multi_node.gpu_resources))


def full_reference(image: str) -> str:
    """An image's reference with its registry: `kserve/agent` is `docker.io/kserve/agent`, `nginx` is
    `docker.io/library/nginx`."""
    host, slash, rest = image.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        host = host.lower()
        if host not in _DOCKER_HUB:
            return f"{host}/{rest}"
        return f"docker.io/{rest}" if "/" in rest else f"docker.io/library/{rest}"
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"


def _registries(resource: str, obj: Object, allowed: Sequence[str], exempt: frozenset[str]) -> Iterator[FieldError]:
    found: list[Found] = []
    for part in parts(resource, obj):
        found += [image for name, image in part.images if name not in exempt]
    found += model_images(resource, obj)
    for image in found:
        if not any(_lies_in(image.value, entry) for entry in allowed):
            yield FieldError(
                image.path,
                f'image "{image.value}" comes from no allowed registry; allowed are {", ".join(allowed)}',
                "FieldValueForbidden",
            )


def _lies_in(image: str, entry: str) -> bool:
    host, slash, folder = entry.rstrip("/").partition("/")
    host = "docker.io" if host.lower() in _DOCKER_HUB else host.lower()
    reference, wanted = full_reference(image), f"{host}{slash}{folder}"
    if ".." in reference.split("/"):
        return False
    # A whole image may be named too; its tag or digest follows then.
    return reference == wanted or reference.startswith(
        (f"{wanted}/", *((f"{wanted}:", f"{wanted}@") if folder else ()))
    )


def _schemes(resource: str, obj: Object, allowed: Sequence[str]) -> Iterator[FieldError]:
    for found in storage_uris(resource, obj):
        used = scheme(found.value)
        if used not in allowed:
            yield FieldError(
                found.path,
                f'"{found.value}" has the scheme {used}, which is not allowed; allowed are {", ".join(allowed)}',
                "FieldValueForbidden",
            )


def _limits(part: Part, required: Sequence[str], exempt: frozenset[str]) -> Iterator[FieldError]:
    for path, container in (*part.containers, *part.init_containers):
        limits = block(block(container, "resources"), "limits") or {}
        missing = [name for name in required if limits.get(name) is None]
        if missing and text(container, "name") not in exempt:
            yield FieldError(
                f"{path}.resources.limits",
                f'container "{text(container, "name")}" must have a limit of {", ".join(missing)}',
                "FieldValueRequired",
            )


def _gpus(part: Part, most: int, names: frozenset[str]) -> Iterator[FieldError]:
    wanted = sum(_asked(container, names) for _, container in part.containers)
    wanted = max([wanted, *(_asked(container, names) for _, container in part.init_containers)])
    if wanted > most:
        yield FieldError(
            part.path, f"a pod may ask for {most} GPUs at most, and this one asks for {wanted:g}", "FieldValueForbidden"
        )


def _asked(container: Object, names: frozenset[str]) -> float:
    """GPUs of a container: of each kind what it requests or is limited to, whichever is more."""
    resources = block(container, "resources")
    amounts: dict[str, float] = {}
    for part in ("limits", "requests"):
        for name, amount in (block(resources, part) or {}).items():
            if name in names or name.startswith(_MIG):
                amounts[name] = max(amounts.get(name, 0.0), _number(amount))
    return sum(amounts.values())


def _number(amount: object) -> float:
    try:
        return float(quantity.parse(amount))
    except (quantity.InvalidQuantity, OverflowError):
        return 0.0
