"""The security policy around the validating webhooks, and in the pod webhook."""

import json
from datetime import UTC, datetime
from typing import Any

from kservectl.admission.pods import handler as pods
from kservectl.admission.policies.enforcement import guarded
from kservectl.admission.review import AdmissionRequest, Denied, FieldError, Verdict
from kservectl.admission.server import Mutated, Mutating, Validating
from kservectl.api.config import CONFIG_MAP_NAME
from kservectl.api.kinds import CLUSTER_STORAGE_CONTAINER, INFERENCE_SERVICE
from kservectl.objects.kind import CONFIG_MAP
from kservectl.objects.metadata import Object
from kservectl.runtime.view import StaticView, View
from tests.admission.inferenceservice.services import model, service
from tests.modelstorage.pods import container, pod

OWN = FieldError("spec", "a rule of its own")
EVIL = service(model(image="evil.com/x"))
GOOD = service(model(image="ghcr.io/x"))
POLICY = {"allowedRegistries": ["ghcr.io"]}


def view(policy: Any) -> View:
    data = {"securityPolicy": policy if isinstance(policy, str) else json.dumps(policy)}
    configuration: Object = {"apiVersion": "v1", "kind": "ConfigMap", "data": data}
    configuration["metadata"] = {"name": CONFIG_MAP_NAME, "namespace": "kserve"}
    kinds = [CONFIG_MAP, INFERENCE_SERVICE, CLUSTER_STORAGE_CONTAINER]
    return StaticView([configuration], kinds=kinds, now=datetime.now(UTC))


def judged(
    new: Object | None, old: Object | None = None, policy: Any = None, errors: tuple[FieldError, ...] = (), **more: Any
) -> Verdict | Denied:
    fields = {"resource": "inferenceservices", "namespace": "default"} | more
    operation = "DELETE" if new is None else "UPDATE" if old else "CREATE"
    request = AdmissionRequest(uid="1", operation=operation, object=new, old_object=old, **fields)
    webhook = guarded(Validating("/x", lambda request, view: Verdict(errors)), "kserve")
    assert isinstance(webhook, Validating)
    return webhook.validate(request, view(POLICY if policy is None else policy))


def verdict(*objects: Any, **more: Any) -> Verdict:
    answer = judged(*objects, **more)
    assert isinstance(answer, Verdict)
    return answer


def test_a_violation_refuses_the_object_with_its_field() -> None:
    (error,) = verdict(EVIL).errors
    assert error.field == "spec.predictor.model.image" and error.reason == "FieldValueForbidden"


def test_it_is_told_together_with_the_webhooks_own_problems() -> None:
    assert [error.field for error in verdict(EVIL, errors=(OWN,)).errors] == ["spec", "spec.predictor.model.image"]


def test_the_action_warn_lets_it_pass_with_a_warning() -> None:
    answer = verdict(EVIL, policy=POLICY | {"validationActions": ["Warn"]})
    assert answer.errors == () and "evil.com/x" in answer.warnings[0]


def test_what_is_allowed_passes_in_silence() -> None:
    assert verdict(GOOD) == Verdict()
    assert verdict(EVIL, policy={}) == Verdict()


def test_namespaces_can_be_exempt() -> None:
    assert verdict(EVIL, policy=POLICY | {"exemptNamespaces": ["default"]}) == Verdict()


def test_a_change_of_the_spec_is_held_to_the_policy() -> None:
    assert verdict(EVIL, service(model(image="evil.com/old"))).errors


def test_whoever_only_removes_a_finalizer_is_not_asked() -> None:
    before = service(model(image="evil.com/x"), finalizers=["f"])
    assert verdict(EVIL, before) == Verdict()
    assert verdict(EVIL, before, policy="{broken") == Verdict()


def test_an_object_that_is_being_deleted_passes() -> None:
    deleting = service(model(image="evil.com/y"), deletionTimestamp="2026-01-01T00:00:00Z")
    assert verdict(deleting, EVIL, policy="{broken") == Verdict()
    assert verdict(None, EVIL, policy="{broken") == Verdict()


def test_a_label_can_be_changed_whatever_the_spec_violates_already() -> None:
    answer = verdict(service(model(image="evil.com/x"), labels={"a": "b"}), EVIL)
    assert answer.errors == () and "evil.com/x" in answer.warnings[0]


def test_but_a_label_that_is_not_allowed_itself_is_refused() -> None:
    rule = {"expression": "!has(object.metadata.labels)", "message": "no labels"}
    policy = POLICY | {"policies": [{"name": "labels", "validations": [rule]}]}
    (error,) = verdict(service(model(image="evil.com/x"), labels={"a": "b"}), EVIL, policy=policy).errors
    assert error.message == 'security policy "labels": no labels'


def test_a_broken_key_refuses_and_names_itself() -> None:
    for broken, told in (
        ("{", "securityPolicy"),
        ({"allowedRegistres": []}, "allowedRegistres"),
        ({"maxGPUs": -1}, "maxGPUs"),
    ):
        answer = judged(GOOD, policy=broken)
        assert isinstance(answer, Denied) and told in answer.message


def test_a_refusal_of_the_webhook_itself_stays() -> None:
    webhook = guarded(Validating("/x", lambda request, view: Denied("no")), "kserve")
    assert isinstance(webhook, Validating)
    request = AdmissionRequest(uid="1", operation="CREATE", object=EVIL, resource="inferenceservices")
    assert webhook.validate(request, view(POLICY)) == Denied("no")


def test_other_resources_and_mutating_webhooks_are_left_alone() -> None:
    assert verdict(EVIL, resource="configmaps") == Verdict()
    mutating = Mutating("/x", lambda request, view: {})
    assert guarded(mutating, "kserve") is mutating


def reviewed(policy: Any, *containers: Object) -> Object | Mutated | Denied:
    made = pod(*containers)
    made["metadata"] |= {"labels": {"serving.kserve.io/inferenceservice": "x"}, "name": "p"}
    (webhook,) = pods.webhooks("kserve")
    assert isinstance(webhook, Mutating)
    request = AdmissionRequest(uid="1", operation="CREATE", object=made, namespace="default", resource="pods", name="p")
    return webhook.mutate(request, view(policy))


def test_a_pod_is_judged_as_it_will_be() -> None:
    answer = reviewed(POLICY | {"requiredLimits": ["memory"]}, container())
    assert isinstance(answer, Denied)
    assert "spec.containers[0].image: " in answer.message and "must have a limit of memory" in answer.message


def test_a_pod_may_be_warned_of() -> None:
    answer = reviewed(POLICY | {"validationActions": ["Warn"]}, container())
    assert isinstance(answer, Mutated) and "no allowed registry" in answer.warnings[0]


def test_policies_see_the_pod_after_mutation() -> None:
    rule = {"expression": "object.spec.containers.all(c, c.securityContext.runAsNonRoot)"}
    policy = {"policies": [{"name": "n", "resources": ["pods"], "validations": [rule]}]}
    assert isinstance(reviewed(policy, container()), Denied)
    assert isinstance(reviewed(policy | {"defaultSecurityContext": "restricted"}, container()), Mutated)
