"""The charts as files: the definitions of kinds, the manager, and the runtimes.

There are three because of when things can be installed. Helm never upgrades what a chart has in `crds/`, so the definitions are a
chart of their own, kept when it goes; and runtimes are judged by the manager's webhooks, which must answer first, while Helm
installs all of a chart at once.
"""

import json
from collections.abc import Iterable, Sequence

import kservectl
from kservectl.api.crds import crds
from kservectl.manifests import manager
from kservectl.manifests.chart import values
from kservectl.manifests.chart.template import EACH_NAMESPACE, Condition, Expression, Variations, template
from kservectl.manifests.components.catalogue import components
from kservectl.manifests.components.component import Component
from kservectl.manifests.gateway import gateway, gateway_with_tls
from kservectl.manifests.layout import HEADER, folders, node_agent_objects
from kservectl.manifests.names import MANAGER
from kservectl.manifests.runtimes import runtimes
from kservectl.manifests.storage import storage_container
from kservectl.manifests.yaml_text import dump
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

DEFINITIONS, CONTROLLER, RUNTIMES = "kservectl-crds", "kservectl", "kservectl-runtimes"

KEEP = {"helm.sh/resource-policy": "keep"}
"""On definitions: without it, uninstalling would delete every service of the cluster."""

_POD = "/spec/template/spec"
_CONTAINER = f"{_POD}/containers/0"
_NOTES = """\
The manager of release {{ .Release.Name }} starts in namespace {{ .Release.Namespace }}.

It needs the definitions of its kinds (chart kservectl-crds), and takes runtimes once it is ready:

  kubectl rollout status deployment/%s -n {{ .Release.Namespace }}
  helm upgrade --install kservectl-runtimes charts/kservectl-runtimes -n {{ .Release.Namespace }}
"""


def files() -> dict[str, str]:
    """Path below `charts/` → text."""
    definitions = [{**crd, "metadata": _annotated(crd["metadata"])} for crd in crds()]
    return {
        **_chart(DEFINITIONS, "The kinds that kservectl serves", _plain(definitions)),
        **_chart(CONTROLLER, "kservectl, a control plane for KServe", _controller()),
        **_chart(RUNTIMES, "What serves models of each format", _plain([*runtimes(), storage_container()])),
        f"{CONTROLLER}/values.yaml": _values(),
        f"{CONTROLLER}/values.schema.json": json.dumps(values.schema(), indent=2) + "\n",
        f"{CONTROLLER}/templates/NOTES.txt": _NOTES % MANAGER,
    }


def _chart(name: str, description: str, templates: dict[str, str]) -> dict[str, str]:
    about = {
        "apiVersion": "v2",
        "name": name,
        "description": description,
        "type": "application",
        "version": kservectl.__version__,
        "appVersion": kservectl.__version__,
    }
    return {
        f"{name}/Chart.yaml": HEADER + dump(about),
        **{f"{name}/templates/{path}": HEADER + text for path, text in templates.items()},
    }


def _annotated(meta: Object) -> Object:
    return {**meta, "annotations": {**meta.get("annotations", {}), **KEEP}}


def _plain(objects: Iterable[Object]) -> dict[str, str]:
    return {_file_name(obj): template(obj) for obj in objects}


def _controller() -> dict[str, str]:
    known = components([EACH_NAMESPACE])
    base = folders()
    found: dict[str, str] = {"namespace.yaml": _under([values.CREATE_NAMESPACE], template(_namespace()))}
    for folder in ("rbac", "config", "manager", "webhooks"):
        for obj in base[folder]:
            found[f"{folder}/{_file_name(obj)}"] = _varied(obj, known.values())
    for component in known.values():
        condition = values.CONDITIONS[component.name]
        for obj in component.adds:
            found[f"{component.name}/{_file_name(obj)}"] = _conditional(condition, obj)
    found["gateway/gateway.yaml"] = _conditional(values.GATEWAY, gateway())
    found["gateway/gateway-with-tls.yaml"] = _conditional(values.GATEWAY_WITH_TLS, gateway_with_tls())
    for position, obj in enumerate(node_agent_objects()):
        found[f"node-agent/{position:02}-{_file_name(obj)}"] = _conditional(values.NODE_AGENT, obj)
    return found


def _namespace() -> Object:
    obj = manager.namespace()
    return {**obj, "metadata": {**obj["metadata"], "name": Expression('"{{ $.Release.Namespace }}"')}}


def _varied(obj: Object, known: Iterable[Component]) -> str:
    """An object of the base, with what components make of it."""
    variations = Variations()
    unwanted: list[Condition] = []
    for component in known:
        condition = values.CONDITIONS[component.name]
        if not component.keeps(obj):
            unwanted.append(Condition(f"not {condition.value}"))
        for patch in component.patches:
            if patch.concerns(obj):
                variations.add(condition, patch)
    if obj["kind"] == "Deployment":
        _add_choices(variations)
    return _under(unwanted, template(obj, variations))


def _add_choices(variations: Variations) -> None:
    """What values say of the Deployment beside components."""
    replicas = "$.Values.replicas"
    # A number of 0 counts too: so is a manager put to rest.
    given = Condition(f'not (kindIs "invalid" {replicas})')
    variations.replaced["/spec/replicas"].append((given, Expression(f"{{{{ {replicas} }}}}")))
    variations.given[f"{_CONTAINER}/resources"] = _json("resources")
    for key in ("imagePullSecrets", "nodeSelector", "tolerations"):
        variations.added[_POD].append((Condition(f"$.Values.{key}"), key, _json(key)))
    variations.appended[f"{_CONTAINER}/args"].append(
        (Condition("$.Values.extraArgs", repeated=True), Expression("{{ . | quote }}"))
    )


def _json(name: str) -> Expression:
    """A whole value, on one line: YAML understands JSON."""
    return Expression(f"{{{{ toJson $.Values.{name} }}}}")


def _conditional(condition: Condition, obj: Object) -> str:
    return "\n".join(condition.around(["---", template(obj).rstrip("\n")], obj)) + "\n"


def _under(conditions: Sequence[Condition], text: str) -> str:
    for condition in conditions:
        text = "\n".join(condition.around([text.rstrip("\n")], "")) + "\n"
    return text


def _file_name(obj: Object) -> str:
    return f"{obj['kind'].lower()}-{metadata.name(obj).removeprefix(f'{EACH_NAMESPACE}-')}.yaml"


def _values() -> str:
    defaults, comments = values.defaults(), values.comments()
    return HEADER + "\n".join(f"# {comments[name]}\n{dump({name: value})}" for name, value in defaults.items())
