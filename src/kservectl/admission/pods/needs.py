"""Which ServiceAccounts and Secrets must be seen to give a pod its credentials, and what to say of missing ones.

Accounts are cached; one that the cache does not show may be newer than it, so it is read. Secrets always are.
"""

from collections.abc import Iterator

from kservectl.admission.pods import agent
from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.several_sources import is_prepared
from kservectl.admission.pods.storage_initializer import is_downloaded
from kservectl.modelstorage.credentials.account import account_name, secret_names
from kservectl.modelstorage.credentials.download import storage_spec_of
from kservectl.modelstorage.credentials.storage_spec import StorageSpec
from kservectl.objects import metadata
from kservectl.objects.kind import SECRET, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import Reference


def references(pod: Object, context: PodContext) -> tuple[Reference, ...]:
    """What `pod` needs to be seen of, as far as `context` shows it already; raises PodRefused or ConfigError."""
    return tuple(Reference(kind, name, context.namespace) for kind, name in _needed(pod, context))


def warnings(pod: Object, context: PodContext) -> tuple[str, ...]:
    """A warning for every account that is missing: the pod will run, and find that it may not read its model."""
    missing = [
        name
        for name in _accounts(pod, context)
        if context.credentials is not None and context.credentials(SERVICE_ACCOUNT, name) is None
    ]
    return tuple(
        f"ServiceAccount {context.namespace}/{name} not found: the pod gets no credentials from it; create it if the"
        " storage needs any"
        for name in missing
    )


def _needed(pod: Object, context: PodContext) -> Iterator[tuple[Kind, str]]:
    notes, config = metadata.annotations(pod), context.config.credentials
    spec = _storage_spec(pod, context)
    if spec is not None:
        yield SECRET, spec.secret
    for name in _accounts(pod, context):
        account = context.credentials(SERVICE_ACCOUNT, name) if context.credentials else None
        if account is None:
            yield SERVICE_ACCOUNT, name
        else:
            yield from ((SECRET, secret) for secret in secret_names(account, notes, config))


def _storage_spec(pod: Object, context: PodContext) -> StorageSpec | None:
    if is_downloaded(pod, context):
        return storage_spec_of(pod, context)
    return storage_spec_of(pod, context, several=True) if is_prepared(pod, context) else None


def _accounts(pod: Object, context: PodContext) -> tuple[str, ...]:
    names: list[str] = []
    downloads = is_downloaded(pod, context) or is_prepared(pod, context)
    if downloads and _storage_spec(pod, context) is None:
        names.append(account_name(pod))
    if agent.is_wanted(pod):
        names += agent.accounts(pod, context)
    return tuple(dict.fromkeys(names))
