"""`kservectl render` ends with objects or with a sentence, never with a traceback."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kservectl.cli.render import render

SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris}
spec: {predictor: {sklearn: {storageUri: "gs://bucket/iris"}}}
"""


def run(tmp_path: Path, text: str, *arguments: str) -> Result:
    file = tmp_path / "given.yaml"
    file.write_text(text)
    return CliRunner().invoke(render, ["-f", str(file), *arguments])


def kinds(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [f"{obj['kind']}/{obj['metadata']['name']}" for obj in yaml.safe_load_all(result.stdout)]


def test_everything_that_would_exist_is_printed(tmp_path: Path) -> None:
    assert sorted(kinds(run(tmp_path, SERVICE))) == [
        "Deployment/iris-predictor",
        "HTTPRoute/iris",
        "HTTPRoute/iris-predictor",
        "HorizontalPodAutoscaler/iris-predictor",
        "Service/iris-predictor",
    ]


GRAPH = """
apiVersion: serving.kserve.io/v1alpha1
kind: InferenceGraph
metadata: {name: flow}
spec: {nodes: {root: {routerType: Sequence, steps: [{serviceName: iris}]}}}
"""


def test_a_graph_finds_the_services_beside_it(tmp_path: Path) -> None:
    result = run(tmp_path, GRAPH + "---" + SERVICE)
    assert sorted(each for each in kinds(result) if each.endswith("/flow")) == [
        "Deployment/flow",
        "HTTPRoute/flow",
        "HorizontalPodAutoscaler/flow",
        "Service/flow",
    ]
    assert "http://iris-predictor.default.svc.cluster.local/v1/models/iris:predict" in result.stdout


def test_services_and_graphs_in_knative_mode_are_rendered_without_knative(tmp_path: Path) -> None:
    asked = "annotations: {serving.kserve.io/deploymentMode: Knative}"
    service = SERVICE.replace("{name: iris}", f"{{name: iris, {asked}}}")
    graph = GRAPH.replace("{name: flow}", f"{{name: flow, {asked}}}")
    result = run(tmp_path, graph + "---" + service)

    assert sorted(kinds(result)) == ["Service/flow", "Service/iris", "Service/iris-predictor", "VirtualService/iris"]
    assert "http://iris.default.svc.cluster.local/v1/models/iris:predict" in result.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GRAPH, "InferenceGraph default/flow: Failed to find graph service iris"),
        (GRAPH.replace("serviceName: iris", "nodeName: root"), "root → root lead in a circle"),
    ],
)
def test_a_graph_that_leads_nowhere_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    result = run(tmp_path, text)
    assert result.exit_code == 1
    assert said in result.stderr


def test_json_is_a_list_that_kubectl_reads(tmp_path: Path) -> None:
    result = run(tmp_path, SERVICE, "-o", "json", "-n", "models")
    document = json.loads(result.stdout)
    assert document["kind"] == "List"
    assert {obj["metadata"]["namespace"] for obj in document["items"]} == {"models"}


def test_the_object_can_be_shown_as_it_would_be_stored(tmp_path: Path) -> None:
    result = run(tmp_path, SERVICE, "--admitted")
    stored = next(iter(yaml.safe_load_all(result.stdout)))
    assert stored["spec"]["predictor"]["model"]["modelFormat"] == {"name": "sklearn"}
    assert "uid" not in stored["metadata"]


def test_a_users_own_runtime_and_configuration_count(tmp_path: Path) -> None:
    runtime = """
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: mine}
spec:
  supportedModelFormats: [{name: sklearn, autoSelect: true}]
  containers: [{name: kserve-container, image: "mine:1"}]
"""
    config = tmp_path / "config.yaml"
    ingress = {"enableGatewayApi": False, "ingressGateway": "a/b", "ingressClassName": "nginx"}
    data = {"deploy": json.dumps({"defaultDeploymentMode": "Standard"}), "ingress": json.dumps(ingress)}
    config.write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data})
    )
    result = run(tmp_path, f"{SERVICE}---{runtime}", "--config", str(config))
    objects = {obj["kind"]: obj for obj in yaml.safe_load_all(result.stdout)}
    assert objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]["image"] == "mine:1"
    assert objects["Ingress"]["spec"]["ingressClassName"] == "nginx"
    assert "HTTPRoute" not in objects


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERVICE.replace("sklearn:", "sklaern:"), 'unknown field "spec.predictor.sklaern"'),
        (SERVICE.replace("sklearn: {", "model: {runtime: nope, modelFormat: {name: a}, "), "with the name: nope"),
        (SERVICE.replace("name: iris", "name: 1iris"), "must start with alphabetical character"),
        (SERVICE.replace("gs://bucket/iris", "gopher://x"), "StorageURI not supported"),
        (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
            "there is no InferenceService or InferenceGraph to render",
        ),
        (SERVICE.replace("predictor:", "predictor: [") + "]", "given.yaml:"),
    ],
)
def test_what_would_be_refused_is_an_error_with_its_reason(tmp_path: Path, text: str, message: str) -> None:
    result = run(tmp_path, text)
    assert result.exit_code == 1
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_configuration_that_is_no_json_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {deploy: '{', ingress: '{}'}\n")
    result = run(tmp_path, SERVICE, "--config", str(config))
    assert result.exit_code == 1
    assert "deploy" in result.stderr


def test_what_the_security_policy_refuses_is_an_error_too(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    policy = '{"allowedUriSchemes": ["pvc"]}'
    data = f"data: {{securityPolicy: '{policy}', ingress: '{{}}'}}"
    config.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n{data}\n")
    result = run(tmp_path, SERVICE, "--config", str(config))
    assert result.exit_code == 1
    assert "which is not allowed; allowed are pvc" in result.stderr
