"""The CustomResourceDefinitions of the kinds that kservectl serves, generated from the models.

Names, scope, printer columns and subresources are KServe's, so that `kubectl get` shows what people are used to.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from kservectl.api import kinds
from kservectl.api.inferencegraph import InferenceGraph
from kservectl.api.inferenceservice import InferenceService
from kservectl.api.localmodel import (
    LocalModelCache,
    LocalModelNamespaceCache,
    LocalModelNode,
    LocalModelNodeGroup,
)
from kservectl.api.model import Resource
from kservectl.api.servingruntime import ClusterServingRuntime, ServingRuntime
from kservectl.api.storagecontainer import ClusterStorageContainer
from kservectl.api.structural import structural_schema
from kservectl.api.trainedmodel import TrainedModel
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


@dataclass(frozen=True, slots=True)
class Column:
    """One column of `kubectl get`."""

    name: str
    type: str
    path: str


@dataclass(frozen=True, slots=True)
class Definition:
    """What a CRD says besides its schema."""

    kind: Kind
    model: type[Resource]
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    status: bool = False


_AGE = Column("Age", "date", ".metadata.creationTimestamp")
_URL = Column("URL", "string", ".status.url")
_READY = Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status")
_PREVIOUS = "?(@.tag=='prev')"
_LATEST = "?(@.latestRevision==true)"
_RUNTIME_COLUMNS = (
    Column("Disabled", "boolean", ".spec.disabled"),
    Column("ModelType", "string", ".spec.supportedModelFormats[*].name"),
    Column("Containers", "string", ".spec.containers[*].name"),
    _AGE,
)
_CACHE_COLUMNS = (
    Column("Copies", "integer", ".status.copies.total"),
    Column("Available", "integer", ".status.copies.available"),
    Column("Failed", "integer", ".status.copies.failed"),
    Column("Percent", "integer", ".status.progress.percent"),
    Column("Estimate", "string", ".status.progress.estimatedCompletionTime"),
    _READY,
    _AGE,
)

DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        kinds.INFERENCE_SERVICE,
        InferenceService,
        short_names=("isvc",),
        columns=(
            _URL,
            _READY,
            Column("Prev", "integer", f".status.components.predictor.traffic[{_PREVIOUS}].percent"),
            Column("Latest", "integer", f".status.components.predictor.traffic[{_LATEST}].percent"),
            Column(
                "PrevRolledoutRevision",
                "string",
                f".status.components.predictor.traffic[{_PREVIOUS}].revisionName",
            ),
            Column("LatestReadyRevision", "string", f".status.components.predictor.traffic[{_LATEST}].revisionName"),
            _AGE,
        ),
        status=True,
    ),
    Definition(kinds.SERVING_RUNTIME, ServingRuntime, columns=_RUNTIME_COLUMNS),
    Definition(kinds.CLUSTER_SERVING_RUNTIME, ClusterServingRuntime, columns=_RUNTIME_COLUMNS),
    Definition(kinds.CLUSTER_STORAGE_CONTAINER, ClusterStorageContainer),
    Definition(
        kinds.TRAINED_MODEL,
        TrainedModel,
        short_names=("tm",),
        columns=(_URL, _READY, _AGE),
        status=True,
    ),
    Definition(
        kinds.INFERENCE_GRAPH,
        InferenceGraph,
        short_names=("ig",),
        columns=(_URL, _READY, _AGE),
        status=True,
    ),
    Definition(kinds.LOCAL_MODEL_CACHE, LocalModelCache, columns=_CACHE_COLUMNS, status=True),
    Definition(kinds.LOCAL_MODEL_NAMESPACE_CACHE, LocalModelNamespaceCache, columns=_CACHE_COLUMNS, status=True),
    Definition(
        kinds.LOCAL_MODEL_NODE_GROUP,
        LocalModelNodeGroup,
        columns=(
            Column("Limit", "string", ".spec.storageLimit"),
            Column("Nodes", "integer", ".status.nodes"),
            Column("Used", "string", ".status.used"),
            Column("Available", "string", ".status.available"),
            _AGE,
        ),
        status=True,
    ),
    Definition(
        kinds.LOCAL_MODEL_NODE,
        LocalModelNode,
        columns=(Column("Models", "string", ".spec.localModels[*].modelName"), _READY, _AGE),
        status=True,
    ),
)


def crd(definition: Definition) -> Object:
    """The CustomResourceDefinition of one kind, with one version that is served and stored."""
    kind = definition.kind
    names: Object = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.kind.lower(),
    }
    if definition.short_names:
        names["shortNames"] = list(definition.short_names)
    version: Object = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _unshared(structural_schema(definition.model))},
    }
    if definition.columns:
        version["additionalPrinterColumns"] = [
            {"name": column.name, "type": column.type, "jsonPath": column.path} for column in definition.columns
        ]
    if definition.status:
        version["subresources"] = {"status": {}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.resource},
        "spec": {
            "group": kind.group,
            "names": names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [version],
        },
    }


def _unshared(schema: Object) -> Object:
    """A copy in which no part occurs twice, so that it may be changed and is written to YAML without anchors."""
    copy: Object = orjson.loads(orjson.dumps(schema))
    return copy


def crds(definitions: Sequence[Definition] = DEFINITIONS) -> list[Object]:
    """All of them, in the order of `DEFINITIONS`."""
    return [crd(definition) for definition in definitions]
