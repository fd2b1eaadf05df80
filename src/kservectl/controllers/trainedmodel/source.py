"""Where the files of a TrainedModel are: what its storageUri says, or what a registry says that it refers to.

What a registry said is kept in `status.registeredModel` and goes on being used while it cannot be asked, also after a
restart. The list of models is made from that alone.
"""

from dataclasses import dataclass

from kservectl.api.reasons import next_step
from kservectl.api.trainedmodel import DOWNLOADABLE
from kservectl.controllers.inferenceservice.conditions import FALSE, TRUE, UNKNOWN, Truth
from kservectl.modelregistry.lookup import REGISTERED_MODEL
from kservectl.modelregistry.reference import is_reference
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


@dataclass(frozen=True, slots=True)
class Source:
    """`registered` is what the registry said, last time that it did, about this very reference; None if it never did."""

    reference: str
    registered: Object | None
    truth: Truth
    reason: str = ""
    message: str = ""

    @property
    def next_step(self) -> str:
        return next_step(self.reason) or "The model goes on by itself."


def names(model: Object) -> list[str]:
    """The reference that `model` gives, if its storageUri is one."""
    uri = _storage_uri(model)
    return [uri] if is_reference(uri) else []


def known_uri(model: Object) -> str:
    """Where the files are, as far as the model itself tells; empty while a reference has not been looked up."""
    uri = _storage_uri(model)
    return str((_registered(model) or {}).get("storageUri") or "") if is_reference(uri) else uri


def source_of(model: Object, view: View) -> Source | None:
    """What is known of the reference that `model` gives; None for a model that gives a place."""
    uri = _storage_uri(model)
    if not is_reference(uri):
        return None
    before = _registered(model)
    fact = view.get(REGISTERED_MODEL, uri)
    told: Object = {} if fact is None else fact["status"]
    problem = told.get("problem")
    if fact is None:
        return Source(uri, before, UNKNOWN if before is None else TRUE, "Resolving", f"the registry is asked for {uri}")
    if problem:
        return Source(uri, before, FALSE if before is None else TRUE, problem["reason"], problem["message"])
    if not told["storageUri"].startswith(DOWNLOADABLE):
        place = told["storageUri"].partition(":")[0]
        said = f"version {told['version']} of model {told['name']} lies at a place ({place}:) that cannot be downloaded from"
        return Source(uri, before, FALSE if before is None else TRUE, "UnsupportedLocation", said)
    return Source(uri, {"reference": uri, **told}, TRUE)


def _registered(model: Object) -> Object | None:
    found: Object = (model.get("status") or {}).get("registeredModel") or {}
    return found if found.get("reference") == _storage_uri(model) else None


def _storage_uri(model: Object) -> str:
    return str(((model.get("spec") or {}).get("model") or {}).get("storageUri") or "")
