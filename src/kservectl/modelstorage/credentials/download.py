"""The credentials of a download: of the pod's storage spec if it has one, else of its ServiceAccount."""

from collections.abc import Callable
from dataclasses import dataclass

from kservectl.modelstorage.context import StorageContext
from kservectl.modelstorage.credentials.account import account_grant, account_name
from kservectl.modelstorage.credentials.grant import NOTHING, Grant
from kservectl.modelstorage.credentials.storage_spec import StorageSpec, resolve, spec_of
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class DownloadCredentials:
    """What the container is given, and how the URIs to download are spelled in full."""

    grant: Grant
    uri: Callable[[str], str]


NO_CREDENTIALS = DownloadCredentials(NOTHING, lambda uri: uri)


def storage_spec_of(pod: Object, context: StorageContext, *, several: bool = False) -> StorageSpec | None:
    """The storage spec that a download of `pod` goes by; for one of `several` URIs it must name a key and parameters."""
    spec = spec_of(metadata.annotations(pod), context.config.credentials)
    return None if spec is not None and several and not (spec.key and spec.parameters) else spec


def download_credentials(pod: Object, context: StorageContext, *, several: bool = False) -> DownloadCredentials:
    """The credentials for a download of `pod`; none when the context leaves them to somebody else. Raises PodRefused."""
    if context.credentials is None:
        return NO_CREDENTIALS
    spec = storage_spec_of(pod, context, several=several)
    if spec is not None:
        storage = resolve(spec, context.credentials)
        return DownloadCredentials(storage.grant, storage.uri)
    grant = account_grant(account_name(pod), metadata.annotations(pod), context.config.credentials, context.credentials)
    return DownloadCredentials(grant, lambda uri: uri)
