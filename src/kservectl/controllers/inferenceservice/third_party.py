"""Kinds of third parties that a service may need, and that may not be installed."""

from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.objects.kind import Kind
from kservectl.runtime.view import View


def require(kind: Kind, what: str, next_step: str, view: View) -> None:
    """Raise CannotDecide where `kind` is not served; `what` failed then, and `next_step` would mend it."""
    if not view.served(kind):
        raise CannotDecide(
            f"{what}: the API server does not serve {kind.kind} ({kind.api_version})",
            next_step=f"{next_step}, or scale in another way; it goes on by itself once the kind is served.",
        )
