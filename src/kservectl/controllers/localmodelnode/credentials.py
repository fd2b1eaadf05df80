"""The credentials of a download Job: those of the account, or of the storage spec, that the cache names, in the job namespace."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kservectl.api.config import Config
from kservectl.api.config_keys import Credentials
from kservectl.controllers.localmodelnode.listed import ListedModel
from kservectl.modelstorage.context import FindObject
from kservectl.modelstorage.credentials.account import account_grant, secret_names
from kservectl.modelstorage.credentials.grant import NOTHING, Grant
from kservectl.modelstorage.credentials.storage_spec import StorageSpec, resolve
from kservectl.modelstorage.refusal import PodRefused
from kservectl.objects.kind import SECRET, SERVICE_ACCOUNT, Kind
from kservectl.objects.metadata import Object
from kservectl.runtime.reading import Reference
from kservectl.runtime.view import View

_DEFAULT_ACCOUNT = "default"
_NO_NOTES: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class JobCredentials:
    """What the Job is given. `problem` says what is missing of it; the Job is made all the same, for what is public."""

    uri: str
    grant: Grant = NOTHING
    account: str = ""
    problem: str = ""


def references(model: ListedModel, config: Credentials, namespace: str, view: View) -> Iterable[Reference]:
    """What has to be read for the credentials of `model`, as far as `view` shows it already."""
    if (spec := _storage_spec(model, config)) is not None:
        yield Reference(SECRET, spec.secret, namespace)
    elif name := _account(model):
        yield Reference(SERVICE_ACCOUNT, name, namespace)
        account = view.get(SERVICE_ACCOUNT, name, namespace)
        if account is not None:
            yield from (Reference(SECRET, secret, namespace) for secret in secret_names(account, _NO_NOTES, config))


def credentials_of(model: ListedModel, config: Config, namespace: str, view: View) -> JobCredentials:
    """The credentials of `model`, from what was read; raises ConfigError."""

    def find(kind: Kind, name: str) -> Object | None:
        return view.get(kind, name, namespace)

    settings = config.credentials
    try:
        if (spec := _storage_spec(model, settings)) is not None:
            storage = resolve(spec, find)
            return JobCredentials(storage.uri(model.uri), storage.grant, _named_account(model, find))
        if name := _account(model):
            found = find(SERVICE_ACCOUNT, name)
            if found is None:
                return JobCredentials(model.uri, problem=f"ServiceAccount {namespace}/{name} does not exist")
            return JobCredentials(
                model.uri, account_grant(name, _NO_NOTES, settings, find), _named_account(model, find)
            )
    except PodRefused as refused:
        return JobCredentials(model.uri, account=_named_account(model, find), problem=str(refused))
    return JobCredentials(model.uri)


def _storage_spec(model: ListedModel, config: Credentials) -> StorageSpec | None:
    storage = model.storage or {}
    if not storage.get("key"):
        return None
    return StorageSpec(config.secret_name, str(storage["key"]), storage.get("parameters") or {})


def _account(model: ListedModel) -> str:
    """The account whose Secrets count; "" when no credentials are asked for."""
    return model.account or (_DEFAULT_ACCOUNT if model.storage else "")


def _named_account(model: ListedModel, find: FindObject) -> str:
    """The account to run as, for the sake of workload identity: one that the cache names, if it exists."""
    return model.account if model.account and find(SERVICE_ACCOUNT, model.account) is not None else ""
