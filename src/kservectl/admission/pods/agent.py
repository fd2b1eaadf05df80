"""The agent: a side car before the server that logs payloads, batches requests, or pulls the models of a multi-model
server."""

from kservectl.admission.pods.agent_args import BATCHER, INTERNAL, LOGGER, MODEL_FOLDER, PULLER, agent_args
from kservectl.admission.pods.context import PodContext
from kservectl.admission.pods.payload_log import payload_log
from kservectl.admission.pods.probe import probe_json
from kservectl.modelstorage.credentials.account import account_grant, account_name
from kservectl.modelstorage.credentials.grant import NOTHING, Grant
from kservectl.modelstorage.podspec import (
    container,
    containers,
    with_changed,
    with_container,
    with_env,
    with_mount,
    with_volume,
)
from kservectl.modelstorage.refusal import PodRefused
from kservectl.modelstorage.targets import SERVER, TRANSFORMER
from kservectl.objects import metadata
from kservectl.objects.metadata import Object

AGENT = "agent"
CONFIG_VOLUME = INTERNAL + "configVolumeName"

_PORT = 9081
_QUEUE_PROXY = "queue-proxy"
_USER_PORT = "USER_PORT"
_PROBE_ENV = "SERVING_READINESS_PROBE"
_CA_VOLUME = "agent-ca-bundle"
_CA_FOLDER = "/etc/tls/logger"
_MODELS = {"name": "model-dir", "mountPath": "/mnt/models"}
_CONFIGS = {"name": "model-config", "mountPath": "/mnt/configs"}


def is_wanted(pod: Object) -> bool:
    """Whether `pod` is to have an agent and has none yet."""
    notes = metadata.annotations(pod)
    return any(job in notes for job in (LOGGER, BATCHER, PULLER)) and container(pod, AGENT) is None


def accounts(pod: Object, context: PodContext) -> tuple[str, ...]:
    """The ServiceAccounts whose credentials the agent of `pod` has; raises ConfigError."""
    store = payload_log(pod, context).store if LOGGER in metadata.annotations(pod) else None
    return (account_name(pod),) if store is None else (account_name(pod), store.account)


def inject_agent(pod: Object, context: PodContext) -> Object:
    if not is_wanted(pod):
        return pod
    proxy = container(pod, _QUEUE_PROXY)
    granted = _credentials(pod, context)
    agent = granted.to_container(_container(pod, proxy, context))
    if proxy is not None and any(entry.get("name") == _USER_PORT for entry in proxy.get("env") or []):
        pod = with_changed(pod, _QUEUE_PROXY, lambda found: with_env(found, _USER_PORT, str(_PORT)))
    pod = granted.to_pod(with_container(pod, agent))
    notes = metadata.annotations(pod)
    bundle = context.config.logger.ca_bundle if LOGGER in notes else ""
    if bundle:
        mount = {"name": _CA_VOLUME, "mountPath": _CA_FOLDER, "readOnly": True}
        pod = with_changed(pod, AGENT, lambda found: with_mount(found, mount))
        pod = with_volume(pod, {"name": _CA_VOLUME, "configMap": {"name": bundle, "optional": True}})
    return _pulling(pod) if PULLER in notes else pod


def _container(pod: Object, proxy: Object | None, context: PodContext) -> Object:
    probed = container(pod, TRANSFORMER) or _server(pod)
    probe = probed.get("readinessProbe") or {}
    agent: Object = {
        "name": AGENT,
        "image": context.config.agent.image,
        "args": agent_args(pod, context),
        "resources": context.config.agent_resources(),
        "ports": [{"name": "agent-port", "containerPort": _PORT, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": _readiness(probe, with_path=proxy is None)},
    }
    security = _server(pod).get("securityContext")
    if security:
        agent["securityContext"] = security
    if proxy is not None:
        return agent | ({"env": list(proxy["env"])} if proxy.get("env") else {})
    mirrored = probe_json(probe)
    return with_env(agent, _PROBE_ENV, mirrored) if mirrored else agent


def _server(pod: Object) -> Object:
    """The container that serves; in a pod of somebody's own making, the first."""
    return container(pod, SERVER) or next(iter(containers(pod)), {})


def _readiness(probe: Object, *, with_path: bool) -> Object:
    path = (probe.get("httpGet") or {}).get("path") if with_path else ""
    return {
        "httpHeaders": [{"name": "K-Network-Probe", "value": "queue"}],
        "path": path or "/",
        "port": _PORT,
        "scheme": "HTTP",
    }


def _credentials(pod: Object, context: PodContext) -> Grant:
    find = context.credentials
    if find is None:
        return NOTHING
    notes, config = metadata.annotations(pod), context.config.credentials
    return Grant.together(account_grant(name, notes, config, find) for name in accounts(pod, context))


def _pulling(pod: Object) -> Object:
    notes = metadata.annotations(pod)
    for wanted in (MODEL_FOLDER, CONFIG_VOLUME):
        if wanted not in notes:
            raise PodRefused(f"can not find {wanted} label: annotation {wanted} is needed to pull models")
    for name in (AGENT, SERVER):
        pod = with_changed(pod, name, lambda found: with_mount(found, _MODELS))
    pod = with_changed(pod, AGENT, lambda found: with_mount(found, _CONFIGS))
    pod = with_volume(pod, {"name": _MODELS["name"], "emptyDir": {}})
    return with_volume(pod, {"name": _CONFIGS["name"], "configMap": {"name": notes[CONFIG_VOLUME]}})
