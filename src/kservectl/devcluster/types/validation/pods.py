"""Rules of pods and of the pod templates in workloads."""

from collections.abc import Iterable, Mapping, Sequence

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types import names
from kservectl.devcluster.types.validation import numbers
from kservectl.devcluster.types.validation.containers import check_containers
from kservectl.objects.metadata import Object

_MUTABLE = frozenset({"activeDeadlineSeconds", "tolerations", "containers", "initContainers", "schedulingGates"})


def check_pod(new: Object, old: Object | None) -> list[Cause]:
    """A pod by itself: its spec, which an update can hardly change."""
    found = list(check_pod_spec(new.get("spec") or {}, "spec"))
    for field in ("containers", "initContainers"):
        found.extend(_check_images(new["spec"].get(field, ()), f"spec.{field}"))
    if old is not None:
        found.extend(_check_update(new.get("spec") or {}, old.get("spec") or {}))
    return found


def check_template(template: Object, path: str) -> Iterable[Cause]:
    """The pod template of a workload."""
    meta = template.get("metadata") or {}
    if labels := meta.get("labels"):
        yield from names.check_labels(labels, f"{path}.metadata.labels")
    if annotations := meta.get("annotations"):
        yield from names.check_annotations(annotations, f"{path}.metadata.annotations")
    yield from check_pod_spec(template.get("spec") or {}, f"{path}.spec")


def check_pod_spec(spec: Object, path: str) -> Iterable[Cause]:
    volumes: dict[str, Object] = {}
    yield from _check_volumes(spec.get("volumes", ()), volumes, f"{path}.volumes")
    taken: set[str] = set()
    if not spec.get("containers"):
        yield say.required(f"{path}.containers")
    yield from check_containers(spec.get("containers", ()), volumes, f"{path}.containers", taken)
    yield from check_containers(spec.get("initContainers", ()), volumes, f"{path}.initContainers", taken, init=True)
    yield from numbers.one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), ("Always", "OnFailure", "Never"))
    dns = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    yield from numbers.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), dns)
    grace = spec.get("terminationGracePeriodSeconds")
    yield from numbers.at_least(f"{path}.terminationGracePeriodSeconds", grace, 0)
    yield from numbers.at_least(f"{path}.activeDeadlineSeconds", spec.get("activeDeadlineSeconds"), 1)
    for field in ("serviceAccountName", "priorityClassName", "runtimeClassName"):
        if (value := spec.get(field)) and (problem := names.dns_subdomain(value)):
            yield say.invalid(f"{path}.{field}", value, problem)
    for key, value in (spec.get("nodeSelector") or {}).items():
        yield from names.check_labels({key: value}, f"{path}.nodeSelector")
    yield from _check_tolerations(spec.get("tolerations", ()), f"{path}.tolerations")


def _check_images(containers: Sequence[Object], path: str) -> Iterable[Cause]:
    """Spaces around an image, which a template may still have."""
    for position, container in enumerate(containers):
        image = container.get("image", "")
        if image != image.strip():
            yield say.invalid(f"{path}[{position}].image", image, "must not have leading or trailing whitespace")


_VOLUME_NAMES: Mapping[str, str] = {
    "secret": "secretName",
    "configMap": "name",
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
}


def _check_volumes(volumes: Sequence[Object], known: dict[str, Object], path: str) -> Iterable[Cause]:
    for position, volume in enumerate(volumes):
        where = f"{path}[{position}]"
        name = volume.get("name")
        if name:
            if problem := names.dns_label(name):
                yield say.invalid(f"{where}.name", name, problem)
            if name in known:
                yield say.duplicate(f"{where}.name", name)
            known[name] = volume
        sources = [field for field in volume if field != "name"]
        for extra in sources[1:]:
            yield say.forbidden(f"{where}.{extra}", "may not specify more than 1 volume type")
        for source in sources:
            needed = _VOLUME_NAMES.get(source)
            if needed and not volume[source].get(needed):
                yield say.required(f"{where}.{source}.{needed}")
            mode = volume[source].get("defaultMode")
            if isinstance(mode, int) and not 0 <= mode <= 0o777:
                detail = "must be a number between 0 and 0777 (octal), both inclusive"
                yield say.invalid(f"{where}.{source}.defaultMode", mode, detail)


def _check_tolerations(tolerations: Sequence[Object], path: str) -> Iterable[Cause]:
    for position, toleration in enumerate(tolerations):
        where = f"{path}[{position}]"
        key, operator = toleration.get("key"), toleration.get("operator", "")
        if key and (problem := names.qualified_name(key)):
            yield say.invalid(f"{where}.key", key, problem)
        if not key and operator != "Exists":
            yield say.invalid(
                f"{where}.operator",
                operator,
                'operator must be Exists when `key` is empty, which means "match all values and all keys"',
            )
        yield from numbers.one_of(f"{where}.operator", operator or None, ("Equal", "Exists"))
        if operator == "Exists" and toleration.get("value"):
            yield say.invalid(
                f"{where}.operator", toleration["value"], "value must be empty when `operator` is 'Exists'"
            )
        effect = toleration.get("effect")
        yield from numbers.one_of(f"{where}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            yield say.invalid(f"{where}.effect", effect or "", detail)


def _check_update(new: Object, old: Object) -> Iterable[Cause]:
    """A pod keeps its spec; images, the deadline and added tolerations are the exceptions."""
    if _frozen(new) != _frozen(old):
        yield say.forbidden(
            "spec",
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
        )


def _frozen(spec: Object) -> Object:
    """What of a spec cannot change. A pod that had no node may get one."""
    fixed = {name: value for name, value in spec.items() if name not in _MUTABLE and name != "nodeName"}
    for field in ("containers", "initContainers"):
        fixed[field] = [
            {name: value for name, value in container.items() if name != "image"} for container in spec.get(field, ())
        ]
    return fixed
