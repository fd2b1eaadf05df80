"""Label selectors: their syntax, and whether one selects a set of labels."""

from collections.abc import Iterable, Mapping

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types import names
from kservectl.objects.metadata import Object


def check_selector(selector: Object, path: str) -> Iterable[Cause]:
    yield from names.check_labels(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for position, term in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{position}]"
        operator, values = term.get("operator"), term.get("values")
        if operator in ("In", "NotIn"):
            if not values:
                yield say.required(f"{where}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                yield say.forbidden(
                    f"{where}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
        else:
            yield say.invalid(f"{where}.operator", operator, "not a valid selector operator")


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a selector without syntax errors selects `labels`."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or ():
        present, value = term.get("key") in labels, labels.get(term.get("key"))
        fits = {
            "In": present and value in (term.get("values") or ()),
            "NotIn": not present or value not in (term.get("values") or ()),
            "Exists": present,
            "DoesNotExist": not present,
        }
        if not fits.get(term.get("operator"), False):
            return False
    return True
