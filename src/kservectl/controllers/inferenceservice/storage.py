"""Several models of one component (`storageUris`), put into its pods when their Deployment is made.

A single model is the pod webhook's business, by annotation. Several are part of the Deployment, so that everything that
mounts and downloads them can be seen there; only their credentials are left to the webhook, as controllers read no Secrets.
"""

from collections.abc import Sequence
from dataclasses import replace

from kservectl.api.component import StorageUri
from kservectl.api.config import Config
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER
from kservectl.controllers.inferenceservice import storage_uri
from kservectl.controllers.inferenceservice.failure import INVALID_SPEC, CannotDecide
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.inferenceservice.workload import Workload
from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.download import Source
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.storage_uris import with_storage_uris
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


def stored(workload: Workload, view: View, config: Config, settings: Settings) -> Workload:
    """`workload`, and its workers, with the models of `storageUris`; raises CannotDecide, or ConfigError."""
    wanted = workload.component.storage_uris
    if not wanted:
        return workload
    for entry in wanted:
        storage_uri.check(entry.uri, view)
    context = StorageContext(
        namespace=workload.metadata.namespace,
        system_namespace=settings.system_namespace,
        config=config,
        storage_containers=view.list(CLUSTER_STORAGE_CONTAINER),
    )
    try:
        found = _with_models(workload, wanted, context)
        return found if found.worker is None else replace(found, worker=_with_models(found.worker, wanted, context))
    except PodRefused as refused:
        raise CannotDecide(
            storage_uri.without_credentials(str(refused)),
            reason=INVALID_SPEC,
            next_step=f"Correct storageUris of the {workload.component.role}.",
        ) from refused


def _with_models(workload: Workload, wanted: Sequence[StorageUri], context: StorageContext) -> Workload:
    sources = [Source(entry.uri, entry.effective_mount_path) for entry in wanted]
    template: Object = {"metadata": workload.metadata.to_wire(), "spec": workload.pod}
    name = workload.component.storage_container
    return replace(workload, pod=with_storage_uris(template, sources, context, container_name=name)["spec"])
