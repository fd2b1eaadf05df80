"""What of the cluster around the services stands in the way, or is worth knowing."""

from datetime import UTC, datetime

from kservectl.api.crds import crds
from kservectl.assembly import webhooks as handlers
from kservectl.manifests import webhooks
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.preflight.report import Finding
from kservectl.preflight.surroundings import definition_findings, lease_findings, webhook_findings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = {each.path for each in handlers("kserve")}


def blockers(found: list[Finding]) -> list[str]:
    return [f"{each.about}: {each.message}" for each in found if each.severity == "blocker"]


def told_of(*configurations: Object) -> list[Finding]:
    return webhook_findings([*webhooks.configurations(), *configurations], "kserve", PATHS)


def configuration(service: Object, **rule: list[str]) -> Object:
    webhook = {"name": "w", "clientConfig": {"service": service}, "rules": [rule]}
    return {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "theirs"}, "webhooks": [webhook]}


def test_all_definitions_of_an_installation_are_enough() -> None:
    assert blockers(definition_findings(crds())) == []


def test_third_parties_kinds_that_are_missing_are_noted_with_what_they_are_for() -> None:
    notes = definition_findings(crds())
    assert any("httproutes" in each.about and "enableGatewayApi" in each.message for each in notes)


def test_a_missing_definition_and_one_without_the_version_stand_in_the_way() -> None:
    first, *others = crds()
    second = {**others[0], "spec": {**others[0]["spec"], "versions": [{"name": "v0", "served": True}]}}
    found = blockers(definition_findings([second, *others[1:]]))
    assert len(found) == 2
    assert metadata.name(first) in found[0]
    assert "does not serve" in found[1]


def test_the_webhooks_of_an_installation_are_as_they_should_be() -> None:
    assert told_of() == []


def test_a_configuration_that_is_missing_is_a_warning() -> None:
    found = webhook_findings(webhooks.configurations()[1:], "kserve", PATHS)
    assert [each.severity for each in found] == ["warning"]


def test_a_webhook_of_another_installation_stands_in_the_way() -> None:
    service = {"name": "kserve-webhook-server-service", "namespace": "kubeflow", "path": "/x"}
    found = blockers(told_of(configuration(service, apiGroups=["serving.kserve.io"], resources=["inferenceservices"])))
    assert len(found) == 1
    assert "kubeflow/kserve-webhook-server-service" in found[0]


def test_a_path_that_kservectl_does_not_answer_stands_in_the_way() -> None:
    service = {"name": "kserve-webhook-server-service", "namespace": "kserve", "path": "/validate-llm"}
    found = blockers(told_of(configuration(service, apiGroups=["serving.kserve.io"], resources=["llm"])))
    assert "/validate-llm" in found[0]


def test_webhooks_of_strangers_are_left_out() -> None:
    service = {"name": "policy", "namespace": "gatekeeper", "path": "/x"}
    assert told_of(configuration(service, apiGroups=["apps"], resources=["deployments"])) == []


def test_a_kservectl_that_holds_the_lease_is_told_from_a_manager_to_take_over_from() -> None:
    def held_by(manager: str) -> Object:
        renewed = [{"manager": "manager", "fieldsV1": {"f:spec": {"f:acquireTime": {}}}}]
        renewed += [{"manager": manager, "fieldsV1": {"f:spec": {"f:renewTime": {}}}}]
        spec = {"holderIdentity": "pod-1", "renewTime": "2026-11-26T12:00:00.000000Z"}
        return {"metadata": {"managedFields": renewed}, "spec": spec}

    (ours,), (theirs,) = (lease_findings(held_by(name), "kserve", NOW) for name in ("kservectl", "manager"))
    assert ours.message.endswith("a kservectl, which has taken over")
    assert not ours.next_step
    assert "when that manager is stopped" in theirs.next_step


def test_the_holder_of_the_lease_is_noted() -> None:
    spec = {"holderIdentity": "kserve-0_abc", "renewTime": "2025-12-31T23:59:58.000000Z"}
    (found,) = lease_findings({"spec": spec}, "kserve", NOW)
    assert found.severity == "note"
    assert "kserve-0_abc holds it and renewed it 2 s ago" in found.message
    assert lease_findings({"spec": {"holderIdentity": ""}}, "kserve", NOW) == []
    assert lease_findings(None, "kserve", NOW) == []
