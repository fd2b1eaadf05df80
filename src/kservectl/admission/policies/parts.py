"""What an object asks for, whatever its kind: the pods it leads to, their containers, images and storage URIs.

Reads any JSON, as the rules of admission must. Paths are those of the object, so that a refusal names the field.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from kservectl.admission.inferenceservice.implementations import LEGACY_FRAMEWORKS, block, blocks, text
from kservectl.admission.pods.source import SOURCE_URI_ANNOTATION
from kservectl.modelstorage.oci.reference import is_oci
from kservectl.objects.metadata import Object

_IMPLEMENTATIONS = (*LEGACY_FRAMEWORKS, "model", "art")
_STORAGE_INITIALIZER = "storage-initializer"
_PLACEHOLDER = "<scheme-placeholder>"


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the path to it."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Part:
    """One pod that the object is or leads to: a Pod's spec, a component, its workers, a runtime. `complete` says whether
    all of the pod is known, which it is for a Pod alone: the rest may come from a runtime."""

    path: str
    spec: Object
    complete: bool = False

    @property
    def containers(self) -> Iterator[tuple[str, Object]]:
        """All that run together, with their paths; a framework's block, `model` and `art` are containers too."""
        for field in _IMPLEMENTATIONS:
            found = block(self.spec, field)
            if found is not None:
                yield f"{self.path}.{field}", found
        yield from self._listed("containers")

    @property
    def init_containers(self) -> Iterator[tuple[str, Object]]:
        yield from self._listed("initContainers")

    @property
    def images(self) -> Iterator[tuple[str, Found]]:
        """Images of containers by the container's name, and of image volumes and models under no name."""
        for path, container in (*self.containers, *self.init_containers):
            image = text(container, "image")
            if image:
                yield text(container, "name"), Found(f"{path}.image", image)
        for index, volume in enumerate(blocks(self.spec, "volumes")):
            reference = text(block(volume, "image"), "reference")
            if reference:
                yield "", Found(f"{self.path}.volumes[{index}].image.reference", reference)

    def _listed(self, field: str) -> Iterator[tuple[str, Object]]:
        for index, container in enumerate(blocks(self.spec, field)):
            yield f"{self.path}.{field}[{index}]", container


def parts(resource: str, obj: Object) -> list[Part]:
    """The pods that `obj` is or leads to."""
    spec = block(obj, "spec") or {}
    match resource:
        case "pods":
            return [Part("spec", spec, complete=True)]
        case "servingruntimes" | "clusterservingruntimes":
            return [Part("spec", spec), *_workers("spec", spec)]
        case "inferenceservices":
            return [part for path, component in _components(spec) for part in _component(path, component)]
    return []


def storage_uris(resource: str, obj: Object) -> Iterator[Found]:
    """Where models are to come from."""
    spec = block(obj, "spec") or {}
    match resource:
        case "inferenceservices":
            for path, component in _components(spec):
                yield from _component_uris(path, component)
        case "trainedmodels":
            yield from _text("spec.model.storageUri", block(spec, "model"), "storageUri")
        case "localmodelcaches" | "localmodelnamespacecaches":
            yield from _text("spec.sourceModelUri", spec, "sourceModelUri")
        case "pods":
            yield from _pod_uris(obj, spec)


def model_images(resource: str, obj: Object) -> Iterator[Found]:
    """Images that are named by storage URIs."""
    for found in storage_uris(resource, obj):
        _, _, image = found.value.partition("://")
        if is_oci(found.value) and image:
            yield Found(found.path, image)


def scheme(uri: str) -> str:
    """The scheme of a storage URI: `oci` whatever the mode, `file` for a plain path."""
    found, separator, _ = uri.partition("://")
    return found.partition("+")[0] if separator else "file"


def _components(spec: Object) -> Iterator[tuple[str, Object]]:
    for field in ("predictor", "transformer", "explainer"):
        component = block(spec, field)
        if component is not None:
            yield f"spec.{field}", component
    for index, canary in enumerate(blocks(spec, "canary")):
        predictor = block(canary, "predictor")
        if predictor is not None:
            yield f"spec.canary[{index}].predictor", predictor


def _component(path: str, component: Object) -> Iterator[Part]:
    yield Part(path, component)
    yield from _workers(path, component)


def _workers(path: str, parent: Object) -> Iterator[Part]:
    workers = block(parent, "workerSpec")
    if workers is not None:
        yield Part(f"{path}.workerSpec", workers)


def _component_uris(path: str, component: Object) -> Iterator[Found]:
    for here, container in Part(path, component).containers:
        yield from _text(f"{here}.storageUri", container, "storageUri")
        for index, entry in enumerate(blocks(container, "env")):
            if entry.get("name") == "STORAGE_URI":
                yield from _text(f"{here}.env[{index}].value", entry, "value")
        # The scheme of a storage spec; what stands in the Secret is seen when the pod is made.
        kind = text(block(block(container, "storage"), "parameters"), "type")
        if kind:
            yield Found(f"{here}.storage.parameters.type", f"{kind}://")
    for index, entry in enumerate(blocks(component, "storageUris")):
        yield from _text(f"{path}.storageUris[{index}].uri", entry, "uri")


def _pod_uris(pod: Object, spec: Object) -> Iterator[Found]:
    annotations = block(block(pod, "metadata"), "annotations")
    source = text(annotations, SOURCE_URI_ANNOTATION)
    if source and not source.startswith(_PLACEHOLDER):
        yield Found(f"metadata.annotations[{SOURCE_URI_ANNOTATION}]", source)
    for index, container in enumerate(blocks(spec, "initContainers")):
        args = container.get("args")
        if container.get("name") == _STORAGE_INITIALIZER and isinstance(args, list):
            for position in range(0, len(args), 2):
                if isinstance(args[position], str) and args[position] != source:
                    yield Found(f"spec.initContainers[{index}].args[{position}]", args[position])


def _text(path: str, parent: Object | None, field: str) -> Iterator[Found]:
    value = text(parent, field)
    if value:
        yield Found(path, value)
