"""Beyond KServe: turns, room, progress and checksums."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kservectl.controllers.localmodelnode.disk_state import Content, EmptyRubbish, Folder, Remove, WorkOutDigests
from kservectl.controllers.localmodelnode.refusal import amended
from kservectl.modelfolder.progress import DownloadProgress
from kservectl.objects import metadata
from kservectl.objects.kind import JOB
from kservectl.objects.metadata import Object
from kservectl.runtime.outcome import Failure
from kservectl.runtime.view import StaticView
from tests.controllers.localmodelnode.worlds import (
    DOWNLOADED,
    DOWNLOADING,
    ERROR,
    GIB,
    KEY,
    NOW,
    PENDING,
    RUNNING,
    SUCCEEDED,
    World,
    ago,
    disk,
    entry,
    gave_up,
    job,
    known,
    node_models,
    unmarked,
    whole,
)


def several(count: int, **more: object) -> list[Object]:
    return [entry(f"m{number}", f"https://models.example.com/{number}", **more) for number in range(count)]


def test_no_more_downloads_run_at_once_than_the_node_may() -> None:
    world = World(node_models(*several(6), maxParallelDownloads=2))
    assert world.launched == ["m0", "m1"]
    assert (world.state("m2"), world.told("m2")["reason"]) == (PENDING, "WaitsForTurn")
    world.jobs = [job("a", model="m0", status=RUNNING), job("b", model="m1", status=SUCCEEDED)]
    assert world.launched == ["m2"]


def test_four_downloads_run_at_once_unless_somebody_says_otherwise() -> None:
    assert len(World(node_models(*several(6))).launched) == 4


def test_jobs_of_dropped_models_take_up_turns_while_they_run() -> None:
    running = [job(f"j{number}", model=f"gone{number}", status=RUNNING) for number in range(3)]
    assert World(node_models(*several(6)), running).launched == ["m0"]


def test_models_that_were_never_tried_go_before_those_that_failed() -> None:
    failed = job(model="m0", status=gave_up(3600))
    assert World(node_models(*several(2), maxParallelDownloads=1), [failed]).launched == ["m1"]


def test_download_that_has_no_room_is_refused_with_the_numbers() -> None:
    world = World(node_models(entry(modelSize="20Gi")), disk=disk(available=5 * GIB))
    assert (world.launched, world.state(), world.told()["reason"]) == ([], ERROR, "DiskFull")
    assert "needs 20.0 GiB more, and 4.9 GiB may be used" in world.told()["message"]
    status = world.decide().status
    assert status is not None
    assert status["conditions"][0]["reason"] == "DiskFull"
    world.disk = disk(available=30 * GIB)
    assert world.launched == ["iris"]


def test_room_is_promised_to_downloads_under_way_and_to_those_that_start_before() -> None:
    entries = several(3, modelSize="10Gi")
    running = job(model="m0", status=RUNNING)
    world = World(node_models(*entries), [running], disk(available=25 * GIB))
    assert world.launched == ["m1"]
    assert world.told("m2")["reason"] == "DiskFull"


def test_what_a_broken_off_download_has_already_needs_no_room() -> None:
    half = Folder(Content.UNFINISHED, 9 * GIB, progress=DownloadProgress(done=9 * GIB, total=10 * GIB))
    world = World(node_models(entry(modelSize="10Gi")), disk=disk({KEY: half}, available=2 * GIB))
    assert world.launched == ["iris"]


def test_disk_that_filled_up_during_a_download_is_told_as_such() -> None:
    full = DownloadProgress(done=5, total=9, failure="not enough space for /mnt/models", reason="DiskFull")
    half = Folder(Content.UNFINISHED, 5, progress=full)
    world = World(node_models(entry()), [job(status=gave_up())], disk({KEY: half}))
    assert (world.state(), world.told()["reason"]) == (ERROR, "DiskFull")
    assert world.told()["message"] == "not enough space for /mnt/models"


def test_progress_has_bytes_percent_and_an_estimate() -> None:
    told = DownloadProgress(done=300, total=1000, before=100, started=ago(20))
    world = World(
        node_models(entry()), [job(status=RUNNING)], disk({KEY: Folder(Content.UNFINISHED, 333, progress=told)})
    )
    assert world.told() == {
        "downloadedBytes": 300,
        "totalBytes": 1000,
        "percent": 30,
        "startTime": ago(50),
        "estimatedCompletionTime": ago(-70),
        "attempts": 1,
    }
    assert world.decide().requeue_after == 10


def test_progress_of_a_downloader_that_tells_none_is_what_the_disk_holds_of_the_stated_size() -> None:
    world = World(node_models(entry(modelSize="2k")), [job(status=RUNNING)], disk({KEY: unmarked(500)}))
    told = world.told()
    assert (told["downloadedBytes"], told["totalBytes"], told["percent"]) == (500, 2000, 25)
    assert told["estimatedCompletionTime"] == ago(-150)


def test_more_than_the_stated_size_is_never_a_hundred_percent() -> None:
    world = World(node_models(entry(modelSize="1k")), [job(status=RUNNING)], disk({KEY: unmarked(5000)}))
    assert world.told()["percent"] == 99
    assert "estimatedCompletionTime" not in world.told()


def test_checksums_are_worked_out_before_a_copy_counts() -> None:
    world = World(node_models(entry(checksums={"model.bin": "ab"})), disk=disk({KEY: whole()}))
    assert (world.state(), world.told()["reason"]) == (DOWNLOADING, "Verifying")
    assert world.decide().effects == (WorkOutDigests(KEY, ("model.bin",)),)
    world.disk = disk({KEY: replace(whole(), hashing=True)})
    assert world.decide().effects == ()
    world.disk = disk({KEY: whole(model_bin="ab")})
    assert (world.state(), world.decide().effects) == (DOWNLOADED, ())


@pytest.mark.parametrize("checksums", [{"model.bin": "ab"}, {"absent.bin": "cd"}])
def test_copy_with_another_checksum_is_taken_away_and_downloaded_again_later(checksums: dict[str, str]) -> None:
    node = node_models(entry(checksums=checksums), status=known(DOWNLOADED))
    world = World(node, [job(status=SUCCEEDED)], disk({KEY: whole(model_bin="cd")}))
    outcome = world.decide()
    assert (world.state(), world.told()["reason"], world.launched) == (ERROR, "ChecksumMismatch", [])
    assert outcome.effects == (Remove(KEY), EmptyRubbish())
    node["status"] = outcome.status
    world.disk = disk()
    assert (world.launched, world.state()) == ([], ERROR)
    world.now = NOW + timedelta(minutes=2)
    assert world.launched == ["iris"]


@pytest.mark.parametrize("reason", ["WaitsForTurn", "DiskFull"])
def test_download_that_was_only_put_off_is_begun_however_many_jobs_there_were(reason: str) -> None:
    node = node_models(entry(), status=known(PENDING, reason=reason))
    assert World(node, [job("a", status=SUCCEEDED), job("b", status=SUCCEEDED)]).launched == ["iris"]


def test_copy_is_not_taken_away_under_a_download() -> None:
    node = node_models(entry(checksums={"model.bin": "ab"}))
    world = World(node, [job(status=RUNNING)], disk({KEY: whole(model_bin="cd")}))
    assert world.decide().effects == ()


def test_refused_job_is_that_models_error_with_the_servers_reason() -> None:
    world = World(node_models(*several(2)))
    outcome = world.decide()
    failure = Failure(JOB, metadata.key(outcome.desired[0]), "Job x was refused by the API server: quota")
    status = amended(world.node, outcome, [failure], StaticView([], kinds=(), now=NOW)).status
    assert status is not None
    assert status["modelStatus"] == {"m0": ERROR, "m1": PENDING}
    assert status["models"]["m0"]["message"] == failure.message


def test_people_are_told_once_of_a_failure_and_of_a_model_that_arrived() -> None:
    world = World(node_models(entry(), status=known(DOWNLOADING)), [job(status=gave_up())])
    (event,) = world.decide().events
    assert (event.type, event.reason) == ("Warning", "DownloadFailed")
    world.node["status"] = world.decide().status
    assert world.decide().events == ()
    arrived = World(node_models(entry(), status=known(DOWNLOADING)), disk=disk({KEY: whole()}))
    assert [event.reason for event in arrived.decide().events] == ["ModelDownloaded"]


def test_free_space_is_told_in_steps_so_that_nothing_is_written_for_what_others_do() -> None:
    first = World(node_models(), disk=disk(available=10 * GIB)).decide().status
    second = World(node_models(), disk=disk(available=10 * GIB + 5_000_000)).decide().status
    assert first == second


def test_what_a_download_says_of_itself_cannot_spoil_the_status() -> None:
    told = DownloadProgress(done=1 << 61, total=1 << 61, before=0, started="0001-01-01T00:00:00+14:00")
    half = Folder(Content.UNFINISHED, 5, progress=told)
    world = World(node_models(entry()), [job(status=RUNNING)], disk({KEY: half}))
    assert world.told()["percent"] == 99
    slow = DownloadProgress(done=1, total=1 << 61, started=ago(1000))
    world.disk = disk({KEY: Folder(Content.UNFINISHED, 5, progress=slow)})
    assert "estimatedCompletionTime" not in world.told()


def test_broken_configuration_is_told_without_a_traceback() -> None:
    world = World(node_models(entry()))
    world.config["data"]["localModel"] = "{"
    outcome = world.decide()
    assert outcome.terminal_error is not None
    assert outcome.terminal_error.startswith(
        "key localModel of ConfigMap kserve/inferenceservice-config cannot be used"
    )
    assert (outcome.desired, outcome.effects) == ((), ())
