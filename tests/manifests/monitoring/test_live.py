"""The alerts and dashboards under a real Prometheus that scrapes a real manager: quiet and full of data while all is well; and
each alert fires under the fault that it is for.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.node_agent import NodeAgentProcess
from e2e.process import free_port
from kservectl import assembly
from kservectl.admission.certificates import make_ca, make_serving
from kservectl.admission.inferenceservice.handler import DEFAULTER_PATH
from kservectl.admission.review import AdmissionRequest
from kservectl.admission.server import Mutating, Webhook
from kservectl.agent.events import About
from kservectl.agent.payloads import LogOptions
from kservectl.agent.server import BatchOptions, LoggerOptions
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.assembly import WebhookOptions
from kservectl.client.errors import ClientError, NotFound
from kservectl.clock import SystemClock, rfc3339_micro
from kservectl.devcluster.faults import Fault
from kservectl.devcluster.refusals import internal_error
from kservectl.devcluster.request import RequestInfo
from kservectl.development.environment import Environment, EnvironmentOptions, local_options, running
from kservectl.manifests.monitoring.dashboards import DASHBOARDS
from kservectl.objects.kind import LEASE, SECRET
from kservectl.objects.metadata import Object
from kservectl.runtime import logging, workers
from kservectl.runtime.controller import Controller
from kservectl.runtime.outcome import Outcome
from kservectl.runtime.reading import Reference
from kservectl.runtime.view import View
from tests.agent.component import agent, component
from tests.manifests.monitoring.prometheus import Prometheus, Target, watching
from tests.manifests.monitoring.watched import is_own_write, manager_of, model_cache, service, starting, watched

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(240)]

LONGEST_WAIT = 16.0
"""Seconds for which the alert with the longest `for` has to be pending."""
VARIABLES = {"$job": ".+", "$namespace": "default", "$name": "one", "$__rate_interval": "10s"}


@pytest.fixture(autouse=True)
def _logs_as_in_a_cluster(tmp_path: Path) -> Iterator[None]:
    """In structlog's own dress a traceback with all its variables takes seconds to print, and the loop waits for it."""
    with (tmp_path / "manager.log").open("w") as stream:
        logging.configure("json", stream=stream)
        yield


def shown(expr: str) -> str:
    """A panel's expression with the variables of its dashboard filled in."""
    for variable, value in VARIABLES.items():
        expr = expr.replace(variable, value)
    return expr


async def until_data(prometheus: Prometheus, exprs: dict[str, str], seconds: float) -> None:
    """Wait until each of the expressions answers something, all at one time or another."""
    missing = dict(exprs)
    try:
        async with asyncio.timeout(seconds):
            while missing:
                for name, expr in tuple(missing.items()):
                    if await prometheus.query(expr):
                        del missing[name]
                await asyncio.sleep(0.5)
    except TimeoutError:
        pytest.fail(f"no data for {missing}")


async def under_load(environment: Environment) -> None:
    """Have a few services, and make and delete one more, for ever."""
    await environment.apply([service(name) for name in ("one", *(f"stays-{number}" for number in range(9)))])
    while True:
        await environment.apply([service("comes-and-goes")])
        await asyncio.sleep(1)
        with suppress(NotFound):  # the one before was still going away, and took this one's place
            await environment.client.delete(INFERENCE_SERVICE, "comes-and-goes", "default")


async def asking(post: Callable[[str, bytes], Any]) -> None:
    """Predict, for ever."""
    while True:
        await post("/v1/models/one:predict", b'{"instances": [[1, 2]]}')
        await asyncio.sleep(0.1)


async def test_with_all_well_every_panel_has_data_and_no_alert_fires(tmp_path: Path) -> None:
    pod = {"namespace": "default", "pod": "one-predictor-5d4-x2"}
    async with running(EnvironmentOptions(options=replace(local_options(), leader_elect=True))) as environment:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(environment.cluster.kubeconfig()))
        await model_cache(environment)
        node = NodeAgentProcess(kubeconfig, "n9", tmp_path / "disk", tmp_path / "agent.log")
        async with component() as server, agent(**_agent_of(server.url)) as batcher:
            targets = (
                manager_of(environment),
                Target(node.metrics_port, "kserve-localmodelnode-agent"),
                Target(int(batcher.agent.admin_port or 0), "agents", pod),
            )
            await asyncio.to_thread(node.start)
            try:
                async with watching(tmp_path, *targets) as prometheus:
                    work = [asyncio.create_task(each) for each in (under_load(environment), asking(batcher.post))]
                    panels = {
                        f"{board.title}: {panel.title}: {legend}": shown(expr)
                        for board in DASHBOARDS
                        for panel in board.panels
                        for legend, expr in panel.queries.items()
                    }
                    await until_data(prometheus, panels, 60)
                    await asyncio.sleep(LONGEST_WAIT)
                    assert await prometheus.firing() == set()
                    assert await prometheus.broken_rules() == []
                    for task in work:
                        assert not task.done(), task
                        task.cancel()
            finally:
                await asyncio.to_thread(node.stop)


def _agent_of(component_url: str) -> dict[str, Any]:
    logger = LoggerOptions(f"{component_url}/echo", About("pod"), LogOptions())
    return {"component": component_url, "batch": BatchOptions(max_seconds=0.05), "logger": logger}


async def test_no_manager_to_be_scraped(tmp_path: Path) -> None:
    async with watching(tmp_path, Target(free_port())) as prometheus:
        await prometheus.until_firing("KservectlDown")


async def test_a_lease_that_nobody_alive_gives_up(tmp_path: Path) -> None:
    async with running(EnvironmentOptions(with_manager=False)) as environment:
        now = rfc3339_micro(datetime.now(UTC))
        held = {"holderIdentity": "gone", "leaseDurationSeconds": 3600, "renewTime": now, "acquireTime": now}
        meta = {"name": assembly.LEASE_NAME, "namespace": "kserve"}
        await environment.client.create(
            LEASE, {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": held}
        )
        options = replace(local_options(), leader_elect=True)
        async with starting(environment, options) as manager, watching(tmp_path, manager) as prometheus:
            await prometheus.until_firing("KservectlNoLeader")


async def test_an_api_server_that_fails_every_write(tmp_path: Path) -> None:
    def fail(info: RequestInfo) -> Fault | None:
        return Fault(answer=internal_error("etcd is away")) if is_own_write(info) else None

    async with watched(tmp_path) as (environment, prometheus):
        environment.cluster.faults.add(fail)
        await environment.apply([service(f"s-{number}") for number in range(10)])
        await prometheus.until_firing("KservectlApiServerErrors", "KservectlReconcilesFailing")


async def test_a_decision_that_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(obj: Object, view: View) -> Outcome:
        raise RuntimeError("no idea what this is")

    def build(*arguments: Any, **options: Any) -> Controller:
        return replace(original(*arguments, **options), reconcile=broken)

    original = assembly.CONTROLLERS["inferenceservice"]
    monkeypatch.setitem(dict_of_controllers(), "inferenceservice", build)
    async with watched(tmp_path) as (environment, prometheus):
        await until_data(prometheus, {"scraped": "kservectl_build_info"}, 30)
        await environment.apply([service("s")])
        await prometheus.until_firing("KservectlReconcilePanics")


def dict_of_controllers() -> dict[str, Any]:
    assert isinstance(assembly.CONTROLLERS, dict)
    return assembly.CONTROLLERS


async def test_an_api_server_that_does_not_answer_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "RECONCILE_SECONDS", 0.3)
    async with watched(tmp_path) as (environment, prometheus):
        await until_data(prometheus, {"scraped": "kservectl_build_info"}, 30)
        environment.cluster.faults.add(lambda info: Fault(delay=2.0) if is_own_write(info) else None)
        await environment.apply([service("s")])
        await prometheus.until_firing("KservectlReconcileTimeouts")


async def test_more_keys_than_a_slow_api_server_lets_through(tmp_path: Path) -> None:
    async with watched(tmp_path) as (environment, prometheus):
        environment.cluster.faults.add(lambda info: Fault(delay=8.0) if is_own_write(info) else None)
        await environment.apply([service(f"s-{number}") for number in range(60)])
        await prometheus.until_firing("KservectlQueueNotDraining")


async def test_code_that_blocks_the_event_loop(tmp_path: Path) -> None:
    async def block() -> None:
        while True:
            time.sleep(1.5)  # noqa: ASYNC251 - the fault itself
            await asyncio.sleep(1.0)

    async with watched(tmp_path) as (_, prometheus):
        blocking = asyncio.create_task(block())
        await prometheus.until_firing("KservectlEventLoopBlocked")
        blocking.cancel()


async def test_a_webhook_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: AdmissionRequest, view: View) -> Object:
        raise RuntimeError("no idea what this is")

    _change_defaulting(monkeypatch, lambda webhook: replace(webhook, mutate=broken))
    async with watched(tmp_path) as (environment, prometheus):
        asked = asyncio.create_task(_applying(environment))
        await prometheus.until_firing("KservectlWebhookFailing")
        asked.cancel()


async def test_a_webhook_that_waits_for_a_slow_api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = [Reference(SECRET, "slow", "default")]
    _change_defaulting(monkeypatch, lambda webhook: replace(webhook, needs=lambda request, view: secret))
    async with watched(tmp_path) as (environment, prometheus):
        environment.cluster.faults.add(lambda info: Fault(delay=2.0) if info.name == "slow" else None)
        asked = asyncio.create_task(_applying(environment))
        await prometheus.until_firing("KservectlWebhookSlow")
        asked.cancel()


async def test_a_certificate_that_nobody_renews(tmp_path: Path) -> None:
    then = SystemClock().now() - timedelta(days=362)
    pair = make_serving(make_ca(then), ["127.0.0.1"], then)
    folder = tmp_path / "certificate"
    folder.mkdir()
    (folder / "tls.crt").write_bytes(pair.certificate)
    (folder / "tls.key").write_bytes(pair.key)
    options = replace(local_options(), webhooks=WebhookOptions("127.0.0.1", 0, certificate_folder=folder))
    async with watched(tmp_path, options) as (_, prometheus):
        await prometheus.until_firing("KservectlCertificateExpiring")


async def test_a_kind_that_cannot_be_listed(tmp_path: Path) -> None:
    def fail(info: RequestInfo) -> Fault | None:
        return Fault(answer=internal_error("no quorum")) if info.plural == "httproutes" else None

    async with running(EnvironmentOptions(with_manager=False)) as environment:
        environment.cluster.faults.add(fail)
        async with starting(environment, local_options()) as manager, watching(tmp_path, manager) as prometheus:
            await prometheus.until_firing("KservectlCacheNotSynced")


async def test_services_that_no_node_has_room_for(tmp_path: Path) -> None:
    async with watched(tmp_path) as (environment, prometheus):
        await environment.apply([service("good"), service("bad", nodeSelector={"gpu": "yes"})])
        await prometheus.until_firing("KservectlServicesNotReady")


async def test_a_model_that_no_node_can_download(tmp_path: Path) -> None:
    async with watched(tmp_path) as (environment, prometheus):
        await model_cache(environment, "https://models.invalid/iris")
        await prometheus.until_firing("KservectlModelCopiesFailing")


def _change_defaulting(monkeypatch: pytest.MonkeyPatch, change: Callable[[Mutating], Mutating]) -> None:
    """Have the manager serve a changed webhook for the defaults of InferenceServices."""
    original = assembly.webhooks

    def changed(namespace: str) -> list[Webhook]:
        return [
            change(each) if isinstance(each, Mutating) and each.path == DEFAULTER_PATH else each
            for each in original(namespace)
        ]

    monkeypatch.setattr(assembly, "webhooks", changed)


async def _applying(environment: Environment) -> None:
    """Apply a service, for ever, whether it is taken or not."""
    while True:
        try:
            await environment.apply([service("s")])
        except ClientError:
            await asyncio.sleep(0.2)
