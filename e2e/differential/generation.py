"""Requests made up by hypothesis: most of them good, some bad in every way that a client gets wrong.

Names are few, so that requests meet each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from e2e.differential.objects import SUBJECTS, WIDGET, Subject
from e2e.differential.side import NAMESPACE, Request
from kservectl.client.client import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from kservectl.objects.kind import CONFIG_MAP, INGRESS, NETWORK_POLICY, SECRET, SERVICE, Kind
from kservectl.objects.metadata import Object

Made = st.SearchStrategy[Any]

_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


def rarely(bad: Made, good: Made) -> Made:
    """Bad one time in sixteen."""
    return st.integers(0, 15).flatmap(lambda die: bad if die == 15 else good)


def fields(*, required: Mapping[str, Made] | None = None, **optional: Any) -> Made:
    """A dict of some of these fields."""
    return st.fixed_dictionaries(dict(required or {}), optional=optional)


NAMES = rarely(st.sampled_from(["Not_OK", "-a", "a" * 254, "a.b", ""]), st.sampled_from(["a", "b", "c"]))
_WORDS = st.sampled_from(["x", "y", "z"])
_LABELS = st.dictionaries(
    rarely(st.sampled_from(["-bad", "a/b/c", ""]), st.sampled_from(["app", "tier", "example.com/app"])),
    rarely(st.sampled_from(["no spaces", "é", "a" * 64]), st.sampled_from(["x", "y", ""])),
    max_size=2,
)
_ANNOTATIONS = st.dictionaries(
    rarely(st.just("not ok"), st.sampled_from(["note", "example.com/note"])), _WORDS, max_size=2
)
_FINALIZERS = st.lists(rarely(st.just("not ok/x"), st.just("example.com/hold")), max_size=1, unique=True)
_METADATA: Mapping[str, Any] = {"labels": _LABELS, "annotations": _ANNOTATIONS, "finalizers": _FINALIZERS}
_DATA = st.dictionaries(
    rarely(st.sampled_from(["no/slash", "", ".."]), st.sampled_from(["k", "k.txt"])), st.sampled_from(["", "v", "w\n"])
)
_BASE64 = st.sampled_from(["", "AA==", "dGV4dA=="])
_PORT_NUMBERS = rarely(st.sampled_from([0, 70000, -1]), st.sampled_from([80, 8080]))
_TARGETS = rarely(st.sampled_from(["a--b", 0, "a" * 16]), st.sampled_from([8080, "http"]))
_SELECTORS = st.dictionaries(st.sampled_from(["app", "tier"]), _WORDS, max_size=2)
_LABEL_SELECTORS = fields(
    matchLabels=_SELECTORS,
    matchExpressions=st.lists(
        fields(
            required={
                "key": st.just("app"),
                "operator": rarely(st.just("Like"), st.sampled_from(["In", "Exists", "DoesNotExist"])),
            },
            values=st.lists(_WORDS, max_size=2, unique=True),
        ),
        max_size=1,
    ),
)

_SERVICE_PORTS = st.lists(
    fields(
        required={"port": _PORT_NUMBERS},
        name=st.sampled_from(["http", "https", "Bad_Name"]),
        protocol=rarely(st.just("HTTP"), st.sampled_from(["TCP", "UDP"])),
        targetPort=_TARGETS,
        appProtocol=st.just("h2c"),
    ),
    max_size=2,
)
_SERVICE = fields(
    # A Service without a selector gets addresses of families that no cluster here has.
    required={"ports": _SERVICE_PORTS, "selector": st.dictionaries(st.just("app"), _WORDS, min_size=1)},
    type=rarely(st.just("Odd"), st.sampled_from(["ClusterIP", "ExternalName"])),
    clusterIP=st.just("None"),
    externalName=st.just("example.com"),
    sessionAffinity=rarely(st.just("Odd"), st.sampled_from(["None", "ClientIP"])),
    publishNotReadyAddresses=st.booleans(),
)
_BACKEND = fields(
    required={"service": fields(required={"name": NAMES, "port": fields(number=_PORT_NUMBERS, name=st.just("http"))})}
)
_INGRESS = fields(
    ingressClassName=rarely(st.just("Not_OK"), st.just("istio")),
    defaultBackend=_BACKEND,
    rules=st.lists(
        fields(
            host=rarely(st.sampled_from(["1.2.3.4", "UPPER.com", "*.*.com"]), st.sampled_from(["a.com", "*.a.com"])),
            http=fields(
                required={
                    "paths": st.lists(
                        fields(
                            required={"backend": _BACKEND},
                            path=rarely(st.sampled_from(["x", "/a//b"]), st.sampled_from(["/", "/v1"])),
                            pathType=rarely(st.just("Odd"), st.sampled_from(["Prefix", "Exact"])),
                        ),
                        max_size=2,
                    )
                }
            ),
        ),
        max_size=2,
    ),
    tls=st.lists(fields(hosts=st.lists(st.just("a.com"), max_size=1), secretName=st.just("tls")), max_size=1),
)
_PEERS = st.lists(fields(podSelector=_LABEL_SELECTORS, namespaceSelector=_LABEL_SELECTORS), max_size=1)
_NETWORK_POLICY = fields(
    required={"podSelector": _LABEL_SELECTORS},
    policyTypes=st.lists(rarely(st.just("Odd"), st.sampled_from(["Ingress", "Egress"])), max_size=2, unique=True),
    ingress=st.lists(
        fields(
            ports=st.lists(fields(port=_TARGETS, protocol=st.sampled_from(["TCP", "UDP", "Odd"])), max_size=1),
        ).flatmap(lambda rule: st.fixed_dictionaries({}, optional={"from": _PEERS}).map(lambda more: rule | more)),
        max_size=1,
    ),
)
_WIDGET = fields(
    required={"size": rarely(st.sampled_from([-1, 101, "1", 1.5, None]), st.integers(0, 3))},
    ratio=rarely(st.sampled_from([0, "1"]), st.sampled_from([0.5, 2])),
    color=rarely(st.just("blue"), st.sampled_from(["red", "green"])),
    code=rarely(st.sampled_from(["a", "abcdef", "UPPER", ""]), st.sampled_from(["ab", "abc"])),
    on=rarely(st.just("true"), st.booleans()),
    nothing=st.just("x"),
    port=rarely(st.sampled_from([1.5, True]), st.sampled_from([80, "http"])),
    moment=rarely(st.just("yesterday"), st.just("2024-01-02T03:04:05Z")),
    replicas=rarely(st.just(-1), st.integers(0, 3)),
    tags=rarely(st.just(["x", "x"]), st.lists(_WORDS, max_size=3, unique=True)),
    parts=rarely(
        st.sampled_from([[{"name": "x"}, {"name": "x"}], [{"weight": 1}], [{"name": "x", "weight": "1"}]]),
        st.lists(
            fields(required={"name": _WORDS}, weight=st.integers(1, 3)), max_size=2, unique_by=lambda x: x["name"]
        ),
    ),
    limits=rarely(st.just({"x": 1, "y": 2, "z": 3}), st.dictionaries(_WORDS, st.integers(0, 2), max_size=2)),
    free=st.dictionaries(_WORDS, st.sampled_from([1, "a", [1], {"b": 2}]), max_size=2),
    atomic=st.dictionaries(st.sampled_from(["a", "b"]), _WORDS, max_size=2),
    low=st.integers(0, 2),
    high=st.integers(1, 3),
    fixed=rarely(st.just("y"), st.just("x")),
    unheard=st.just("of"),
)
_STATUSES: Mapping[Kind, Made] = {
    SERVICE: fields(
        loadBalancer=fields(ingress=st.lists(st.sampled_from([{"ip": "1.2.3.4"}, {"ip": "x"}]), max_size=1)),
        conditions=st.lists(
            fields(
                required={
                    "type": st.just("Ok"),
                    "status": rarely(st.just("Yes"), st.just("True")),
                    "reason": st.just("Because"),
                    "message": st.just(""),
                    "lastTransitionTime": st.just("2024-01-02T03:04:05Z"),
                }
            ),
            max_size=1,
        ),
    ),
    INGRESS: fields(
        loadBalancer=fields(ingress=st.lists(st.sampled_from([{"ip": "1.2.3.4"}, {"hostname": "a.com"}]), max_size=1))
    ),
    WIDGET: fields(
        replicas=rarely(st.just("1"), st.integers(0, 3)), phase=rarely(st.just("Odd"), st.sampled_from(["Up", "Down"]))
    ),
}
_CONTENTS: Mapping[Kind, Made] = {
    CONFIG_MAP: fields(data=_DATA, binaryData=st.dictionaries(st.just("b"), _BASE64), immutable=st.booleans()),
    SECRET: fields(
        data=st.dictionaries(st.sampled_from(["k", "tls.crt"]), _BASE64),
        stringData=_DATA,
        type=st.sampled_from(["Opaque", "kubernetes.io/tls", "example.com/own"]),
    ),
    SERVICE: fields(required={"spec": _SERVICE}),
    INGRESS: fields(required={"spec": _INGRESS}),
    NETWORK_POLICY: fields(required={"spec": _NETWORK_POLICY}),
    WIDGET: fields(required={"spec": _WIDGET}, status=fields(replicas=st.integers(0, 3))),
}
_VALUES: Made = st.sampled_from(["v", "x", 3, None, {}, [], True])


@st.composite
def bodies(draw: st.DrawFn, subject: Subject, name: str, version: str = "") -> Object:
    """A whole object."""
    kind = subject.kind
    content = draw(_CONTENTS[kind])
    if kind in (INGRESS, NETWORK_POLICY):
        content = _without_empty(content)
    body: Object = {"apiVersion": kind.api_version, "kind": kind.kind, **content}
    body["metadata"] = draw(fields(**_METADATA)) | ({"name": name} if name else {"generateName": "made-"})
    if version:
        body["metadata"]["resourceVersion"] = version
    twist = draw(st.integers(0, 24))
    if twist == 5:
        body["kind"] = "Other"
    elif twist == 1:
        del body["apiVersion"]
    elif twist == 2:
        body["metadata"]["namespace"] = "elsewhere"
    elif twist == 3:
        body["unheard"] = {"of": 1}
    elif twist == 4:
        body["metadata"]["uid"] = f"$uid:{kind.kind}/{name}"
    return body


def _without_empty(value: Any) -> Any:
    """Go tells an empty list from none when it counts generations, and stores neither; nobody relies on that."""
    if isinstance(value, dict):
        kept = {name: _without_empty(below) for name, below in value.items()}
        return {name: below for name, below in kept.items() if below not in ({}, []) or name in ("spec", "podSelector")}
    return [_without_empty(each) for each in value] if isinstance(value, list) else value


@st.composite
def scenarios(draw: st.DrawFn) -> Sequence[Request]:
    """Requests on one kind, in the namespace of the scenario: a few objects are created, and then anything happens."""
    subject = draw(st.sampled_from(SUBJECTS))
    path = subject.kind.path(NAMESPACE)
    verbs = [_create, _create, _create, *draw(st.lists(st.sampled_from(_VERBS), min_size=8, max_size=14))]
    return [draw(verb(subject, path)) for verb in verbs]


def _writing() -> Made:
    return fields(
        fieldManager=st.sampled_from(["one", "two"]),
        dryRun=rarely(st.just("Some"), st.just("All")),
        fieldValidation=rarely(st.just("Odd"), st.sampled_from(["Strict", "Ignore", "Warn"])),
    ).flatmap(lambda found: st.integers(0, 2).map(lambda die: found if die else {}))


@st.composite
def _create(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    name = draw(NAMES)
    query = draw(_writing())
    if not name:
        query = {**query, "dryRun": "All"}  # what it would be called is of no use to later requests
    return Request("POST", path, query, draw(bodies(subject, name)))


@st.composite
def _read(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    accept = draw(st.sampled_from(["application/json", _METADATA_ONLY.format("")]))
    return Request("GET", f"{path}/{draw(st.sampled_from('abc'))}", accept=accept)


@st.composite
def _list(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    query = draw(
        fields(
            labelSelector=rarely(
                st.sampled_from(["app in", "=x", "a b"]),
                st.sampled_from(["app", "!app", "app=x", "app!=x", "app in (x,y)", "tier notin (x), app", "app==,tier"]),
            ),
            fieldSelector=st.sampled_from(
                ["metadata.name=a", "metadata.name!=a", "metadata.namespace=other", "spec.none=x", "type=Opaque",
                 "spec.color=red", "metadata.name"]
            ),
            limit=rarely(st.sampled_from(["-1", "x"]), st.just("500")),
            resourceVersion=rarely(st.just("x"), st.just("0")),
        )
    )  # fmt: skip
    accept = draw(st.sampled_from(["application/json", _METADATA_ONLY.format("List")]))
    return Request("GET", path, query, accept=accept)


@st.composite
def _replace(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    name = draw(st.sampled_from("abc"))
    told = f"{subject.kind.kind}/{name}"
    query = draw(_writing())
    version = draw(st.sampled_from(["", f"$version:{told}", f"$version:{told}", f"$first:{told}"]))
    if subject.kind == SERVICE and "dryRun" in query:
        version = ""  # a dry run that would create a Service shows the version that was sent
    target = f"{path}/{name}{draw(_subresources(subject))}"
    body = draw(bodies(subject, rename if (rename := draw(rarely(NAMES, st.just(name)))) else name, version))
    if subject.kind == SERVICE and isinstance(body.get("spec"), dict):
        body["spec"].setdefault("clusterIP", "None")  # who owns an address that was kept, is not compared
    if target.endswith("/status"):
        body["status"] = draw(_STATUSES[subject.kind])
    return Request("PUT", target, query, body)


def _subresources(subject: Subject) -> Made:
    """Rarely one, and for Services never: a write to the status of one that is not there creates it."""
    if subject.kind == SERVICE:
        return st.just("")
    return rarely(st.just("/status" if subject.status else "/none"), st.just(""))


@st.composite
def _merge(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    name = draw(st.sampled_from("abc"))
    patch: Object = draw(_partial(subject))
    told = f"{subject.kind.kind}/{name}"
    version = draw(st.sampled_from(["", "", f"$version:{told}", f"$first:{told}"]))
    if version and isinstance(patch.get("metadata", {}), dict):
        patch = {**patch, "metadata": {**patch.get("metadata", {}), "resourceVersion": version}}
    target = f"{path}/{name}{draw(_subresources(subject))}"
    return Request("PATCH", target, draw(_writing()), patch, MERGE_PATCH)


def _partial(subject: Subject) -> Made:
    metadata = fields(
        labels=st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["x", "y", None]), max_size=2),
        annotations=st.dictionaries(st.just("note"), st.sampled_from(["x", None, 1]), max_size=1),
        finalizers=st.sampled_from([None, [], ["example.com/hold"]]),
    )
    content = _CONTENTS[subject.kind].map(lambda found: {key: found[key] for key in list(found)[:1]})
    if subject.kind in (INGRESS, NETWORK_POLICY):
        content = content.map(_without_empty)
    cleared = st.sampled_from([{"spec": None}, {"data": None}, {"data": {"k": None}}, {"spec": {"ports": None}}])
    status = st.just({}) if subject.kind not in _STATUSES else fields(status=_STATUSES[subject.kind])
    headed = fields(required={"metadata": metadata})
    return st.one_of(headed, headed, content, rarely(cleared, content), status)


@st.composite
def _json(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    paths = st.sampled_from(
        ["/data/k", "/data", "/metadata/labels", "/metadata/labels/app", "/metadata/annotations/note", "/spec/size",
         "/spec/ports/0", "/spec/ports/-", "/spec/tags/0", "/spec/tags/-", "/spec/rules", "/metadata/name", "/none/x",
         "/metadata/finalizers", "nowhere"]
    )  # fmt: skip
    operation = st.one_of(
        fields(required={"op": st.sampled_from(["add", "replace", "test"]), "path": paths, "value": _VALUES}),
        fields(required={"op": st.just("remove"), "path": paths}),
        fields(required={"op": st.sampled_from(["move", "copy"]), "from": paths, "path": paths}),
        fields(required={"op": st.just("odd"), "path": paths}),
    )
    patch = draw(rarely(st.just([1]), st.lists(operation, max_size=2)))
    return Request("PATCH", f"{path}/{draw(st.sampled_from('abc'))}", draw(_writing()), patch, JSON_PATCH)


def _with_text_notes(patch: Object) -> Object:
    """Without the annotation that is a number: what is said of it depends on Go's types alone."""
    notes = (patch.get("metadata") or {}).get("annotations") or {}
    if notes.get("note") != 1:
        return patch
    return {**patch, "metadata": {**patch["metadata"], "annotations": {"note": "x"}}}


@st.composite
def _strategic(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    request: Request = draw(_merge(subject, path))
    patch = _with_text_notes(request.body)
    directive = draw(st.sampled_from(["", "", "$patch", "$retainKeys", "delete", "primitives"]))
    if directive == "$patch":
        patch = {**patch, "data": {"$patch": draw(st.sampled_from(["replace", "delete", "odd"])), "n": "v"}}
    elif directive == "$retainKeys":
        patch = {**patch, "spec": {"$retainKeys": ["ports"], **(patch.get("spec") or {})}}
    elif directive == "delete":
        patch = {**patch, "spec": {"ports": [{"$patch": "delete", "port": 80}]}}
    elif directive == "primitives":
        patch = {**patch, "metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/hold"]}}
    return replace(request, body=patch, content_type=STRATEGIC_MERGE_PATCH)


@st.composite
def _apply(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    name = draw(st.sampled_from("abc"))
    query = {
        "fieldManager": draw(st.sampled_from(["one", "two"])),
        **draw(fields(force=st.sampled_from(["true", "false"]))),
    }
    if draw(st.integers(0, 9)) == 0:
        del query["fieldManager"]
    told = f"{subject.kind.kind}/{name}"
    version = draw(st.sampled_from(["", "", "", f"$version:{told}", f"$first:{told}"]))
    target = f"{path}/{name}{draw(_subresources(subject))}"
    body = draw(bodies(subject, draw(rarely(NAMES, st.just(name))) or name, version))
    if target.endswith("/status"):
        about = {"apiVersion": subject.kind.api_version, "kind": subject.kind.kind, "metadata": {"name": name}}
        body = {**about, "status": draw(_STATUSES[subject.kind])}
    return Request("PATCH", target, query, body, APPLY_PATCH)


@st.composite
def _scale(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    """Read only: who owns the replicas of a custom resource after a write to its scale, the server sees in an odd way."""
    return Request("GET", f"{path}/{draw(st.sampled_from('abc'))}/scale")


@st.composite
def _delete(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    name = draw(st.sampled_from("abc"))
    told = f"{subject.kind.kind}/{name}"
    conditions = fields(
        uid=rarely(st.just("$uid:None/none"), st.just(f"$uid:{told}")),
        resourceVersion=st.sampled_from([f"$version:{told}", f"$first:{told}"]),
    )
    options = draw(
        fields(
            preconditions=conditions,
            propagationPolicy=rarely(st.just("Odd"), st.just("Background")),
            gracePeriodSeconds=st.sampled_from([0, 30]),
            dryRun=rarely(st.just(["Some"]), st.just(["All"])),
        )
    )
    return Request("DELETE", f"{path}/{name}", body=draw(st.sampled_from([None, options])))


@st.composite
def _delete_all(draw: st.DrawFn, subject: Subject, path: str) -> Request:
    return Request("DELETE", path, draw(fields(labelSelector=st.sampled_from(["app=x", "app", "app in"]))))


_VERBS = (_create,) * 2 + (_read, _list) + (_replace,) * 3 + (_merge, _json, _strategic) * 2 + (_apply,) * 3 + (
    _scale, _delete, _delete, _delete_all)  # fmt: skip
