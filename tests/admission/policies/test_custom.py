"""CEL policies mean what a ValidatingAdmissionPolicy would."""

from typing import Any

from kservectl.admission.policies.custom import Violation, violations
from kservectl.admission.review import AdmissionRequest
from kservectl.api.config_security_policy import Policy
from tests.admission.inferenceservice.services import model, service

OBJECT = service(model(), labels={"team": "a"})
NO_LATEST = {"expression": "object.metadata.name != 'sklearn'", "message": "choose another name"}


def policy(name: str = "p", validations: Any = (NO_LATEST,), **more: Any) -> Policy:
    return Policy.model_validate({"name": name, "validations": list(validations), **more})


def found(
    *policies: Policy, obj: Any = OBJECT, old: Any = None, resource: str = "inferenceservices"
) -> list[Violation]:
    request = AdmissionRequest(uid="1", operation="CREATE", namespace="default", user="jane", kind="InferenceService")
    return violations(policies, "Deny", resource, request, obj, old)


def messages(*policies: Policy, **more: Any) -> list[str]:
    return [violation.message for violation in found(*policies, **more)]


def test_what_does_not_hold_is_told_with_the_name_of_the_policy() -> None:
    assert found(policy("names")) == [Violation('security policy "names": choose another name', "Deny")]


def test_what_holds_is_not_told() -> None:
    assert found(policy(validations=[{"expression": "object.metadata.name == 'sklearn'"}])) == []


def test_without_a_message_the_expression_is_told() -> None:
    (told,) = messages(policy(validations=[{"expression": "1 > 2"}]))
    assert told == 'security policy "p": failed expression: 1 > 2'


def test_a_message_can_be_made_by_an_expression() -> None:
    made = NO_LATEST | {"messageExpression": "'not ' + object.metadata.name"}
    assert messages(policy(validations=[made])) == ['security policy "p": not sklearn']


def test_a_message_that_cannot_be_made_falls_back() -> None:
    for broken in ("object.nosuch", "1", "nosuch(", "'a\\nb'", "''"):
        made = NO_LATEST | {"messageExpression": broken}
        assert messages(policy(validations=[made])) == ['security policy "p": choose another name']


def test_every_validation_is_looked_at() -> None:
    assert len(found(policy(validations=[NO_LATEST, {"expression": "true"}, {"expression": "false"}]))) == 2


def test_a_policy_may_warn_where_others_deny() -> None:
    assert [each.action for each in found(policy(), policy("q", validationActions=["Warn"]))] == ["Deny", "Warn"]


def test_a_policy_is_about_the_resources_that_it_names() -> None:
    pods = policy(resources=["pods", "servingruntimes"])
    assert found(pods) == []
    assert len(found(pods, resource="pods")) == 1


def test_match_conditions_say_when_it_applies() -> None:
    yes = {"name": "team", "expression": "object.metadata.labels.team == 'a'"}
    no = {"name": "namespace", "expression": "request.namespace == 'other'"}
    assert len(found(policy(matchConditions=[yes]))) == 1
    assert found(policy(matchConditions=[yes, no])) == []


def test_variables_may_use_one_another() -> None:
    variables = [
        {"name": "labels", "expression": "object.metadata.labels"},
        {"name": "team", "expression": "variables.labels.team"},
    ]
    assert found(policy(variables=variables, validations=[{"expression": "variables.team == 'a'"}])) == []


def test_requests_and_old_objects_are_seen() -> None:
    rules = [
        "oldObject == null || object.metadata.labels.team == oldObject.metadata.labels.team",
        "request.operation == 'CREATE' && request.userInfo.username == 'jane'",
        "request.kind.kind == 'InferenceService' && request.dryRun == false",
    ]
    teams = policy(validations=[{"expression": rule} for rule in rules])
    assert found(teams) == []
    assert len(found(teams, old=service(model(), labels={"team": "b"}))) == 1


def test_a_broken_policy_fails_alone_and_says_why() -> None:
    broken = policy("broken", [{"expression": "object.metadata.nam =="}])
    told = messages(broken, policy("names"))
    assert told[0].startswith('security policy "broken" cannot be decided: expression ') and "Syntax error" in told[0]
    assert told[1] == 'security policy "names": choose another name'


def test_a_policy_that_fails_on_an_object_says_on_what() -> None:
    (told,) = messages(policy(validations=[{"expression": "object.metadata.annotations.x == 'y'"}]))
    assert "no such key: annotations" in told


def test_failures_can_be_ignored_with_a_warning() -> None:
    part: Any
    for part in ({"validations": [{"expression": "nosuch("}]}, {"variables": [{"name": "v", "expression": "1/0"}]}):
        (violation,) = found(policy(failurePolicy="Ignore", **part))
        assert violation.action == "Warn" and "was not looked at" in violation.message


def test_a_broken_condition_or_variable_decides_by_the_failure_policy() -> None:
    part: Any
    for part in (
        {"matchConditions": [{"name": "c", "expression": "object.nosuch == 1"}]},
        {"variables": [{"name": "v", "expression": "object.nosuch"}]},
    ):
        (violation,) = found(policy(**part))
        assert violation.action == "Deny" and "cannot be decided" in violation.message


def test_an_answer_that_is_not_true_or_false_is_a_failure() -> None:
    assert "neither" in messages(policy(validations=[{"expression": "'yes'"}]))[0]


def test_a_costly_policy_holds_up_no_other() -> None:
    costly = policy("costly", [{"expression": "object.l.all(x, object.l.all(y, object.l.all(z, x+y+z >= 0)))"}])
    told = messages(costly, policy("names"), obj=OBJECT | {"l": list(range(1000))})
    assert "costly" in told[0] and told[1] == 'security policy "names": choose another name'
