"""What a user may make of the manifest of a service: each change takes the dice and a manifest of its own, and alters it."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from e2e.services import FAULT, service
from kservectl.objects.metadata import Object

NAMESPACE = "chaos"
CANARY = "b"
NAMES = tuple(f"svc-{number}{suffix}" for number in range(4) for suffix in ("", f"-{CANARY}"))
"""A canary of `svc-1` wants the names that the service `svc-1-b` has: two that fight for one name."""

NAMED_RUNTIME = "named"
STOP = "serving.kserve.io/stop"
ROLLBACK = "kservectl.dev/rollback"
_SCALER = "serving.kserve.io/autoscalerClass"
_GATEWAY = "networking.kserve.io/gateway-api"
_VISIBILITY = "networking.kserve.io/visibility"
_TRANSFORMER: Object = {"containers": [{"name": "kserve-container", "image": "example/transformer:1"}]}

Change = Callable[[random.Random, Any], None]


def new_service(name: str, namespace: str = NAMESPACE) -> Object:
    """The plainest one."""
    made = service(name, namespace)
    made["metadata"]["labels"] = {}
    return made


def is_broken(wish: Object) -> bool:
    """Whether it cannot become Ready as it is asked for."""
    model = wish["spec"]["predictor"]["model"]
    return (
        "livenessProbe" in model
        or model.get("runtime") == "no-such-runtime"
        or FAULT in wish["metadata"]["annotations"]
    )


def is_stopped(wish: Object) -> bool:
    return STOP in wish["metadata"]["annotations"]


def mend(dice: random.Random, wish: Any) -> None:
    """Take away everything that keeps it from being Ready."""
    model = wish["spec"]["predictor"]["model"]
    model.pop("livenessProbe", None)
    model.pop("runtime", None)
    wish["metadata"]["annotations"].pop(FAULT, None)


def end_of_the_past(dice: random.Random, wish: Any) -> None:
    """Take away what no manifest alone can tell: a rollback depends on what was Ready before."""
    wish["metadata"]["annotations"].pop(ROLLBACK, None)


def no_canary(dice: random.Random, wish: Any) -> None:
    wish["spec"].pop("canary", None)


def _source(dice: random.Random, wish: Any) -> None:
    wish["spec"]["predictor"]["model"]["storageUri"] = f"gs://kservectl-samples/sklearn/iris/{dice.randrange(5)}"


def _replicas(dice: random.Random, wish: Any) -> None:
    least = dice.randrange(1, 4)
    wish["spec"]["predictor"].update(minReplicas=least, maxReplicas=least + dice.randrange(3))


def _resources(dice: random.Random, wish: Any) -> None:
    cpu = dice.choice(("1", "1000m", "500m", "0.5"))
    wish["spec"]["predictor"]["model"]["resources"] = {"requests": {"cpu": cpu}, "limits": {"cpu": "2"}}


def _environment(dice: random.Random, wish: Any) -> None:
    wish["spec"]["predictor"]["model"]["env"] = [
        {"name": f"V{number}", "value": str(dice.randrange(3))} for number in range(dice.randrange(3))
    ]


def _transformer(dice: random.Random, wish: Any) -> None:
    if "transformer" in wish["spec"]:
        del wish["spec"]["transformer"]
    else:
        wish["spec"]["transformer"] = _TRANSFORMER


def _canary(dice: random.Random, wish: Any) -> None:
    model = {
        "modelFormat": {"name": "sklearn"},
        "storageUri": f"gs://kservectl-samples/sklearn/iris/{dice.randrange(5)}",
    }
    predictor = {"name": CANARY, "minReplicas": 1, "model": model}
    wish["spec"]["canary"] = [{"trafficPercent": dice.choice((0, 10, 50)), "predictor": predictor}]


def _promote(dice: random.Random, wish: Any) -> None:
    if canaries := wish["spec"].pop("canary", None):
        wish["spec"]["predictor"]["model"]["storageUri"] = canaries[0]["predictor"]["model"]["storageUri"]


def _annotated(name: str, *values: str) -> Change:
    def change(dice: random.Random, wish: Any) -> None:
        _set(wish["metadata"]["annotations"], name, dice.choice((*values, "")))

    return change


def _labelled(name: str, *values: str) -> Change:
    def change(dice: random.Random, wish: Any) -> None:
        _set(wish["metadata"]["labels"], name, dice.choice((*values, "")))

    return change


def _set(values: dict[str, str], name: str, value: str) -> None:
    if value:
        values[name] = value
    else:
        values.pop(name, None)


def _break(dice: random.Random, wish: Any) -> None:
    model = wish["spec"]["predictor"]["model"]
    match dice.randrange(4):
        case 0:
            model["runtime"] = "no-such-runtime"
        case 1:
            model["livenessProbe"] = {"httpGet": {"path": "/", "port": 0}}
        case _:
            fault = dice.choice(("crash-loop", "image-pull-error", "never-scheduled", "route-refused"))
            wish["metadata"]["annotations"][FAULT] = fault


def _runtime(dice: random.Random, wish: Any) -> None:
    _set(wish["spec"]["predictor"]["model"], "runtime", dice.choice((NAMED_RUNTIME, "")))


def _account(dice: random.Random, wish: Any) -> None:
    _set(wish["spec"]["predictor"], "serviceAccountName", dice.choice(("reader", "")))


CHANGES: Mapping[str, tuple[Change, int]] = {
    "source": (_source, 4),
    "replicas": (_replicas, 3),
    "resources": (_resources, 2),
    "environment": (_environment, 2),
    "transformer": (_transformer, 3),
    "canary": (_canary, 3),
    "no canary": (no_canary, 1),
    "promotion": (_promote, 1),
    "stop or start": (_annotated(STOP, "true"), 3),
    "rollback": (_annotated(ROLLBACK, "last"), 1),
    "scaler": (_annotated(_SCALER, "none", "keda"), 2),
    "gateway": (_annotated(_GATEWAY, "false", "true"), 2),
    "visibility": (_labelled(_VISIBILITY, "cluster-local"), 2),
    "team": (_labelled("team", "blue", "red"), 2),
    "broken": (_break, 3),
    "mended": (mend, 4),
    "runtime": (_runtime, 2),
    "account": (_account, 1),
}
"""The changes by what they are called, and how often each is made."""


def some_change(dice: random.Random) -> tuple[str, Change]:
    """One of them."""
    names: Sequence[str] = list(CHANGES)
    name = dice.choices(names, [CHANGES[each][1] for each in names])[0]
    return name, CHANGES[name][0]
