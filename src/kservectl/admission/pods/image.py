"""A model that is a container image: a side car, an image volume, or a download, as its URI or the configuration says."""

from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.source import source_uri
from kservectl.modelstorage.oci.injection import with_images
from kservectl.modelstorage.oci.reference import is_oci, names_mode, oci_source
from kservectl.modelstorage.paths import MODEL_PATH
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.metadata import Object


def inject_image(pod: Object, context: PodContext) -> Object:
    uri = source_uri(pod)
    if not is_oci(uri):
        return pod
    mode = context.config.storage_initializer.oci_mode
    if mode:
        return with_images(pod, [oci_source(uri, MODEL_PATH, mode)], context)
    if names_mode(uri):
        raise PodRefused(
            f'storageUri "{uri}": images are not enabled; set enableModelcar or ociModelMode in key storageInitializer of'
            " ConfigMap inferenceservice-config"
        )
    return pod  # without a mode the init container downloads it
