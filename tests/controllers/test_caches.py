"""Which caches controllers have: a view reads an object from one of them, and must be told of its changes by that one."""

import random
from collections import defaultdict
from collections.abc import Callable
from typing import cast

import pytest

from kservectl.assembly import CONTROLLERS
from kservectl.client.client import Client
from kservectl.clock import SystemClock
from kservectl.controllers.inferenceservice.settings import Settings
from kservectl.devcluster.workloads.controllers import controllers
from kservectl.informers import InformerFactory
from kservectl.runtime.controller import Controller
from kservectl.runtime.sources import Sources

BUILDERS: dict[str, Callable[[], Controller]] = {
    **{name: lambda build=build: build(Settings()) for name, build in CONTROLLERS.items()},  # type: ignore[misc]  # mypy infers no lambda with a default
    **{each.name: lambda each=each: each for each in controllers()},  # type: ignore[misc]  # the same
}


@pytest.mark.parametrize("name", BUILDERS)
def test_no_controller_has_two_caches_of_the_same_objects(name: str) -> None:
    """Of two, one may be behind the other: the one that is read when the news come from the other."""
    clock = SystemClock()
    factory = InformerFactory(cast(Client, None), clock=clock, rng=random.Random(1))
    Sources(BUILDERS[name](), factory, clock=clock)
    whole: dict[str, list[object]] = defaultdict(list)
    for informer in factory.informers:
        spec = informer.spec
        if not spec.label_selector and not spec.field_selector and not spec.namespaces:
            whole[spec.kind.kind].append(spec)
    assert {kind: specs for kind, specs in whole.items() if len(specs) > 1} == {}
