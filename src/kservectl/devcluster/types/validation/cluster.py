"""Rules of cluster machinery: Leases, RBAC, classes and webhook configurations."""

from collections.abc import Iterable, Mapping

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say
from kservectl.devcluster.types.validation import numbers
from kservectl.devcluster.types.validation.selectors import check_selector
from kservectl.objects.metadata import Object


def check_lease(new: Object, old: Object | None) -> list[Cause]:
    spec = new.get("spec") or {}
    found = list(numbers.positive("spec.leaseDurationSeconds", spec.get("leaseDurationSeconds")))
    found.extend(numbers.at_least("spec.leaseTransitions", spec.get("leaseTransitions"), 0))
    return found


def check_priority_class(new: Object, old: Object | None) -> list[Cause]:
    if old is not None and old.get("value", 0) != new.get("value", 0):
        return [say.forbidden("value", "may not be changed in an update.")]
    return []


def check_storage_class(new: Object, old: Object | None) -> list[Cause]:
    modes = ("Immediate", "WaitForFirstConsumer")
    found = list(numbers.one_of("volumeBindingMode", new.get("volumeBindingMode"), modes))
    found.extend(numbers.one_of("reclaimPolicy", new.get("reclaimPolicy"), ("Delete", "Retain")))
    if old is None:
        return found
    fixed = ("parameters", "provisioner", "reclaimPolicy")
    changed = [field for field in fixed if old.get(field) != new.get(field)]
    return [*found, *(say.forbidden(field, f"updates to {field} are forbidden.") for field in changed)]


def check_role(new: Object, old: Object | None) -> list[Cause]:
    found: list[Cause] = []
    for position, rule in enumerate(new.get("rules") or ()):
        path = f"rules[{position}]"
        if not rule.get("verbs"):
            found.append(say.required(f"{path}.verbs", "verbs must contain at least one value"))
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            found.append(say.required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
        if not rule.get("resources"):
            found.append(say.required(f"{path}.resources", "resource rules must supply at least one resource"))
    return found


def check_binding(new: Object, old: Object | None) -> list[Cause]:
    roles = ("ClusterRole",) if new.get("kind") == "ClusterRoleBinding" else ("Role", "ClusterRole")
    found = list(numbers.one_of("roleRef.kind", new["roleRef"].get("kind"), roles))
    for position, subject in enumerate(new.get("subjects") or ()):
        path = f"subjects[{position}]"
        kinds = ("ServiceAccount", "User", "Group")
        found.extend(numbers.one_of(f"{path}.kind", subject.get("kind"), kinds))
        cluster_wide = new.get("kind") == "ClusterRoleBinding"
        if cluster_wide and subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            found.append(say.required(f"{path}.namespace"))
    if old is not None and old.get("roleRef") != new.get("roleRef"):
        found.append(say.invalid("roleRef", new.get("roleRef"), "cannot change roleRef"))
    return found


_SIDE_EFFECTS = ("None", "NoneOnDryRun")


def check_webhooks(new: Object, old: Object | None) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for position, webhook in enumerate(new.get("webhooks") or ()):
        path = f"webhooks[{position}]"
        name = webhook.get("name", "")
        if name and len(name.split(".")) < 3:
            detail = "should be a domain with at least three segments separated by dots"
            found.append(say.invalid(f"{path}.name", name, detail))
        if name in seen:
            found.append(say.duplicate(f"{path}.name", name))
        seen.add(name)
        found.extend(_check_webhook(webhook, path))
    return found


def _check_webhook(webhook: Mapping[str, object], path: str) -> Iterable[Cause]:
    effects = webhook.get("sideEffects")
    if effects not in _SIDE_EFFECTS:
        words = f"must specify one of {', '.join(_SIDE_EFFECTS)}"
        yield (
            say.required(f"{path}.sideEffects", words)
            if effects is None
            else say.unsupported(f"{path}.sideEffects", effects, _SIDE_EFFECTS)
        )
    versions = webhook.get("admissionReviewVersions")
    if not versions:
        yield say.required(f"{path}.admissionReviewVersions", "must specify one of v1, v1beta1")
    elif isinstance(versions, list) and not {"v1", "v1beta1"} & set(versions):
        yield say.invalid(f"{path}.admissionReviewVersions", versions, "must include at least one of v1, v1beta1")
    yield from numbers.one_of(f"{path}.failurePolicy", webhook.get("failurePolicy"), ("Fail", "Ignore"))
    yield from numbers.one_of(f"{path}.matchPolicy", webhook.get("matchPolicy"), ("Equivalent", "Exact"))
    timeout = webhook.get("timeoutSeconds")
    if isinstance(timeout, int) and not 1 <= timeout <= 30:
        yield say.invalid(f"{path}.timeoutSeconds", timeout, "the timeout value must be between 1 and 30 seconds")
    for field in ("namespaceSelector", "objectSelector"):
        if isinstance(selector := webhook.get(field), dict):
            yield from check_selector(selector, f"{path}.{field}")
    client = webhook.get("clientConfig")
    if isinstance(client, dict) and ("url" in client) == ("service" in client):
        yield say.required(f"{path}.clientConfig", "exactly one of url or service is required")
    elif isinstance(client, dict) and not str(client.get("url", "https://")).startswith("https://"):
        scheme = str(client["url"]).partition(":")[0]
        detail = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        yield say.invalid(f"{path}.clientConfig.url", scheme, detail)
    rules = webhook.get("rules")
    for position, rule in enumerate(rules if isinstance(rules, list) else ()):
        for field in ("operations", "apiGroups", "apiVersions", "resources"):
            if not rule.get(field):
                yield say.required(f"{path}.rules[{position}].{field}")
