"""What of a pod template is written out, replaced and removed."""

import pytest

from kservectl.objects.kind import DEPLOYMENT, SERVICE
from kservectl.objects.metadata import Object
from tests.controllers.inferenceservice.world import World, configuration, model, runtime, service


def pod_spec(world: World) -> Object:
    found: Object = world.child(DEPLOYMENT, "iris-predictor")["spec"]["template"]["spec"]
    return found


def test_references_of_variables_to_their_pod_are_written_in_full() -> None:
    env = [
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "OLD", "valueFrom": {"fieldRef": {"apiVersion": "v2", "fieldPath": "spec.nodeName"}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ]
    world = World(service(model(env=env)))
    world.step()

    sources = {entry["name"]: entry.get("valueFrom") for entry in pod_spec(world)["containers"][0]["env"]}

    assert sources == {
        "POD_IP": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}},
        "OLD": {"fieldRef": {"apiVersion": "v2", "fieldPath": "spec.nodeName"}},
        "CPU": {"resourceFieldRef": {"divisor": "0", "resource": "limits.cpu"}},
        "KEY": {"secretKeyRef": {"name": "s", "key": "k"}},
        "INFERENCE_SERVICE_NAME": None,
    }


def test_replaced_pull_secret_leaves_exactly_the_new_one() -> None:
    world = World(service({**model(), "imagePullSecrets": [{"name": "old"}]}))
    world.step()
    assert pod_spec(world)["imagePullSecrets"] == [{"name": "old"}]

    world.edit({**model(), "imagePullSecrets": [{"name": "new"}]})
    world.step()
    assert pod_spec(world)["imagePullSecrets"] == [{"name": "new"}]

    world.edit(model())
    world.step()
    assert "imagePullSecrets" not in pod_spec(world)


def test_pull_secrets_of_the_runtime_stay_beside_the_services_own() -> None:
    world = World(
        service({**model(), "imagePullSecrets": [{"name": "own"}]}), runtime(imagePullSecrets=[{"name": "theirs"}])
    )
    world.step()

    assert sorted(secret["name"] for secret in pod_spec(world)["imagePullSecrets"]) == ["own", "theirs"]


@pytest.mark.parametrize(
    ("container", "port"), [({}, 8080), ({"ports": [{"containerPort": 9000, "protocol": "TCP"}]}, 9000)]
)
def test_address_of_a_headless_service_has_the_port_that_the_container_listens_on(container: Object, port: int) -> None:
    headless = configuration(service={"serviceClusterIPNone": True})
    world = World(service(), runtime(container=container), config=headless).become_ready()

    assert world.child(SERVICE, "iris-predictor")["spec"]["clusterIP"] == "None"
    assert world.child(SERVICE, "iris-predictor")["spec"]["ports"][0]["port"] == 80
    assert world.status["address"]["url"] == f"http://iris-predictor.ml.svc.cluster.local:{port}"


def test_address_of_a_service_with_a_cluster_ip_has_no_port() -> None:
    world = World(service(), config=configuration(service={"serviceClusterIPNone": False})).become_ready()

    assert "clusterIP" not in world.child(SERVICE, "iris-predictor")["spec"]
    assert world.status["address"]["url"] == "http://iris-predictor.ml.svc.cluster.local"
