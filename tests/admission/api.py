"""An API server as a webhook sees it that reads objects: slow or refusing where a test says so."""

import asyncio

from kservectl.client.client import Client
from kservectl.client.errors import Forbidden, NotFound
from kservectl.objects.kind import Kind
from kservectl.objects.metadata import Object


class Api(Client):
    """An API server of a few objects, which counts who asks for what."""

    def __init__(self, *objects: Object) -> None:
        self.objects = {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}
        self.asked: list[str] = []
        self.waiting = 0
        self.most_waiting = 0
        self.slowness = 0.0
        self.refuses = False

    async def get(self, kind: Kind, name: str, namespace: str = "") -> Object:
        self.asked.append(f"{kind} {namespace}/{name}")
        self.waiting += 1
        self.most_waiting = max(self.most_waiting, self.waiting)
        try:
            await asyncio.sleep(self.slowness)
        finally:
            self.waiting -= 1
        if self.refuses:
            raise Forbidden(403, "Forbidden", f'{kind.plural} "{name}" is forbidden')
        if (kind.kind, name) not in self.objects:
            raise NotFound(404, "NotFound", "not found")
        return self.objects[kind.kind, name]
