"""Where the model of an InferenceService answers, as a graph's router calls it.

It is the service's address inside the cluster and the path of the protocol that its entry speaks. What has no such path (a
multi-model server, gRPC) is called at the address alone.
"""

from collections.abc import Sequence

from kservectl.api.inferenceservice import InferenceServiceSpec, ModelSpec
from kservectl.api.kinds import CLUSTER_SERVING_RUNTIME, SERVING_RUNTIME
from kservectl.controllers.inferenceservice.arguments import MODEL_NAME
from kservectl.controllers.inferenceservice.component import (
    TRANSFORMER_CONTAINER,
    Component,
    components_of,
    env_value,
)
from kservectl.controllers.inferenceservice.failure import CannotDecide
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View

_PATHS = {"v1": "/v1/models/{}:predict", "v2": "/v2/models/{}/infer"}
_DEFAULT_PROTOCOL = "v1"


def address_of(service: Object) -> str:
    """The service's URL inside the cluster; empty while it has none."""
    return str(((service.get("status") or {}).get("address") or {}).get("url") or "")


def model_endpoint(service: Object, spec: InferenceServiceSpec, view: View) -> str:
    """The URL to post to; raises CannotDecide while the service has no address, or for a runtime that cannot be asked."""
    name = metadata.name(service)
    address = address_of(service)
    if not address:
        raise CannotDecide(
            f"service {name} is not ready",
            reason="ServiceNotReady",
            next_step=f"Ask why: kservectl why inferenceservice/{name}. The graph goes on by itself.",
        )
    predictor, *others = components_of(spec)
    transformer = next((component for component in others if component.role == "transformer"), None)
    if transformer is not None:
        protocol = protocol_of_containers(transformer.containers)
    elif predictor.is_multi_model:
        return address
    else:
        protocol = _protocol(predictor, metadata.namespace(service), view)
    return address + _PATHS.get(protocol, "").format(_model_name(predictor, transformer) or name)


def protocol_of_containers(containers: Sequence[Object]) -> str:
    """The protocol that the containers of a custom component speak, as their environment says."""
    beside = next((each for each in containers if each.get("name") == TRANSFORMER_CONTAINER), None)
    asked = beside if beside is not None else containers[0] if containers else {}
    return env_value(asked, "PROTOCOL") or _DEFAULT_PROTOCOL


def _protocol(predictor: Component, namespace: str, view: View) -> str:
    model = predictor.model
    if model is None:
        return protocol_of_containers(predictor.containers)
    if not model.runtime:
        return model.effective_protocol
    listed = _protocols_of_runtime(model.runtime, namespace, view)
    chosen = next((protocol for protocol in listed if protocol in _PATHS), "")
    if listed and not chosen:
        raise CannotDecide(
            "the runtime does not support a protocol compatible with Inference Graphs",
            reason="ProtocolNotSupported",
            next_step=f"Choose a runtime that speaks v1 or v2; {model.runtime} speaks {', '.join(listed)}.",
        )
    return chosen or model.effective_protocol


def _protocols_of_runtime(name: str, namespace: str, view: View) -> Sequence[str]:
    found = view.get(SERVING_RUNTIME, name, namespace)
    runtime = found if found is not None else view.get(CLUSTER_SERVING_RUNTIME, name)
    if runtime is None:
        raise CannotDecide(
            f"No ServingRuntimes or ClusterServingRuntimes with the name: {name}",
            reason="RuntimeNotRecognized",
            next_step=f"Create the runtime {name}, or name another one in the service.",
        )
    protocols: Sequence[str] = (runtime.get("spec") or {}).get("protocolVersions") or ()
    return protocols


def _model_name(predictor: Component, transformer: Component | None) -> str:
    if transformer is not None:
        return _argument(transformer.containers[0].get("args") or ()) if transformer.containers else ""
    model: ModelSpec | None = predictor.model
    if model is not None:
        container = model.container()
        return env_value(container, "MLSERVER_MODEL_NAME") or _argument(container.get("args") or ())
    return _argument(predictor.containers[0].get("args") or ()) if predictor.containers else ""


def _argument(args: Sequence[str]) -> str:
    """The model's name on a command line, flag and value together or apart; the last one given counts."""
    found = ""
    for position, item in enumerate(args):
        if not item.startswith(MODEL_NAME):
            continue
        parts = item.split("=")
        if len(parts) == 2:
            found = parts[1]
        following = args[position + 1] if position + 1 < len(args) else ""
        if following and not following.startswith("--"):
            found = following
    return found
