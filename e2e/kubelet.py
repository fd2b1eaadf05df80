"""Jobs of one node, run as a kubelet and the Job controller would: containers are processes, volumes are folders.

Only what the node agent's Jobs need: one container of this project's own image, and one claim whose volume is the node's disk.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.process import Process
from kservectl.client.client import Client
from kservectl.client.errors import NotFound
from kservectl.clock import SystemClock, rfc3339
from kservectl.objects import metadata
from kservectl.objects.kind import JOB
from kservectl.objects.metadata import Object

_IMAGE = ["python", "-m", "kservectl"]
_RETRY_SECONDS = 0.3
_LONGEST_SECONDS = 300.0
_BACKOFF_LIMIT = 6


@dataclass
class Kubelet:
    """Runs the Jobs of `namespace` that select `node`; claims lead to `disk`."""

    client: Client
    node: str
    namespace: str
    disk: Path
    log: Path
    running: dict[str, Process] = field(default_factory=dict)
    """The processes of containers, by Job."""
    started: int = 0

    async def run(self) -> None:
        """Run Jobs as they come, until cancelled."""
        seen: set[str] = set()
        async with asyncio.TaskGroup() as group:
            listed = await self.client.list(JOB, self.namespace)
            version = listed["metadata"]["resourceVersion"]
            for job in listed["items"]:
                self._take(job, seen, group)
            while True:
                async with self.client.watch(JOB, self.namespace, resource_version=version) as events:
                    async for event in events:
                        version = metadata.resource_version(event.object)
                        if event.type == "ADDED":
                            self._take(event.object, seen, group)

    def kill(self, job: str) -> None:
        """SIGKILL to the container of a Job."""
        if (process := self.running.get(job)) is not None and process.alive:
            process.kill9()

    def _take(self, job: Object, seen: set[str], group: asyncio.TaskGroup) -> None:
        pod = job["spec"]["template"]["spec"]
        if pod["nodeSelector"] == {"kubernetes.io/hostname": self.node} and metadata.uid(job) not in seen:
            seen.add(metadata.uid(job))
            group.create_task(self._complete(job))

    async def _complete(self, job: Object) -> None:
        started = _now()
        for failed in range(_BACKOFF_LIMIT + 1):
            await self._tell(job, {"startTime": started, "active": 1, "ready": 1, "failed": failed})
            if await self._run_container(job) == 0:
                done = [_condition(type_, "CompletionsReached") for type_ in ("SuccessCriteriaMet", "Complete")]
                succeeded = {"succeeded": 1, "completionTime": _now(), "conditions": done}
                await self._tell(job, {"startTime": started, "active": 0, "ready": 0, "failed": failed, **succeeded})
                return
            await asyncio.sleep(_RETRY_SECONDS)
        gone = [_condition(type_, "BackoffLimitExceeded") for type_ in ("FailureTarget", "Failed")]
        await self._tell(
            job, {"startTime": started, "active": 0, "ready": 0, "failed": _BACKOFF_LIMIT + 1, "conditions": gone}
        )

    async def _run_container(self, job: Object) -> int:
        process = Process(self._arguments(job), self.log)
        self.running[metadata.name(job)] = process
        self.started += 1
        process.start()
        return await asyncio.to_thread(process.wait, _LONGEST_SECONDS)

    def _arguments(self, job: Object) -> list[str]:
        (container,) = job["spec"]["template"]["spec"]["containers"]
        (mount,) = container["volumeMounts"]
        command = [*container["command"], *container["args"]]
        assert command[:3] == _IMAGE, command
        folder = self.disk / mount["subPath"]
        folder.mkdir(parents=True, exist_ok=True)  # as the kubelet makes a subPath
        return [str(folder) if word == mount["mountPath"] else word for word in command[3:]]

    async def _tell(self, job: Object, status: dict[str, Any]) -> None:
        shown = {name: value for name, value in status.items() if value not in (0, None)}
        absent = {name: None for name in ("active", "ready", "failed") if name not in shown}
        try:
            await self.client.patch(
                JOB, metadata.name(job), self.namespace, {"status": shown | absent}, subresource="status"
            )
        except NotFound:
            return  # deleted meanwhile; its process goes on to its end, as one that is slow to stop


def _condition(type_: str, reason: str) -> Object:
    return {"type": type_, "status": "True", "reason": reason, "lastTransitionTime": _now(), "message": reason}


def _now() -> str:
    return rfc3339(SystemClock().now())
