"""A session with KServe's Python SDK, as its users write it. Runs in an environment that has the SDK: see test_sdk.py.

    python sdk_session.py KUBECONFIG NAMESPACE

Prints what it has done as JSON; fails with the SDK's own errors.
"""

import importlib
import json
import sys
from typing import Any

# By name: the environment that checks types has no SDK.
kserve: Any = importlib.import_module("kserve")
kubernetes: Any = importlib.import_module("kubernetes.client")

_TRIES = 5
_SECONDS = 40


def service(namespace: str, uri: str) -> Any:
    """An InferenceService of the SDK's own classes."""
    model = kserve.V1beta1SKLearnSpec(storage_uri=uri)
    return kserve.V1beta1InferenceService(
        api_version="serving.kserve.io/v1beta1",
        kind="InferenceService",
        metadata=kubernetes.V1ObjectMeta(name="from-sdk", namespace=namespace),
        spec=kserve.V1beta1InferenceServiceSpec(predictor=kserve.V1beta1PredictorSpec(sklearn=model)),
    )


def generation(found: Any) -> int:
    return int(found["metadata"]["generation"])


def replace(client: Any, wanted: Any, namespace: str) -> None:
    """Replace it as it is; again, as its users do, when a controller wrote between the SDK's reading and its writing."""
    for attempt in range(_TRIES):
        try:
            client.replace("from-sdk", wanted, namespace=namespace, watch=True, timeout_seconds=_SECONDS)
        except RuntimeError as error:
            if "(409)" not in str(error) or attempt == _TRIES - 1:
                raise
            wanted.metadata.resource_version = None
        else:
            return


def main(kubeconfig: str, namespace: str) -> dict[str, Any]:
    """Create, wait, look, patch, replace, delete."""
    client = kserve.KServeClient(config_file=kubeconfig)
    done: dict[str, Any] = {}
    created = client.create(service(namespace, "gs://sdk/first"))
    client.wait_isvc_ready("from-sdk", namespace=namespace, timeout_seconds=_SECONDS, polling_interval=1)
    found = client.get("from-sdk", namespace=namespace)
    done["created"] = {"generation": generation(created), "url": found["status"]["url"]}
    done["listed"] = [each["metadata"]["name"] for each in client.get(namespace=namespace)["items"]]

    patched = client.patch("from-sdk", service(namespace, "gs://sdk/second"), namespace=namespace)
    client.wait_isvc_ready(
        "from-sdk",
        namespace=namespace,
        timeout_seconds=_SECONDS,
        polling_interval=1,
        expected_generation=generation(patched),
    )
    done["patched"] = {
        "generation": generation(patched),
        "ready": client.is_isvc_ready("from-sdk", namespace=namespace),
    }

    replace(client, service(namespace, "gs://sdk/third"), namespace)
    replaced = client.get("from-sdk", namespace=namespace)
    done["replaced"] = {
        "generation": generation(replaced),
        "model": replaced["spec"]["predictor"]["model"]["storageUri"],
    }

    client.delete("from-sdk", namespace=namespace)
    return done


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
