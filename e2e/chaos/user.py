"""The user: asks for things as the dice say, and remembers what was granted.

Requests go through admission like anybody's, but not through the trouble on the network: what was granted is known for sure.
"""

import copy
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from e2e.chaos import changes
from e2e.chaos.changes import NAMED_RUNTIME, NAMES, NAMESPACE, new_service, some_change
from kservectl.api.config import CONFIG_MAP_NAME, DEFAULT_NAMESPACE
from kservectl.api.kinds import HTTP_ROUTE, INFERENCE_GRAPH, INFERENCE_SERVICE, SERVING_RUNTIME, TRAINED_MODEL
from kservectl.client.errors import ApiError, Conflict, NotFound
from kservectl.devcluster.cluster import DevCluster
from kservectl.objects import metadata
from kservectl.objects.kind import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    INGRESS,
    NODE,
    REPLICA_SET,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
)
from kservectl.objects.kind import (
    NAMESPACE as NAMESPACE_KIND,
)
from kservectl.objects.metadata import Object

GARDEN = "garden"
"""The service that serves several models."""

OTHER_NAMESPACE = "chaos-short"
"""A namespace that comes and goes with what is in it."""

_CHILDREN = (DEPLOYMENT, SERVICE, HORIZONTAL_POD_AUTOSCALER, HTTP_ROUTE, INGRESS)
_MANAGER = "user"


class User:
    """`wishes` are the services that were granted, by name; `log` tells what was asked and what came of it."""

    def __init__(self, cluster: DevCluster, dice: random.Random) -> None:
        self.cluster = cluster
        self.wishes: dict[str, Object] = {}
        self.models: dict[str, Object] = {}
        self.graphs: dict[str, Object] = {}
        self.granted = 0
        self.refused = 0
        self._dice = dice
        self._log = structlog.get_logger(component="user")
        self._actions: list[tuple[Callable[[], Awaitable[str]], int]] = [
            (self._create, 8),
            (self._change, 16),
            (self._delete, 4),
            (self._delete_child, 4),
            (self._edit_child, 4),
            (self._change_runtime, 2),
            (self._change_config, 2),
            (self._change_account, 1),
            (self._change_node, 1),
            (self._change_model, 3),
            (self._change_graph, 2),
            (self._change_namespace, 1),
        ]

    async def prepare(self) -> None:
        """What is there before anything happens."""
        await self._apply(NAMESPACE_KIND, {"metadata": {"name": NAMESPACE}})
        await self._apply(SERVING_RUNTIME, runtime(1))
        garden = new_service(GARDEN)
        del garden["spec"]["predictor"]["model"]["storageUri"]
        garden["spec"]["predictor"]["model"]["resources"] = {"limits": {"memory": "4Gi"}}
        await self.ask(garden)

    async def act(self) -> bool:
        """Ask for one thing; answers False where no webhook was there to admit it, so that asking on is of no use."""
        action = self._dice.choices([each for each, _ in self._actions], [weight for _, weight in self._actions])[0]
        try:
            done = await action()
        except ApiError as error:
            self.refused += 1
            self._log.info("refused", action=action.__name__, error=str(error)[:300])
            return "failed calling webhook" not in str(error)
        if done:
            self.granted += 1
            self._log.info("granted", what=done)
        return True

    async def ask(self, wish: Object) -> None:
        """Apply a service as it is wished for now."""
        await self._apply(INFERENCE_SERVICE, wish)
        self.wishes[metadata.name(wish)] = wish

    async def _create(self) -> str:
        name = self._dice.choice(NAMES)
        wish = copy.deepcopy(self.wishes.get(name) or new_service(name))
        for _ in range(self._dice.randrange(3)):
            some_change(self._dice)[1](self._dice, wish)
        await self.ask(wish)
        return f"service {name}"

    async def _change(self) -> str:
        name = self._some_service()
        what, change = some_change(self._dice)
        wish = copy.deepcopy(self.wishes[name])
        if name == GARDEN and what not in ("replicas", "environment", "team", "stop or start"):
            return ""
        change(self._dice, wish)
        await self.ask(wish)
        return f"{what} of {name}"

    async def _delete(self) -> str:
        name = self._some_service()
        if name == GARDEN:
            return ""
        propagation = self._dice.choice(("Background", "Foreground"))
        await self.cluster.delete(INFERENCE_SERVICE, name, NAMESPACE, propagation=propagation)
        del self.wishes[name]
        return f"service {name} deleted, {propagation}"

    async def _delete_child(self) -> str:
        kind, child = self._some_child()
        await self.cluster.delete(kind, metadata.name(child), NAMESPACE, propagation="Background")
        return f"{metadata.describe(child)} deleted"

    async def _edit_child(self) -> str:
        """Change something that kservectl set; what it never set is not its own."""
        kind, child = self._some_child()
        place = self._dice.choice(("labels", "annotations"))
        ours = sorted(metadata.metadata(child).get(place) or {})
        if not ours:
            return ""
        value = self._dice.choice((None, "edited"))
        body = {"metadata": {place: {self._dice.choice(ours): value}}}
        await self.cluster.patch(kind, metadata.name(child), NAMESPACE, body, manager=_MANAGER)
        return f"{metadata.describe(child)} edited: {body}"

    async def _change_runtime(self) -> str:
        if self._dice.random() < 0.3:
            await self._gone(SERVING_RUNTIME, NAMED_RUNTIME, NAMESPACE)
            return "runtime deleted"
        await self._apply(SERVING_RUNTIME, runtime(self._dice.randrange(4)))
        return "runtime"

    async def _change_config(self) -> str:
        fields: Object = self._dice.choice(
            (
                {"enableGatewayApi": False},
                {"enableGatewayApi": True},
                {"ingressDomain": "models.test"},
                {"ingressDomain": "example.com"},
            )
        )
        await self.configure(fields)
        return f"configuration {fields}"

    async def configure(self, fields: Object) -> None:
        """Change fields of the key `ingress`."""
        found = self.cluster.get(CONFIG_MAP, CONFIG_MAP_NAME, DEFAULT_NAMESPACE)
        assert found is not None
        ingress = json.loads(found["data"]["ingress"]) | fields
        body = {"data": {"ingress": json.dumps(ingress)}}
        await self.cluster.patch(CONFIG_MAP, CONFIG_MAP_NAME, DEFAULT_NAMESPACE, body, manager=_MANAGER)

    async def _change_account(self) -> str:
        """The account that services read their models as, and the Secret behind it."""
        if self._dice.random() < 0.3:
            await self._gone(*self._dice.choice(((SECRET, "s3"), (SERVICE_ACCOUNT, "reader"))), NAMESPACE)
            return "an account or its secret deleted"
        await self.make_account(str(self._dice.randrange(3)))
        return "account and secret"

    async def make_account(self, key: str) -> None:
        head = {"annotations": {"serving.kserve.io/s3-region": "eu"}, "namespace": NAMESPACE}
        secret = {"metadata": {"name": "s3", **head}, "stringData": {"AWS_ACCESS_KEY_ID": key}}
        await self._apply(SECRET, secret)
        account = {"metadata": {"name": "reader", "namespace": NAMESPACE}, "secrets": [{"name": "s3"}]}
        await self._apply(SERVICE_ACCOUNT, account)

    async def _change_node(self) -> str:
        if self._dice.random() < 0.4:
            await self._gone(NODE, "second", "")
            return "node deleted"
        await self._apply(NODE, {"metadata": {"name": "second", "labels": {"zone": str(self._dice.randrange(2))}}})
        return "node"

    async def _change_model(self) -> str:
        name = f"model-{self._dice.randrange(4)}"
        if name in self.models and self._dice.random() < 0.5:
            await self.cluster.delete(TRAINED_MODEL, name, NAMESPACE)
            del self.models[name]
            return f"{name} deleted"
        uri = self.models.get(name, {}).get("uri") or f"gs://models/{name}/{self._dice.randrange(3)}"
        model = {"storageUri": uri, "framework": "sklearn", "memory": "10Mi"}
        head = {"name": name, "namespace": NAMESPACE}
        await self._apply(TRAINED_MODEL, {"metadata": head, "spec": {"inferenceService": GARDEN, "model": model}})
        self.models[name] = {"uri": uri}
        return name

    async def _change_graph(self) -> str:
        name = f"graph-{self._dice.randrange(2)}"
        if name in self.graphs and self._dice.random() < 0.3:
            await self.cluster.delete(INFERENCE_GRAPH, name, NAMESPACE)
            del self.graphs[name]
            return f"{name} deleted"
        urls = [f"http://elsewhere-{self._dice.randrange(3)}.example.com" for _ in range(self._dice.randrange(1, 3))]
        await self._apply(INFERENCE_GRAPH, graph(name, urls))
        self.graphs[name] = graph(name, urls)
        return name

    async def _change_namespace(self) -> str:
        if self.cluster.get(NAMESPACE_KIND, OTHER_NAMESPACE) is not None:
            await self.cluster.delete(NAMESPACE_KIND, OTHER_NAMESPACE)
            return "namespace deleted"
        await self._apply(NAMESPACE_KIND, {"metadata": {"name": OTHER_NAMESPACE}})
        for name in ("one", "two"):
            await self._apply(INFERENCE_SERVICE, new_service(name, OTHER_NAMESPACE))
        return "namespace with services"

    def _some_service(self) -> str:
        return self._dice.choice(sorted(self.wishes))

    def _some_child(self) -> tuple[Kind, Object]:
        kind = self._dice.choice(_CHILDREN)
        found = [obj for obj in self.cluster.list(kind, NAMESPACE) if metadata.controller_of(obj) is not None]
        if not found:
            return self._some_child_of(DEPLOYMENT)
        return kind, self._dice.choice(found)

    def _some_child_of(self, kind: Kind) -> tuple[Kind, Object]:
        found = self.cluster.list(kind, NAMESPACE)
        if not found:
            raise NotFound(404, "NotFound", f"there is no {kind.kind} yet")
        return kind, self._dice.choice(found)

    async def _apply(self, kind: Kind, obj: Any) -> None:
        stored = self.cluster.get(kind, metadata.name(obj), metadata.namespace(obj))
        if stored is not None and metadata.is_deleting(stored):
            raise Conflict(
                409, "Conflict", f"{metadata.describe(stored)} is going away, and with it what is asked of it"
            )
        body = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        for _ in range(3):
            try:
                await self.cluster.patch(
                    kind, metadata.name(obj), metadata.namespace(obj), body, patch_type="apply", manager=_MANAGER
                )
            except Conflict:
                continue  # somebody wrote between the two halves of an apply
            return
        raise Conflict(409, "Conflict", f"{kind.kind} {metadata.name(obj)} is written all the time")

    async def _gone(self, kind: Kind, name: str, namespace: str) -> None:
        try:
            await self.cluster.delete(kind, name, namespace)
        except NotFound:
            return


def runtime(version: int) -> Object:
    """The runtime that services ask for by name."""
    return {
        "metadata": {"name": NAMED_RUNTIME, "namespace": NAMESPACE},
        "spec": {
            "supportedModelFormats": [{"name": "sklearn", "version": "1"}],
            "containers": [{"name": "kserve-container", "image": f"example/server:{version}", "args": ["--serve"]}],
        },
    }


def graph(name: str, urls: list[str]) -> Object:
    """A graph of a sequence of addresses."""
    steps = [{"serviceUrl": url} for url in urls]
    root = {"routerType": "Sequence", "steps": steps}
    return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"nodes": {"root": root}}}


async def pacify(user: User) -> None:
    """Ask for an end of everything that cannot be: broken services, two that fight for one name, a runtime that is missing."""
    dice = random.Random(0)
    await user._apply(SERVING_RUNTIME, runtime(0))
    await user.make_account("0")
    for obj in user.cluster.list(REPLICA_SET, NAMESPACE):
        # Its controller backs off for minutes, as everywhere, when pods were refused because no webhook was there.
        awake = {"metadata": {"annotations": {"peace": str(user.granted)}}}
        await user.cluster.patch(REPLICA_SET, metadata.name(obj), NAMESPACE, awake)
    for name, wish in list(user.wishes.items()):
        mended = copy.deepcopy(wish)
        if name == GARDEN:  # stopped, it keeps its list of models, which a manifest says nothing of
            mended["metadata"]["annotations"].pop(changes.STOP, None)
        changes.mend(dice, mended)
        changes.end_of_the_past(dice, mended)
        if f"{name}-{changes.CANARY}" in user.wishes:
            changes.no_canary(dice, mended)
        await user.ask(mended)
    if user.cluster.get(NAMESPACE_KIND, OTHER_NAMESPACE) is not None:
        await user._gone(NAMESPACE_KIND, OTHER_NAMESPACE, "")
