"""Which rights are asked about, and how those are told that are missing."""

from kservectl.manifests import rbac
from kservectl.preflight.rights import Right, findings, is_allowed, needed, review


def test_every_rule_of_the_installation_is_asked_about() -> None:
    found = needed("kserve")
    assert Right("apps", "deployments", "patch") in found
    assert Right("coordination.k8s.io", "leases", "update", "kserve") in found
    assert Right("serving.kserve.io", "inferenceservices/status", "patch") in found
    rules = [rule for obj in rbac.objects() if "rules" in obj for rule in obj["rules"]]
    asked = {(each.group, each.resource, each.verb) for each in found}
    for rule in rules:
        for resource in rule["resources"]:
            assert {(rule["apiGroups"][0], resource, verb) for verb in rule["verbs"]} <= asked


def test_a_right_on_one_object_is_asked_about_with_its_name() -> None:
    group = "admissionregistration.k8s.io"
    assert Right(group, "validatingwebhookconfigurations", "patch", "", "inferenceservice.serving.kserve.io") in needed(
        "x"
    )
    assert Right(group, "validatingwebhookconfigurations", "patch") not in needed("x")


def test_rights_on_workloads_are_asked_about_where_they_are_used() -> None:
    found = needed("kserve", ["models", "more"])
    assert {each.namespace for each in found if each.resource == "deployments"} == {"models", "more"}
    assert {each.namespace for each in found if each.resource == "clusterservingruntimes"} == {""}


def test_a_review_names_the_account_as_the_api_server_knows_it() -> None:
    spec = review(Right("apps", "deployments/scale", "get", "models"), "manager", "kserve")["spec"]
    assert spec["user"] == "system:serviceaccount:kserve:manager"
    assert "system:serviceaccounts:kserve" in spec["groups"]
    assert spec["resourceAttributes"] == {
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "verb": "get",
        "namespace": "models",
    }


def test_no_answer_is_no() -> None:
    assert is_allowed({"status": {"allowed": True}})
    assert not is_allowed({"status": {"allowed": False}})
    assert not is_allowed({})


def test_missing_rights_are_told_once_for_each_resource() -> None:
    refused = [Right("apps", "deployments", "patch"), Right("apps", "deployments", "create"), Right("", "pods", "list")]
    found = findings(refused, "manager", "kserve")
    assert [each.message for each in found] == ["it may not patch, create deployments.apps", "it may not list pods"]
    assert {each.severity for each in found} == {"blocker"}
