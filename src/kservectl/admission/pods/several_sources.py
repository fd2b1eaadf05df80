"""Credentials for the download of several models (`storageUris`).

Its init container comes with the pod's template: the controller that makes templates reads no Secrets. What the
container has already, from a ClusterStorageContainer say, wins over what credentials bring.
"""

from kservectl.admission.inferenceservice.implementations import block, blocks
from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.payload_log import COMPONENT_LABEL
from kservectl.admission.pods.source import source_uri
from kservectl.modelstorage.ca_bundle import bundle_for, with_ca_bundle, without_ca_bundle
from kservectl.modelstorage.credentials.download import download_credentials
from kservectl.modelstorage.download import INIT_CONTAINER
from kservectl.modelstorage.podspec import container, with_changed
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def is_prepared(pod: Object, context: PodContext) -> bool:
    """Whether `pod` comes with an init container that downloads the `storageUris` of its component."""
    init = container(pod, INIT_CONTAINER, "initContainers")
    if init is None or source_uri(pod) or not _lists_sources(pod, context.service):
        return False  # with a URI of its own the pod was given that container here, and its credentials with it
    uris = (init.get("args") or [])[::2]
    return not uris or any(not uri.startswith("oci://") for uri in uris)  # images are fetched by the pull secret


def inject_credentials_of_several(pod: Object, context: PodContext) -> Object:
    if context.credentials is None or not is_prepared(pod, context):
        return pod
    credentials = download_credentials(pod, context, several=True)
    granted = {"env": list(credentials.grant.env)}

    def authorised(init: Object) -> Object:
        if init.get("args"):
            init = init | {"args": [credentials.uri(word) for word in init["args"]]}
        own = {entry.get("name") for entry in init.get("env") or []}
        return credentials.grant.without_env(own).to_container(init)

    bundle, configured = bundle_for(granted, context), bundle_for({}, context)
    if bundle != configured:
        pod = without_ca_bundle(pod, INIT_CONTAINER, configured)
    pod = credentials.grant.to_pod(with_changed(pod, INIT_CONTAINER, authorised, "initContainers"))
    return with_ca_bundle(pod, INIT_CONTAINER, bundle)


def _lists_sources(pod: Object, service: Object | None) -> bool:
    spec = block(service, "spec")
    component = metadata.labels(pod).get(COMPONENT_LABEL, "")
    found = [block(spec, component)]
    if component == "predictor":
        found += [block(canary, "predictor") for canary in blocks(spec, "canary")]
    return any(blocks(component_spec, "storageUris") for component_spec in found)
