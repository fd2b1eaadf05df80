"""Registries, schemes, limits and GPUs: what may not be asked for, and where it was."""

from typing import Any

import pytest

from kservectl.admission.policies.checks import full_reference, violations
from kservectl.objects.metadata import Object
from tests.admission.inferenceservice.services import config, model, service
from tests.admission.runtimes.runtimes import runtime, worker
from tests.modelstorage.pods import container, pod

SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"


def found(resource: str, obj: Object, **policy: Any) -> list[str]:
    return [str(error) for error in violations(resource, obj, config(securityPolicy=policy))]


def image(reference: str, allowed: str) -> bool:
    return not found("pods", pod({"name": "c", "image": reference}), allowedRegistries=[allowed])


@pytest.mark.parametrize(
    "given, full",
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1@sha256:00", "docker.io/library/nginx:1@sha256:00"),
        ("kserve/agent:1", "docker.io/kserve/agent:1"),
        ("index.docker.io/kserve/agent", "docker.io/kserve/agent"),
        ("docker.io/nginx", "docker.io/library/nginx"),
        ("GHCR.io/Acme/x", "ghcr.io/Acme/x"),
        ("localhost/x", "localhost/x"),
        ("registry:5000/x", "registry:5000/x"),
    ],
)
def test_an_image_belongs_to_a_registry(given: str, full: str) -> None:
    assert full_reference(given) == full


@pytest.mark.parametrize(
    "reference, allowed",
    [
        ("ghcr.io/acme/server:1", "ghcr.io"),
        ("ghcr.io/acme/server:1", "ghcr.io/acme"),
        ("ghcr.io/acme/server:1", "ghcr.io/acme/"),
        ("ghcr.io/acme/server@sha256:0", "ghcr.io/acme/server"),
        ("kserve/sklearnserver", "docker.io/kserve"),
        ("nginx", "docker.io/library"),
        ("registry:5000/x", "registry:5000"),
    ],
)
def test_images_of_allowed_registries_pass(reference: str, allowed: str) -> None:
    assert image(reference, allowed)


@pytest.mark.parametrize(
    "reference, allowed",
    [
        ("ghcr.io/acme-evil/server", "ghcr.io/acme"),
        ("ghcr.io.evil.com/acme/x", "ghcr.io"),
        ("ghcr.io/acme/../evil/x", "ghcr.io/acme"),
        ("evil.com/ghcr.io/acme/x", "ghcr.io/acme"),
        ("ghcr.io:444/acme/x", "ghcr.io"),
        ("acme/server", "ghcr.io/acme"),
        ("ghcr.io", "ghcr.io/acme"),
    ],
)
def test_images_of_others_do_not(reference: str, allowed: str) -> None:
    assert not image(reference, allowed)


def test_an_image_is_found_wherever_an_inferenceservice_has_one() -> None:
    bad = "evil.com/x"
    custom = {"name": "c", "image": bad}
    obj = service(
        {
            **model(image=bad),
            "initContainers": [custom],
            "workerSpec": {"containers": [custom]},
            "volumes": [{"name": "v", "image": {"reference": bad}}],
        },
        transformer={"containers": [custom]},
        explainer={"art": {"image": bad}},
        canary=[{"predictor": {"name": "next", "containers": [custom]}}],
    )
    assert [text.partition(": ")[0] for text in found("inferenceservices", obj, allowedRegistries=["ghcr.io"])] == [
        "spec.predictor.model.image",
        "spec.predictor.initContainers[0].image",
        "spec.predictor.volumes[0].image.reference",
        "spec.predictor.workerSpec.containers[0].image",
        "spec.transformer.containers[0].image",
        "spec.explainer.art.image",
        "spec.canary[0].predictor.containers[0].image",
    ]


def test_the_refusal_names_image_and_what_is_allowed() -> None:
    (told,) = found("servingruntimes", runtime(), allowedRegistries=["ghcr.io/acme", "quay.io"])
    assert told == (
        'spec.containers[0].image: image "server" comes from no allowed registry; allowed are ghcr.io/acme, quay.io'
    )


def test_models_that_are_images_come_from_allowed_registries_too() -> None:
    obj = service(model(storageUri="oci+native://evil.com/model"))
    assert "evil.com/model" in found("inferenceservices", obj, allowedRegistries=["ghcr.io"])[0]


def test_workers_of_a_runtime_are_looked_at() -> None:
    obj = runtime(workerSpec=worker(), containers=[{"name": "kserve-container", "image": "ghcr.io/x"}])
    assert found("clusterservingruntimes", obj, allowedRegistries=["ghcr.io"])[0].startswith("spec.workerSpec.")


def test_containers_that_others_inject_are_exempt() -> None:
    obj = pod({"name": "istio-proxy", "image": "evil.com/x"})
    assert found("pods", obj, allowedRegistries=["ghcr.io"], requiredLimits=["cpu"]) == []
    assert found("pods", obj, allowedRegistries=["ghcr.io"], exemptContainers=[]) != []


@pytest.mark.parametrize(
    "uri, scheme",
    [("gs://b/m", "gs"), ("oci+fetch://i", "oci"), ("pvc://c", "pvc"), ("/mnt/x", "file"), ("https://x/y", "https")],
)
def test_schemes_of_storage_uris_must_be_allowed(uri: str, scheme: str) -> None:
    obj = service(model(storageUri=uri))
    assert found("inferenceservices", obj, allowedUriSchemes=[scheme]) == []
    (told,) = found("inferenceservices", obj, allowedUriSchemes=["s3", "hf"])
    assert told.startswith(f'spec.predictor.model.storageUri: "{uri}" has the scheme {scheme}') and "s3, hf" in told


def test_a_uri_is_found_wherever_there_is_one() -> None:
    env = [{"name": "STORAGE_URI", "value": "gs://b"}]
    obj = service(
        {"model": {"storage": {"parameters": {"type": "hdfs"}}}, "storageUris": [{"uri": "gs://b"}]},
        transformer={"containers": [{"name": "t", "env": env}]},
        canary=[{"predictor": {"sklearn": {"storageUri": "gs://b"}}}],
    )
    assert [text.partition(": ")[0] for text in found("inferenceservices", obj, allowedUriSchemes=["s3"])] == [
        "spec.predictor.model.storage.parameters.type",
        "spec.predictor.storageUris[0].uri",
        "spec.transformer.containers[0].env[0].value",
        "spec.canary[0].predictor.sklearn.storageUri",
    ]
    trained = {"spec": {"model": {"storageUri": "gs://b"}}}
    assert found("trainedmodels", trained, allowedUriSchemes=["s3"])[0].startswith("spec.model.storageUri: ")
    cached = {"spec": {"sourceModelUri": "gs://b"}}
    assert found("localmodelcaches", cached, allowedUriSchemes=["s3"])[0].startswith("spec.sourceModelUri: ")


def test_what_a_secret_made_of_a_storage_spec_is_seen_in_the_pod() -> None:
    made = pod(container(), notes={SOURCE: "<scheme-placeholder>://m"})
    made["spec"]["initContainers"] = [{"name": "storage-initializer", "args": ["hdfs://m", "/mnt/models"]}]
    (told,) = found("pods", made, allowedUriSchemes=["s3"])
    assert told.startswith('spec.initContainers[0].args[0]: "hdfs://m"')


def test_every_container_of_a_pod_must_have_the_limits() -> None:
    limited = {"name": "a", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
    made = pod(limited, {"name": "b", "resources": {"limits": {"cpu": "1"}}})
    made["spec"]["initContainers"] = [{"name": "c"}]
    assert found("pods", made, requiredLimits=["cpu", "memory"]) == [
        'spec.containers[1].resources.limits: container "b" must have a limit of memory',
        'spec.initContainers[0].resources.limits: container "c" must have a limit of cpu, memory',
    ]


def test_limits_of_a_service_may_come_from_its_runtime() -> None:
    assert found("inferenceservices", service(model()), requiredLimits=["cpu"]) == []


def gpus(amount: str, name: str = "nvidia.com/gpu") -> Object:
    return {"resources": {"limits": {name: amount}, "requests": {name: amount}}}


def test_a_pod_may_ask_for_so_many_gpus() -> None:
    obj = service({**model(**gpus("2")), "containers": [{"name": "transformer-container", **gpus("1", "amd.com/gpu")}]})
    assert found("inferenceservices", obj, maxGPUs=3) == []
    (told,) = found("inferenceservices", obj, maxGPUs=2)
    assert told == "spec.predictor: a pod may ask for 2 GPUs at most, and this one asks for 3"


def test_gpus_of_workers_and_of_init_containers_are_those_of_their_pods() -> None:
    obj = runtime(workerSpec=worker(resources=gpus("4")["resources"]))
    assert found("servingruntimes", obj, maxGPUs=3)[0].startswith("spec.workerSpec: ")
    made = pod({"name": "a", **gpus("1")})
    made["spec"]["initContainers"] = [{"name": "b", **gpus("1")}, {"name": "c", **gpus("1")}]
    assert found("pods", made, maxGPUs=1) == []


def test_slices_and_configured_kinds_are_gpus_too() -> None:
    obj = service(model(**gpus("2", "nvidia.com/mig-1g.5gb")))
    assert found("inferenceservices", obj, maxGPUs=1)
    own = service(model(**gpus("2", "acme.com/npu")))
    settings = config(securityPolicy={"maxGPUs": 0}, multiNode={"customGPUResourceTypeList": ["acme.com/npu"]})
    assert list(violations("inferenceservices", own, settings))
    assert found("inferenceservices", own, maxGPUs=0) == []


def test_without_the_key_everything_passes() -> None:
    obj = service(model(image="evil.com/x", storageUri="ftp://x", **gpus("99")))
    assert list(violations("inferenceservices", obj, config())) == []


@pytest.mark.parametrize("junk", [None, 1, "x", [], {"spec": 1}, {"spec": {"predictor": [1], "canary": {"a": 1}}}])
def test_anything_is_survived(junk: Any) -> None:
    policy = {"allowedRegistries": ["a.b"], "allowedUriSchemes": ["s3"], "maxGPUs": 1, "requiredLimits": ["cpu"]}
    for resource in ("inferenceservices", "pods", "servingruntimes", "trainedmodels", "inferencegraphs"):
        for obj in ({"spec": junk}, {"spec": {"containers": junk, "model": junk, "predictor": junk}}):
            found(resource, obj, **policy)
