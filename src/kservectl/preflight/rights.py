"""Which rights the manager lacks, of those that an installation gives it (`manifests.rbac`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kservectl.manifests import rbac
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from kservectl.preflight.report import Finding

REVIEW_PATH = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource. `namespace` is empty for every namespace, `name` for every object."""

    group: str
    resource: str
    verb: str
    namespace: str = ""
    name: str = ""

    @property
    def subject(self) -> str:
        """What it is about, as messages of the API server write it."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        which = f" {self.name}" if self.name else ""
        resource, slash, subresource = self.resource.partition("/")
        return f"{resource}{'.' + self.group if self.group else ''}{slash}{subresource}{which}{where}"


def needed(system_namespace: str, namespaces: Sequence[str] = ()) -> list[Right]:
    """Everything that the manager does: about workloads in `namespaces` (none for all)."""
    found: list[Right] = []
    for obj in rbac.objects():
        if obj["kind"] == "ClusterRole":
            where = namespaces if metadata.name(obj) == rbac.WORKLOADS else ()
            found += [right for namespace in where or ("",) for right in _rights(obj["rules"], namespace)]
        elif obj["kind"] == "Role":
            found += _rights(obj["rules"], system_namespace)
    return list(dict.fromkeys(found))


def review(right: Right, account: str, namespace: str) -> Object:
    """The SubjectAccessReview that asks whether the ServiceAccount has the right."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "verb": right.verb,
        "namespace": right.namespace,
        "name": right.name,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"],
            "resourceAttributes": {name: value for name, value in attributes.items() if value},
        },
    }


def is_allowed(answer: Object) -> bool:
    """What the API server answered to a review."""
    return bool((answer.get("status") or {}).get("allowed"))


def findings(refused: Sequence[Right], account: str, namespace: str) -> list[Finding]:
    """One blocker for each resource on which something may not be done."""
    verbs: dict[str, list[str]] = {}
    for right in refused:
        verbs.setdefault(right.subject, []).append(right.verb)
    about = f"ServiceAccount {namespace}/{account}"
    step = "kubectl apply --server-side -k manifests/rbac; it takes no rights from anybody"
    return [
        Finding("blocker", about, f"it may not {', '.join(refused_verbs)} {subject}", step)
        for subject, refused_verbs in verbs.items()
    ]


def _rights(rules: Iterable[Object], namespace: str) -> Iterable[Right]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames") or ("",):
                        yield Right(group, resource, verb, namespace, name)
