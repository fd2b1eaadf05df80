"""`KIND/NAME` on the command line: any name that kubectl takes for a kind, looked up in the server's discovery."""

from collections.abc import Iterator

import click

from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.client.client import Client
from kservectl.client.errors import NotFound
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


async def resolve(client: Client, target: str) -> tuple[Kind, str]:
    """The kind and name that `target` means; a bare name is an InferenceService. Raises click.ClickException."""
    alias, slash, name = target.rpartition("/")
    if not slash:
        return INFERENCE_SERVICE, name
    if not alias or not name:
        raise click.ClickException(f"{target!r} is not KIND/NAME (example: isvc/my-model)")
    for root in ("/apis", "/api"):
        document = await client.raw("GET", root, accept=_DISCOVERY)
        for kind, names in _kinds(document):
            if alias.lower() in names:
                return kind, name
    raise click.ClickException(f"the API server serves no kind named {alias!r}")


def _kinds(document: Object) -> Iterator[tuple[Kind, set[str]]]:
    """Each kind of an APIGroupDiscoveryList with all names it goes by, in lower case; preferred versions come first."""
    for group in document.get("items") or ():
        group_name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            for resource in version.get("resources") or ():
                plural, kind = str(resource["resource"]), str((resource.get("responseKind") or {}).get("kind"))
                names = {plural, kind, resource.get("singularResource") or kind, *(resource.get("shortNames") or ())}
                names |= {f"{plural}.{group_name}", f"{kind}.{group_name}"} if group_name else set()
                namespaced = resource.get("scope") == "Namespaced"
                served = Kind(group_name, str(version["version"]), kind, plural, namespaced)
                yield served, {str(each).lower() for each in names}


def not_found(kind: Kind, name: str, namespace: str, error: NotFound) -> click.ClickException:
    """What to say when the object is not there."""
    where = f" in namespace {namespace}" if kind.namespaced else ""
    return click.ClickException(f"there is no {kind.kind} {name}{where} ({error.reason})")
