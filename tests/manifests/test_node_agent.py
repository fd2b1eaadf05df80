"""The node agent's installation: what differs from a locked-down pod is what the agent is for, and rights end at its node."""

from itertools import chain
from typing import Any

import pytest

from kservectl.api.config import Config
from kservectl.api.storagecontainer import ClusterStorageContainer
from kservectl.manifests.configuration import config_map
from kservectl.manifests.layout import node_agent_objects
from kservectl.manifests.node_agent import (
    AGENT_NAMESPACE,
    HOST_PATH,
    JOB_NAMESPACE,
    NODE_AGENT,
    daemon_set,
    download_container,
    namespaces,
)
from kservectl.objects import metadata
from kservectl.objects.metadata import Object


def pod() -> dict[str, Any]:
    found: dict[str, Any] = daemon_set()["spec"]["template"]["spec"]
    return found


def named(kind: str, namespace: str = "") -> Object:
    (found,) = [each for each in node_agent_objects() if each["kind"] == kind and metadata.namespace(each) == namespace]
    return found


def rights(role: Object) -> set[tuple[str, str]]:
    return {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}


def test_agent_has_the_name_selector_and_folder_of_kserves() -> None:
    assert metadata.name(daemon_set()) == "kserve-localmodelnode-agent"
    assert pod()["nodeSelector"] == {"kserve/localmodel": "worker"}
    assert pod()["volumes"][0]["hostPath"] == {"path": "/models", "type": "DirectoryOrCreate"}
    (container,) = pod()["containers"]
    assert container["volumeMounts"][0]["mountPath"] == "/mnt/models"
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "200Mi"},
        "limits": {"cpu": "500m", "memory": "300Mi"},
    }


def test_agent_has_no_rights_on_the_machine_but_its_folder() -> None:
    (container,) = pod()["containers"]
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod().keys()
    assert [volume["hostPath"]["path"] for volume in pod()["volumes"] if "hostPath" in volume] == [HOST_PATH]


def test_only_the_init_container_is_root_and_it_can_change_owners_and_nothing_else() -> None:
    (init,) = pod()["initContainers"]
    assert init["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["CHOWN"]}
    assert init["securityContext"]["readOnlyRootFilesystem"] is True
    assert init["securityContext"]["allowPrivilegeEscalation"] is False


def test_agent_and_downloads_are_one_user_whose_group_is_that_of_the_configuration() -> None:
    user = pod()["securityContext"]["runAsUser"]
    assert download_container()["spec"]["container"]["securityContext"]["runAsUser"] == user
    assert Config(config_map()).local_model.fs_group == user


def test_namespace_with_host_paths_is_the_agents_alone() -> None:
    levels = {metadata.name(each): metadata.labels(each)["pod-security.kubernetes.io/enforce"] for each in namespaces()}
    assert levels == {AGENT_NAMESPACE: "privileged", JOB_NAMESPACE: "baseline"}
    assert Config(config_map()).local_model.job_namespace == JOB_NAMESPACE


def test_agent_may_write_nothing_but_the_status_jobs_and_events() -> None:
    roles = [each for each in node_agent_objects() if each["kind"] in ("ClusterRole", "Role")]
    written = {right for right in chain(*map(rights, roles)) if right[1] not in ("get", "list", "watch")}
    assert written == {
        ("localmodelnodes/status", "patch"),
        ("localmodelnodes/finalizers", "update"),
        ("jobs", "create"),
        ("jobs", "patch"),
        ("jobs", "delete"),
        ("events", "create"),
        ("events", "patch"),
    }


def test_secrets_and_accounts_may_be_read_by_name_in_the_job_namespace_only() -> None:
    for each in node_agent_objects():
        if each["kind"] in ("ClusterRole", "Role"):
            secret = {right for right in rights(each) if right[0] in ("secrets", "serviceaccounts")}
            allowed = {("secrets", "get"), ("serviceaccounts", "get")}
            assert secret == (allowed if metadata.namespace(each) == JOB_NAMESPACE else set())


def test_only_the_configuration_may_be_read_of_the_managers_namespace() -> None:
    (rule,) = named("Role", "kserve")["rules"]
    assert (rule["resources"], rule["resourceNames"]) == (["configmaps"], ["inferenceservice-config"])


def test_bindings_bind_the_account_that_the_agent_runs_as() -> None:
    account = pod()["serviceAccountName"]
    for each in node_agent_objects():
        if each["kind"].endswith("RoleBinding") or each["kind"] == "RoleBinding":
            (subject,) = each["subjects"]
            assert (subject["name"], subject["namespace"]) == (account, AGENT_NAMESPACE)
    assert metadata.name(named("ServiceAccount", AGENT_NAMESPACE)) == account


def test_policy_is_about_this_account_and_denies() -> None:
    (policy, binding) = (named("ValidatingAdmissionPolicy"), named("ValidatingAdmissionPolicyBinding"))
    assert binding["spec"] == {"policyName": metadata.name(policy), "validationActions": ["Deny"]}
    user = f"system:serviceaccount:{AGENT_NAMESPACE}:{NODE_AGENT}"
    assert user in policy["spec"]["matchConditions"][0]["expression"]


@pytest.mark.parametrize("uri", ["https://a/b", "http://a/b", "hf://org/model", "s3://b/k", "gs://b/k"])
def test_downloads_of_what_this_project_can_fetch_use_its_own_image(uri: str) -> None:
    container = ClusterStorageContainer.parse(download_container())
    assert container.spec.covers(uri)
    assert container.spec.effective_workload_type == "localModelDownloadJob"
    assert container.spec.container["command"] == ["python", "-m", "kservectl", "download"]
