"""What kservectl's webhooks say of objects that are stored already: refusals to come, warnings, and what is out of date."""

from collections.abc import Iterator, Mapping

from kservectl.admission.review import AdmissionRequest, Denied
from kservectl.admission.server import Validate, Validating
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.assembly import webhooks
from kservectl.manifests.webhooks import validating
from kservectl.objects import metadata
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object
from kservectl.preflight.report import Finding
from kservectl.runtime.view import View

_MODE = "serving.kserve.io/deploymentMode"
_OLD_MODES: Mapping[str, str] = {"RawDeployment": "Standard", "Serverless": "Knative"}


def validators(system_namespace: str) -> Mapping[str, Validate]:
    """The validating function of each resource (its plural) that has one."""
    functions = {
        webhook.path: webhook.validate for webhook in webhooks(system_namespace) if isinstance(webhook, Validating)
    }
    entries = [entry for configuration in validating() for entry in configuration["webhooks"]]
    return {
        resource: functions[entry["clientConfig"]["service"]["path"]]
        for entry in entries
        for rule in entry["rules"]
        for resource in rule["resources"]
    }


def findings(kind: Kind, obj: Object, view: View, validate: Validate) -> Iterator[Finding]:
    """What would be said of `obj` if it were written again as it is."""
    if metadata.is_deleting(obj):
        return
    about = metadata.describe({**obj, "kind": kind.kind})
    verdict = validate(AdmissionRequest.about(kind, obj, stored=obj, uid="preflight", dry_run=True), view)
    if isinstance(verdict, Denied):
        yield Finding("warning", about, f"every change of it would be refused: {verdict.message}")
        return
    for error in verdict.errors:
        yield Finding(
            "warning", about, f"every change of it would be refused: {error}", "correct it before others change it"
        )
    for warning in verdict.warnings:
        yield Finding("warning", about, warning)
    if kind == INFERENCE_SERVICE:
        yield from _out_of_date(about, obj)


def _out_of_date(about: str, service: Object) -> Iterator[Finding]:
    """KServe's earlier spellings, which are understood."""
    mode = metadata.annotations(service).get(_MODE, "")
    if mode in _OLD_MODES:
        message = f"annotation {_MODE}: {mode} is the earlier name of {_OLD_MODES[mode]}; both are understood"
        yield Finding("note", about, message)
