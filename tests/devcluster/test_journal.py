"""State in a folder: nothing that was answered is lost, and a damaged file is said to be one."""

import asyncio
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from kservectl.clock import SystemClock
from kservectl.devcluster.cluster import DevCluster
from kservectl.devcluster.journal import JournalError
from kservectl.devcluster.types import builtin_types
from kservectl.objects.kind import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, NAMESPACE, SERVICE, Kind
from kservectl.objects.metadata import Object
from tests.devcluster.samples import definition, widget
from tests.devcluster.settling import until

WIDGET = Kind("example.com", "v1", "Widget", "widgets")


def cluster_in(folder: Path) -> DevCluster:
    return DevCluster(builtin_types(), clock=SystemClock(), data_dir=folder)


async def put(cluster: DevCluster, name: str = "x", **more: object) -> Object:
    return await cluster.create(CONFIG_MAP, {"metadata": {"name": name, "namespace": "default"}, **more})


async def test_state_is_there_again_after_a_restart(tmp_path: Path) -> None:
    async with cluster_in(tmp_path) as first:
        kept = await put(first, "kept", data={"a": "b"})
        await put(first, "gone")
        await first.delete(CONFIG_MAP, "gone", "default")
        await first.create(CUSTOM_RESOURCE_DEFINITION, definition())
        made = widget(size=4)
        made["metadata"]["namespace"] = "default"
        custom = await first.create(WIDGET, made)
        revision = first.storage.revision
    async with cluster_in(tmp_path) as second:
        assert second.get(CONFIG_MAP, "kept", "default") == kept
        assert second.get(CONFIG_MAP, "gone", "default") is None
        assert second.get(WIDGET, "w", "default") == custom
        assert second.storage.revision >= revision
        later = await put(second, "later")
        assert int(later["metadata"]["resourceVersion"]) > revision


async def test_controllers_go_on_where_they_were(tmp_path: Path) -> None:
    async with cluster_in(tmp_path) as first:
        await first.create(NAMESPACE, {"metadata": {"name": "n"}})
        body = {"metadata": {"name": "held", "namespace": "n", "finalizers": ["example.com/hold"]}}
        await first.create(CONFIG_MAP, body)
        service = {"metadata": {"name": "s", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}}
        address = (await first.create(SERVICE, service))["spec"]["clusterIP"]
        await first.delete(NAMESPACE, "n")
    async with cluster_in(tmp_path) as second:
        await second.patch(CONFIG_MAP, "held", "n", {"metadata": {"finalizers": None}})
        await until(second, NAMESPACE, lambda: second.get(NAMESPACE, "n") is None)
        other = {"metadata": {"name": "t", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}}
        assert (await second.create(SERVICE, other))["spec"]["clusterIP"] != address


async def test_last_line_cut_short_is_dropped(tmp_path: Path) -> None:
    async with cluster_in(tmp_path) as first:
        await put(first, "whole")
        await put(first, "cut")
    state = tmp_path / "state.jsonl"
    state.write_bytes(state.read_bytes()[:-20])
    async with cluster_in(tmp_path) as second:
        assert second.get(CONFIG_MAP, "whole", "default") is not None
        assert second.get(CONFIG_MAP, "cut", "default") is None
        await put(second, "cut")
    async with cluster_in(tmp_path) as third:
        assert third.get(CONFIG_MAP, "cut", "default") is not None


async def test_damage_in_the_middle_is_reported_with_its_line(tmp_path: Path) -> None:
    async with cluster_in(tmp_path) as first:
        await put(first)
    state = tmp_path / "state.jsonl"
    lines = state.read_bytes().split(b"\n")
    lines[2] = lines[2][:10]
    state.write_bytes(b"\n".join(lines))
    with pytest.raises(JournalError, match="is damaged in line 3"):
        await cluster_in(tmp_path).start()


async def test_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    async with cluster_in(tmp_path):
        with pytest.raises(JournalError, match="in use by another devcluster"):
            await cluster_in(tmp_path).start()


async def test_file_does_not_grow_with_the_number_of_writes(tmp_path: Path) -> None:
    async with cluster_in(tmp_path) as first:
        await put(first)
        for number in range(200):
            await first.patch(CONFIG_MAP, "x", "default", {"data": {"n": str(number)}})
    grown = (tmp_path / "state.jsonl").stat().st_size
    async with cluster_in(tmp_path):
        assert (tmp_path / "state.jsonl").stat().st_size < grown / 4


async def test_killed_process_loses_no_answered_write(tmp_path: Path) -> None:
    script = f"""
        import asyncio
        from pathlib import Path
        from kservectl.clock import SystemClock
        from kservectl.devcluster.cluster import DevCluster
        from kservectl.devcluster.types import builtin_types
        from kservectl.objects.kind import CONFIG_MAP

        async def main():
            async with DevCluster(builtin_types(), clock=SystemClock(), data_dir=Path({str(tmp_path)!r})) as cluster:
                for number in range(100_000):
                    await cluster.create(CONFIG_MAP, {{"metadata": {{"name": f"x{{number}}", "namespace": "default"}}}})
                    print(number, flush=True)

        asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(50):
        answered = int(await process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    rest = await process.stdout.read()
    answered = max([answered, *(int(line) for line in rest.split(b"\n")[:-1])])
    await process.wait()
    async with cluster_in(tmp_path) as cluster:
        assert all(cluster.get(CONFIG_MAP, f"x{number}", "default") is not None for number in range(answered + 1))
