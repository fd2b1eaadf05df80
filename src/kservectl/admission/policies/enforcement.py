"""Holds the key `securityPolicy` against what is stored: as a guard around validating webhooks, and by the pod webhook.

An object that is being deleted passes, and so does an update that changes neither spec nor labels nor annotations: no
policy, and no broken one, keeps a finalizer from being removed. An update of labels and annotations alone is not held to what
the stored object violates already: such a violation is a warning then.
"""

from collections.abc import Sequence

from kservectl.admission.inferenceservice.handler import configuration, misconfigured
from kservectl.admission.policies import checks, custom
from kservectl.admission.review import AdmissionRequest, Denied, FieldError, Verdict
from kservectl.admission.server import Validate, Validating, Webhook
from kservectl.api.config import Config, ConfigError
from kservectl.api.config_security_policy import RESOURCES
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.runtime.view import View


def guarded(webhook: Webhook, system_namespace: str) -> Webhook:
    """A validating webhook with the security policy after its own rules; all problems are told together."""
    if not isinstance(webhook, Validating):
        return webhook
    return Validating(webhook.path, _guard(webhook.validate, system_namespace))


def judge(
    resource: str, request: AdmissionRequest, obj: Object, config: Config, *, old: Object | None = None
) -> Verdict:
    """What the security policy says of `obj`, which replaces `old`; raises ConfigError."""
    policy = config.security_policy
    if request.namespace in policy.exempt_namespaces:
        return Verdict()
    default = policy.validation_actions[0]
    errors: list[FieldError] = []
    warnings: list[str] = []
    found = list(checks.violations(resource, obj, config))
    if default == "Deny":
        errors += found
    else:
        warnings += map(str, found)
    for violation in custom.violations(policy.policies, default, resource, request, obj, old):
        if violation.action == "Deny":
            errors.append(FieldError("", violation.message, "FieldValueForbidden"))
        else:
            warnings.append(violation.message)
    return Verdict(tuple(errors), tuple(warnings))


def _guard(validate: Validate, system_namespace: str) -> Validate:
    def guard(request: AdmissionRequest, view: View) -> Verdict | Denied:
        verdict = validate(request, view)
        resource, obj, old = request.resource, request.object, request.old_object
        if isinstance(verdict, Denied) or resource not in RESOURCES or obj is None:
            return verdict
        if metadata.is_deleting(obj) or _same(obj, old):
            return verdict
        config = configuration(view, system_namespace)
        try:
            found = judge(resource, request, obj, config, old=old)
            if old is not None and found.errors and obj.get("spec") == old.get("spec"):
                found = _tolerated(found, judge(resource, request, old, config, old=old))
        except ConfigError as problem:
            return misconfigured(config, problem, system_namespace)
        return Verdict((*verdict.errors, *found.errors), (*verdict.warnings, *found.warnings))

    return guard


def _same(obj: Object, old: Object | None) -> bool:
    """Whether nothing has changed that a policy looks at."""
    return old is not None and _looked_at(obj) == _looked_at(old)


def _looked_at(obj: Object) -> Sequence[object]:
    return obj.get("spec"), metadata.labels(obj), metadata.annotations(obj)


def _tolerated(found: Verdict, before: Verdict) -> Verdict:
    known = set(before.errors)
    errors = tuple(error for error in found.errors if error not in known)
    told = [str(error) for error in found.errors if error in known]
    return Verdict(errors, (*found.warnings, *told))
