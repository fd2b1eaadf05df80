"""The Job that downloads one model to one node, as KServe's node agent makes it."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from kservectl.api.config import Config
from kservectl.api.kinds import LOCAL_MODEL_NODE
from kservectl.controllers.localmodelnode.credentials import JobCredentials
from kservectl.controllers.localmodelnode.jobs import (
    ATTEMPT_ANNOTATION,
    FOLDER_ANNOTATION,
    MODEL_LABEL,
    NAMESPACE_LABEL,
    NODE_LABEL,
)
from kservectl.controllers.localmodelnode.listed import ListedModel
from kservectl.controllers.localmodelnode.settings import NodeSettings
from kservectl.modelstorage.local_model import download_claim
from kservectl.modelstorage.paths import MODEL_PATH
from kservectl.modelstorage.storage_container import job_container
from kservectl.objects.kind import JOB
from kservectl.objects.metadata import Object

_CONTAINER = "kserve-localmodel-download"
_VOLUME = "kserve-pvc-source"
_HOSTNAME = "kubernetes.io/hostname"
_LONGEST_NAME = 63
_UNFIT = re.compile("[^a-z0-9-]+")

MODELS_FOLDER = "models"
"""The folder on the volume of a node group that holds the folders of all models."""


def download_job(
    model: ListedModel,
    settings: NodeSettings,
    group: str,
    attempt: int,
    config: Config,
    containers: Sequence[Object],
    credentials: JobCredentials,
) -> Object:
    """Attempt number `attempt` to have `model` on the node; raises ConfigError, or PodRefused for a broken storage container."""
    labels = {MODEL_LABEL: model.name, NODE_LABEL: settings.node}
    if model.namespace:
        labels[NAMESPACE_LABEL] = model.namespace
    annotations = {ATTEMPT_ANNOTATION: str(attempt), FOLDER_ANNOTATION: model.storage_key}
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": {
            "name": _name(model, settings.node, attempt),
            "namespace": settings.job_namespace,
            "labels": labels,
            "annotations": annotations,
        },
        "spec": {
            "ttlSecondsAfterFinished": config.local_model.job_ttl_seconds_after_finished,
            "template": {"spec": _pod(model, settings.node, group, config, containers, credentials)},
        },
    }


def _pod(
    model: ListedModel, node: str, group: str, config: Config, containers: Sequence[Object], credentials: JobCredentials
) -> Object:
    spec: Object = {
        "restartPolicy": "Never",
        # By a selector, not by name: the scheduler has to see the pod, or nobody binds its claim.
        "nodeSelector": {_HOSTNAME: node},
        "containers": [credentials.grant.to_container(_container(model, credentials.uri, config, containers))],
        "volumes": [
            {
                "name": _VOLUME,
                "persistentVolumeClaim": {"claimName": download_claim(model.name, group, model.namespace)},
            }
        ],
    }
    if config.local_model.fs_group is not None:
        spec["securityContext"] = {"fsGroup": config.local_model.fs_group}
    if credentials.account:
        spec["serviceAccountName"] = credentials.account
    pod: dict[str, Any] = credentials.grant.to_pod({"spec": spec})["spec"]
    return pod


def _container(model: ListedModel, uri: str, config: Config, containers: Sequence[Object]) -> Object:
    chosen = job_container(model.uri, containers)
    if chosen is not None:
        container = dict((chosen.get("spec") or {}).get("container") or {})
    else:
        container = {
            "name": _CONTAINER,
            "image": config.storage_initializer.effective_image,
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
    mount = {"name": _VOLUME, "mountPath": MODEL_PATH, "subPath": f"{MODELS_FOLDER}/{model.storage_key}"}
    return {**container, "args": [uri, MODEL_PATH], "volumeMounts": [mount]}


def _name(model: ListedModel, node: str, attempt: int) -> str:
    """A name to read, and one that a second Job for the same attempt cannot have: whoever comes late finds it taken."""
    told = f"{LOCAL_MODEL_NODE.kind}/{node}/{model.key}/{model.storage_key}/{attempt}"
    digest = hashlib.sha256(told.encode()).hexdigest()[:8]
    readable = _UNFIT.sub("-", f"{model.name}-{node}".lower())[: _LONGEST_NAME - len(digest) - 1].strip("-")
    return f"{readable}-{digest}"
