"""Credentials that a pod has by its ServiceAccount."""

from collections.abc import Iterator, Mapping

from kservectl.api.config_keys import Credentials
from kservectl.modelstorage.context import FindObject
from kservectl.modelstorage.credentials import s3, secret_kinds
from kservectl.modelstorage.credentials.grant import NOTHING, Grant
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects import metadata
from kservectl.objects.kind import SECRET, SERVICE_ACCOUNT
from kservectl.objects.metadata import Object


def account_name(pod: Object) -> str:
    """The ServiceAccount that `pod` runs as."""
    spec = pod.get("spec") or {}
    return str(spec.get("serviceAccountName") or spec.get("serviceAccount") or "default")


def secret_names(account: Object, notes: Mapping[str, str], config: Credentials) -> tuple[str, ...]:
    """The Secrets to look into: the one that an annotation of the pod names, else all that the account lists."""
    chosen = config.storage_secret_name_annotation
    if chosen and chosen in notes:
        return (notes[chosen],)
    names = (str(entry.get("name") or "") for entry in account.get("secrets") or [])
    return tuple(dict.fromkeys(name for name in names if name))


def account_grant(name: str, notes: Mapping[str, str], config: Credentials, find: FindObject) -> Grant:
    """What the ServiceAccount `name` gives to a pod with the annotations `notes`; nothing when there is no such account.

    Of several Secrets of one kind the last counts. Raises PodRefused for a Secret that is missing or unreadable.
    """
    account = find(SERVICE_ACCOUNT, name)
    if account is None:
        return NOTHING
    by_kind: dict[str, Grant] = {}
    if s3.ROLE_ANNOTATION in metadata.annotations(account):
        by_kind["s3 role"] = s3.role_grant(account, config.s3)
    for secret in _secrets(account, notes, config, find):
        by_kind |= secret_kinds.grants(secret, config)
    return Grant.together(by_kind.values())


def _secrets(account: Object, notes: Mapping[str, str], config: Credentials, find: FindObject) -> Iterator[Object]:
    for name in secret_names(account, notes, config):
        secret = find(SECRET, name)
        if secret is None:
            raise PodRefused(
                f"Secret {name} not found, which holds credentials of ServiceAccount {metadata.key(account)};"
                " create it, or remove it from the account"
            )
        yield secret
