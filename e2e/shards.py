"""Replicas that share the work: each with a pod and so a token of its own where the cluster knows such things, behind one address
for their webhooks.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from e2e.api import Api
from e2e.installation import SYSTEM_NAMESPACE, account_kubeconfig, allow_sharding
from e2e.manager import ManagerProcess
from e2e.service_address import ServiceAddress
from kservectl.assembly import SHARD_GROUP
from kservectl.leader.assignment import Assignment
from kservectl.leader.sharding import assignment_name
from kservectl.manifests.manager import deployment
from kservectl.objects.kind import LEASE, POD
from kservectl.objects.metadata import Object


async def shared_by(api: Api, number: int, seconds: float = 40) -> None:
    """Wait for an assignment to this many."""
    await api.until(
        LEASE,
        assignment_name(SHARD_GROUP),
        SYSTEM_NAMESPACE,
        lambda lease: len(Assignment.of(lease).members) == number,
        f"{number} replicas share the work",
        seconds=seconds,
    )


class Shards:
    """Managers of a real cluster by the names of their pods, which the audit log tells them apart by. Ended with the block."""

    def __init__(self, api: Api, admin: Path, folder: Path, *, ready_seconds: float = 120.0) -> None:
        self.members: dict[str, ManagerProcess] = {}
        self._api = api
        self._admin = admin
        self._folder = folder
        self._ready_seconds = ready_seconds
        self._turn = 0
        self._address = ServiceAddress(self._backends)

    @property
    def alive(self) -> Sequence[ManagerProcess]:
        return [member for member in list(self.members.values()) if member.alive]

    async def __aenter__(self) -> "Shards":
        await allow_sharding(self._api)
        self._address.__enter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(asyncio.to_thread(member.stop) for member in self.alive))
        self._address.__exit__(None, None, None)

    async def add(self) -> str:
        """One more, ready, and named by an assignment. Those who are there must be so too."""
        pod = await self._api.create(POD, _pod(f"shard-{len(self.members)}"))
        name = str(pod["metadata"]["name"])
        kubeconfig = await asyncio.to_thread(account_kubeconfig, self._admin, self._folder, pod=pod)
        self.members[name] = ManagerProcess(
            kubeconfig, self._folder / f"{name}.log", webhook_url=self._address.url, options=("--sharded",)
        )
        await asyncio.to_thread(self.members[name].start_ready, self._ready_seconds)
        await shared_by(self._api, len(self.alive))
        return name

    def _backends(self) -> Sequence[int]:
        """In turns, as kube-proxy spreads connections."""
        ports = [member.webhook_port for member in self.alive]
        self._turn += 1
        first = self._turn % len(ports) if ports else 0
        return ports[first:] + ports[:first]


def _pod(name: str) -> Object:
    """What the manager's Deployment makes."""
    template = deployment()["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": SYSTEM_NAMESPACE},
        "spec": template["spec"],
    }
