"""A cluster as a whole: set it up in a folder, take hold of one that is there, stop it."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster.arguments import audit_policy, scheduler_configuration
from e2e.cluster.audit import read_audit_log
from e2e.cluster.binaries import find_all
from e2e.cluster.cache import Report, locked
from e2e.cluster.certificates import create_pki
from e2e.cluster.component import Component
from e2e.cluster.connection import Connection, tls_context
from e2e.cluster.errors import ClusterError, RequestError
from e2e.cluster.guard import guarded
from e2e.cluster.layout import Layout, free_ports
from e2e.cluster.objects import FAULT_ANNOTATION, kwok_documents, nodes, scheduling_fault
from e2e.cluster.state import State, load_state, save_state
from e2e.cluster.thirdparty import third_party_crds
from e2e.cluster.versions import PROGRAMS

__all__ = ["RunningCluster", "bring_up", "start_cluster"]

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_POLICIES = "/apis/admissionregistration.k8s.io/v1beta1"
_COLLECTIONS = {
    "MutatingAdmissionPolicy": f"{_POLICIES}/mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": f"{_POLICIES}/mutatingadmissionpolicybindings",
}
_SETTLE_SECONDS = 60.0
_POLL_SECONDS = 0.05


class RunningCluster:
    """A cluster and its components, in the hands of the process that started it or of any other."""

    def __init__(self, layout: Layout) -> None:
        self.folder = layout.folder
        self.components: Mapping[str, Component] = {name: Component(name, layout) for name in PROGRAMS}
        self._layout = layout

    @classmethod
    def attach(cls, folder: Path) -> "RunningCluster":
        """Take hold of the cluster in a folder, whether it runs or not.

        :raises ClusterError: when there is none.
        """
        state = load_state(folder)
        if state is None:
            raise ClusterError(f"there is no cluster in {folder}")
        return cls(state.layout(folder.absolute()))

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._layout.kubeconfig

    @property
    def url(self) -> str:
        """The address of the API server."""
        return self._layout.url

    def component(self, name: str) -> Component:
        """Return a component by the name of its program, such as ``kube-apiserver``."""
        try:
            return self.components[name]
        except KeyError:
            raise ClusterError(f"no component {name}; there are {', '.join(self.components)}") from None

    def audited(self) -> list[dict[str, Any]]:
        """Return the audit events so far, of requests by pods' ServiceAccounts; see `arguments.audit_policy`."""
        return read_audit_log(self._layout.audit_log, self.component("kube-apiserver").starts)

    def connection(self) -> Connection:
        """Return a connection to the API server as its administrator."""
        return Connection(self.url, tls_context(self._layout.pki.ca, self._layout.pki.admin))

    def is_ready(self) -> bool:
        """Ask every component once."""
        return all(component.is_ready() for component in self.components.values())

    def start(self, crds: Sequence[Mapping[str, Any]]) -> None:
        """Start what does not run, and wait until the cluster can take work."""
        for name in ("etcd", "kube-apiserver"):
            self.components[name].start()
            self.components[name].wait_ready()
        for name in ("kube-controller-manager", "kube-scheduler"):
            self.components[name].start()
        self._set_up(crds)
        # KWOK looks up once, when it starts, what its stages are about.
        stages = kwok_documents(routes=any(crd["spec"]["names"]["kind"] == "HTTPRoute" for crd in crds))
        self._layout.kwok_config.write_text(yaml.safe_dump_all(stages, sort_keys=False))
        self.components["kwok"].start()
        for component in self.components.values():
            component.wait_ready()
        self._wait_while(self._unfit_for_work)

    def stop(self) -> None:
        """Stop every component: those that use another one before it."""
        for component in reversed(list(self.components.values())):
            component.stop()

    def _set_up(self, crds: Sequence[Mapping[str, Any]]) -> None:
        api = self.connection()
        for crd in crds:
            api.apply(_CRDS, dict(crd))
        for node in nodes():
            api.post_if_absent("/api/v1/nodes", node)
        for document in scheduling_fault():
            api.apply(_COLLECTIONS[document["kind"]], document)
        groups = {f"apis/{crd['spec']['group']}/" for crd in crds}

        def unserved() -> str | None:
            paths = api.request("GET", "/openapi/v3")["paths"]
            missing = [group for group in groups if not any(path.startswith(group) for path in paths)]
            return f"the API server does not serve {', '.join(missing)}" if missing else None

        self._wait_while(unserved)

    def _unfit_for_work(self) -> str | None:
        api = self.connection()
        for node in api.request("GET", "/api/v1/nodes")["items"]:
            conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", [])}
            if conditions.get("Ready") != "True":
                return f"node {node['metadata']['name']} is not ready"
        # Needs the namespace's ServiceAccount and the admission policy: what a controller and a watch bring in a while.
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "probe", "annotations": {FAULT_ANNOTATION: "never-scheduled"}},
            "spec": {"containers": [{"name": "probe", "image": "probe"}]},
        }
        try:
            answer = api.request("POST", "/api/v1/namespaces/default/pods?dryRun=All", pod)
        except RequestError as error:
            return f"no pod is admitted: {error}"
        if FAULT_ANNOTATION not in answer["spec"].get("nodeSelector", {}):
            return "the admission policy for pods that are never to be scheduled has no effect"
        return None

    def _wait_while(self, problem: Callable[[], str | None]) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while said := problem():
            if time.monotonic() > deadline:
                raise ClusterError(f"after {_SETTLE_SECONDS:.0f} s, {said}; the logs are in {self.folder / 'logs'}")
            time.sleep(_POLL_SECONDS)


def bring_up(
    folder: Path,
    report: Report,
    crds: Sequence[Mapping[str, Any]] | None = None,
    feature_gates: Mapping[str, bool] | None = None,
) -> RunningCluster:
    """Start the cluster of a folder, with the data it had when it was stopped, or a new one.

    :param crds: what to define; by default what third parties define and KServe works with.
    :param feature_gates: those of kube-apiserver that a new cluster is to have, on or off.
    :raises ClusterError: when it cannot be started; nothing is left running then.
    """
    definitions = third_party_crds(report) if crds is None else crds
    folder = folder.absolute()
    with locked(folder / "lock", report):
        cluster = RunningCluster(_prepared(folder, report, feature_gates or {}))
        started = time.monotonic()
        try:
            cluster.start(definitions)
        except BaseException:
            cluster.stop()
            raise
    report(f"the cluster in {folder} is up after {time.monotonic() - started:.1f} s")
    return cluster


@contextmanager
def start_cluster(
    folder: Path | None = None,
    *,
    crds: Sequence[Mapping[str, Any]] | None = None,
    feature_gates: Mapping[str, bool] | None = None,
    report: Report = print,
) -> Iterator[RunningCluster]:
    """Run a cluster for the length of a ``with`` block.

    It also ends when this process is killed. Without a folder it gets one of its own, which is removed in the end.
    """
    chosen = folder or Path(tempfile.mkdtemp(prefix="kservectl-e2e-"))
    with guarded(chosen, delete=folder is None):
        cluster = None
        try:
            cluster = bring_up(chosen, report, crds, feature_gates)
            yield cluster
        finally:
            if cluster:
                cluster.stop()
            if folder is None:
                shutil.rmtree(chosen, ignore_errors=True)


def _prepared(folder: Path, report: Report, feature_gates: Mapping[str, bool]) -> Layout:
    state = load_state(folder)
    if state is None:
        state = State(free_ports(), find_all(os.environ, report), feature_gates=feature_gates)
        create_pki(folder / "pki")
    else:
        # The programs may have been built anew, or moved, since it last ran.
        state.binaries = find_all(os.environ, report)
    layout = state.layout(folder)
    layout.write_kubeconfigs()
    layout.audit_policy.write_text(yaml.safe_dump(audit_policy()))
    layout.scheduler_config.write_text(yaml.safe_dump(scheduler_configuration(layout)))
    save_state(folder, state)
    return layout
