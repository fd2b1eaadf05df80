"""A model as an image volume, which the kubelet mounts itself (KEP-4639): no copy, no side car."""

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.oci.reference import OciSource
from kservectl.modelstorage.paths import clean, volume_name
from kservectl.modelstorage.podspec import with_changed, with_mount, with_volume
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.targets import targets
from kservectl.objects.metadata import Object


def with_image_volume(pod: Object, source: OciSource, position: int, context: StorageContext) -> Object:
    """`pod` with the image as a volume; raises PodRefused when another volume is mounted at its path."""
    name = volume_name(source.path, "oci-model")
    mount = {"name": name, "mountPath": source.path, "subPath": "models", "readOnly": True}

    def mounted(target: Object) -> Object:
        for found in target.get("volumeMounts") or []:
            if clean(str(found.get("mountPath") or "")) == clean(source.path) and found.get("name") != name:
                raise PodRefused(f'mountPath "{source.path}" already used by volume "{found.get("name")}"')
        return with_mount(target, mount)

    for target in targets(pod):
        pod = with_changed(pod, target, mounted)
    return with_volume(pod, {"name": name, "image": {"reference": source.image, "pullPolicy": "IfNotPresent"}})
