"""Which controllers and webhooks make up kservectl, put together into one Manager."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

import kservectl
from kservectl.admission.inferencegraph import handler as inferencegraph
from kservectl.admission.inferenceservice import handler as inferenceservice
from kservectl.admission.localmodel import handler as localmodel
from kservectl.admission.metrics import WebhookMetrics
from kservectl.admission.mounted import MountedCertificate
from kservectl.admission.pods import handler as pods
from kservectl.admission.policies import enforcement
from kservectl.admission.registration import Endpoint
from kservectl.admission.rotation import CertificateRotation
from kservectl.admission.runtimes import handler as runtimes
from kservectl.admission.server import Webhook, WebhookServer
from kservectl.admission.tls import ServingCertificate
from kservectl.admission.trainedmodel import handler as trainedmodel
from kservectl.api.config_keys import LAST_APPLIED
from kservectl.api.kinds import (
    CLUSTER_SERVING_RUNTIME,
    CLUSTER_STORAGE_CONTAINER,
    INFERENCE_GRAPH,
    INFERENCE_SERVICE,
    LLM_INFERENCE_SERVICE,
    LOCAL_MODEL_CACHE,
    LOCAL_MODEL_NAMESPACE_CACHE,
    LOCAL_MODEL_NODE_GROUP,
    SERVING_RUNTIME,
    TRAINED_MODEL,
)
from kservectl.client.client import Client
from kservectl.clock import Clock
from kservectl.controllers.inferencegraph import controller as inferencegraph_controller
from kservectl.controllers.inferenceservice import controller as inferenceservice_controller
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.controllers.localmodel import controller as localmodel_controller
from kservectl.controllers.localmodel.copy_metrics import CopyMetrics
from kservectl.controllers.trainedmodel import controller as trainedmodel_controller
from kservectl.controllers.trainedmodel import modelconfig
from kservectl.informers import Informer
from kservectl.manifests.names import WEBHOOK_CONFIGURATIONS, WEBHOOK_SERVICE
from kservectl.modelregistry.lookup import RegistryQuestions, ask_again_when_configured, registry_lookup
from kservectl.modelstorage.local_model import CACHE_LABEL
from kservectl.objects.kind import CONFIG_MAP, SERVICE_ACCOUNT, Kind
from kservectl.runtime.controller import Controller
from kservectl.runtime.inheritance import Inheritance
from kservectl.runtime.manager import Election, Manager, ManagerOptions
from kservectl.runtime.metrics import BuildInfo
from kservectl.runtime.object_metrics import ObjectMetrics
from kservectl.runtime.reading import LiveReader
from kservectl.runtime.sharing import Sharding
from kservectl.runtime.sources import unfilled

LEASE_NAME = "kserve-controller-manager-leader-lock"
SHARD_GROUP = "kserve-controller-manager-shard"

KSERVE = Inheritance(
    managers=frozenset({"manager", "kserve-controller-manager"}),
    except_fields=frozenset(
        {
            *(("f:metadata", "f:annotations", f"f:serving.knative.dev/{name}") for name in ("creator", "lastModifier")),
            ("f:spec", "f:replicas"),
            ("f:spec", "f:template", "f:metadata", "f:annotations", f"f:{LAST_APPLIED}"),
        }
    ),
)
"""What KServe's own manager left, under the names of its binary. Knative's webhook puts in the annotations, and lets nobody
take them away. How many replicas there are is its autoscaler's to say: a field that is removed would be one replica again.
Onto the pods of a graph it put kubectl's record of the graph, which is not worth a rollout."""

CONTROLLERS: Mapping[str, Callable[..., Controller]] = {
    "inferenceservice": inferenceservice_controller.build,
    "inferencegraph": inferencegraph_controller.build,
    "trainedmodel": trainedmodel_controller.build,
    "modelconfig": modelconfig.build,
    "localmodelcache": localmodel_controller.build_cluster_caches,
    "localmodelnamespacecache": localmodel_controller.build_namespace_caches,
    "localmodelplacement": localmodel_controller.build_placement,
    "localmodelnodegroup": localmodel_controller.build_node_groups,
}
"""Every controller by its name on the command line; each is made from the settings and a number of workers."""

_OF_WHOLE_CLUSTER = frozenset(name for name in CONTROLLERS if name.startswith("localmodel"))
"""What nodes keep concerns every namespace: these do not run in a manager that looks at some only."""

_CACHES = (LOCAL_MODEL_CACHE, LOCAL_MODEL_NAMESPACE_CACHE)
_WITH_READINESS = (INFERENCE_SERVICE, INFERENCE_GRAPH, TRAINED_MODEL, *_CACHES)
"""The kinds that have a condition Ready, which metrics count."""

_CLUSTER_WIDE = (CLUSTER_STORAGE_CONTAINER, CLUSTER_SERVING_RUNTIME, LOCAL_MODEL_CACHE, LOCAL_MODEL_NODE_GROUP)
_NAMESPACED = (SERVING_RUNTIME, LOCAL_MODEL_NAMESPACE_CACHE)
"""What webhooks look at beside InferenceServices and the configuration, if the cluster has it."""


@dataclass(frozen=True, slots=True)
class WebhookOptions:
    """How webhooks are served.

    url
        Registers the webhooks by this URL (`https://HOST:PORT`) instead of by Service, for development out of the cluster.
    certificate_folder
        Holds `tls.crt` and `tls.key` that somebody else keeps fresh; None makes and rotates an own certificate.
    """

    host: str = ""
    port: int = 9443
    url: str = ""
    certificate_folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What one process runs. `workers` is by controller name; `webhooks` None serves none.

    sharded
        Share the keys with all other replicas that do, instead of standing by; `leader_elect` is implied.
    """

    settings: Settings = field(default_factory=Settings)
    controllers: Sequence[str] = tuple(CONTROLLERS)
    workers: Mapping[str, int] = field(default_factory=dict)
    namespaces: Sequence[str] = ()
    leader_elect: bool = False
    sharded: bool = False
    webhooks: WebhookOptions | None = field(default_factory=WebhookOptions)
    metrics_bind: str = ":8080"
    health_bind: str = ":8081"


def assemble(client: Client, clock: Clock, options: Options, registry: CollectorRegistry | None = None) -> Manager:
    """A Manager that runs what `options` ask for, ready to `run`."""
    rng = random.Random()  # noqa: S311 - spreads load, guards no secret
    namespace = options.settings.system_namespace
    election = Election(LEASE_NAME, namespace, sharers=SHARD_GROUP) if options.leader_elect or options.sharded else None
    manager = Manager(
        client,
        clock,
        ManagerOptions(
            metrics_bind=options.metrics_bind,
            health_bind=options.health_bind,
            namespaces=options.namespaces,
            election=election,
            inheritance=KSERVE,
            sharding=Sharding(SHARD_GROUP, namespace) if options.sharded else None,
        ),
        registry=registry,
        rng=rng,
    )
    if "trainedmodel" in options.controllers:
        _add_registry(manager, clock, options, rng)
    controlled: dict[Kind, Informer] = {}
    for name in options.controllers:
        if options.namespaces and name in _OF_WHOLE_CLUSTER:
            structlog.get_logger().info(
                "controller is not run, because it needs to see all namespaces", controller=name
            )
            continue
        workers = options.workers.get(name)
        build = CONTROLLERS[name]
        controller = build(options.settings) if workers is None else build(options.settings, workers=workers)
        controlled[controller.kind] = manager.add(controller).objects
    ObjectMetrics(manager.registry, [controlled[kind] for kind in _WITH_READINESS if kind in controlled], clock.now)
    CopyMetrics(manager.registry, [controlled[kind] for kind in _CACHES if kind in controlled])
    BuildInfo(manager.registry, kservectl.__version__)
    if options.webhooks is not None:
        _add_webhooks(manager, clock, options, options.webhooks, rng)
    return manager


def webhooks(system_namespace: str) -> Sequence[Webhook]:
    """Every webhook of kservectl, validators with the security policy behind them."""
    found = (
        *inferenceservice.webhooks(system_namespace),
        *pods.webhooks(system_namespace),
        *runtimes.webhooks(system_namespace),
        *inferencegraph.webhooks(),
        *trainedmodel.webhooks(),
        *localmodel.webhooks(),
    )
    return [enforcement.guarded(webhook, system_namespace) for webhook in found]


def _add_registry(manager: Manager, clock: Clock, options: Options, rng: random.Random) -> None:
    namespace = options.settings.system_namespace
    configuration = manager.factory.informer(CONFIG_MAP, namespaces=(namespace,))
    questions = RegistryQuestions(manager.client, manager.view(configuration), namespace)
    lookup = registry_lookup(questions, clock=clock, rng=rng)
    configuration.add_handler(ask_again_when_configured(lookup), name="registry")
    manager.add_lookup(lookup)


def _add_webhooks(
    manager: Manager, clock: Clock, options: Options, serving: WebhookOptions, rng: random.Random
) -> None:
    namespace = options.settings.system_namespace
    certificate = ServingCertificate()
    # All of them, as the InferenceService controller looks at them: both share one informer.
    configuration = manager.factory.informer(CONFIG_MAP, namespaces=(namespace,))
    optional = [manager.factory.informer(kind, optional=True) for kind in _CLUSTER_WIDE]
    optional += [manager.factory.informer(kind, namespaces=options.namespaces, optional=True) for kind in _NAMESPACED]
    # Every pod with a model has one; read for each it would be the only request that admitting a pod costs.
    optional.append(
        manager.factory.informer(
            LLM_INFERENCE_SERVICE,
            namespaces=options.namespaces,
            label_selector=CACHE_LABEL,
            metadata_only=True,
            optional=True,
        )
    )
    accounts = manager.factory.informer(SERVICE_ACCOUNT, namespaces=options.namespaces)
    server = WebhookServer(
        webhooks(namespace),
        view=manager.view(configuration, INFERENCE_SERVICE, accounts, *optional),
        certificate=certificate,
        metrics=WebhookMetrics(manager.registry),
        clock=clock,
        host=serving.host,
        port=serving.port,
        not_ready=lambda: unfilled(manager.factory.informers),
        reader=LiveReader(manager.client.urgent()),
    )
    manager.health.add_ready("webhooks", server.problem)
    manager.add_runnable("webhook server", server.run, needs_leader=False)
    if serving.certificate_folder is not None:
        mounted = MountedCertificate(serving.certificate_folder, certificate, clock=clock)
        manager.add_runnable("webhook certificate", mounted.run, needs_leader=False)
        return
    rotation = CertificateRotation(
        manager.client,
        manager.factory,
        certificate,
        endpoint=Endpoint(WEBHOOK_SERVICE, namespace, serving.url),
        configurations=WEBHOOK_CONFIGURATIONS,
        clock=clock,
        rng=rng,
    )
    manager.health.add_ready("webhook-registration", rotation.problem)
    manager.add_runnable("webhook certificate", rotation.follow, needs_leader=False)
    manager.add_runnable("webhook certificate rotation", rotation.keep, needs_leader=True)
