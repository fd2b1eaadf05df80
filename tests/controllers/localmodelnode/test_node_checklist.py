"""The rows of the checklist about the node agent (spec localmodel, sections 6 and 10), decided without a server or a disk."""

from datetime import timedelta

import pytest

from kservectl.controllers.localmodelnode.disk_state import Adopt, Content, EmptyRubbish, Folder, Prepare, Remove
from kservectl.modelstorage.local_model import storage_key
from kservectl.objects import metadata
from kservectl.objects.metadata import Object
from tests.controllers.localmodelnode.worlds import (
    DOWNLOADED,
    DOWNLOADING,
    ERROR,
    KEY,
    NOW,
    PENDING,
    QUEUED,
    RUNNING,
    SUCCEEDED,
    URI,
    World,
    config_map,
    disk,
    entry,
    gave_up,
    job,
    known,
    node_models,
    unmarked,
    whole,
)


def test_folder_missing_with_no_job_launches_one_and_counts_as_pending() -> None:
    world = World(node_models(entry()))
    assert world.launched == ["iris"]
    assert world.state() == PENDING


@pytest.mark.parametrize(("status", "state"), [(RUNNING, DOWNLOADING), (QUEUED, PENDING), ({}, PENDING)])
def test_folder_missing_with_a_job_under_way_waits_for_it(status: Object, state: str) -> None:
    world = World(node_models(entry()), [job(status=status)])
    assert world.launched == []
    assert world.state() == state


def test_folder_is_made_for_a_job_under_way_so_that_it_is_the_agents() -> None:
    world = World(node_models(entry()), [job(status=QUEUED)])
    assert world.decide().effects == (Prepare(KEY),)
    world.disk = disk({KEY: Folder(Content.EMPTY)})
    assert world.decide().effects == ()


def test_folder_missing_with_a_failed_job_is_an_error_that_says_why() -> None:
    world = World(node_models(entry()), [job(status=gave_up())])
    assert world.launched == []
    assert world.state() == ERROR
    assert "Job kserve-localmodel-jobs/first failed: Job has reached" in world.told()["message"]
    assert world.told()["nextAttemptTime"]


def test_folder_missing_with_a_succeeded_job_is_downloaded_once_more() -> None:
    world = World(node_models(entry(), status=known(DOWNLOADED)), [job(status=SUCCEEDED)])
    assert world.launched == ["iris"]
    assert world.state() == PENDING


def test_folder_missing_with_two_succeeded_jobs_tells_of_paths_that_do_not_agree() -> None:
    jobs = [job("first", status=SUCCEEDED, age=90), job("second", status=SUCCEEDED, attempt="2")]
    world = World(node_models(entry()), jobs)
    assert world.launched == []
    assert world.state() == ERROR
    assert world.told()["reason"] == "PathMismatch"
    assert "hostPath" in world.told()["message"]


@pytest.mark.parametrize("status", [None, known(PENDING), known(DOWNLOADING), known(ERROR)])
def test_folder_there_in_another_state_without_a_job_launches_one(status: Object | None) -> None:
    world = World(node_models(entry(), status=status), disk=disk({KEY: unmarked()}))
    assert world.launched == ["iris"]


@pytest.mark.parametrize("status", [None, known(PENDING), known(DOWNLOADING), known(ERROR)])
@pytest.mark.parametrize(
    ("of_job", "state"), [(RUNNING, DOWNLOADING), (QUEUED, PENDING), (SUCCEEDED, DOWNLOADED), (gave_up(), ERROR)]
)
def test_folder_there_in_another_state_goes_by_the_newest_job(
    status: Object | None, of_job: Object, state: str
) -> None:
    jobs = [job("old", status=gave_up(500), age=600), job("new", status=of_job)]
    world = World(node_models(entry(), status=status), jobs, disk({KEY: unmarked()}))
    assert world.state() == state
    assert world.launched == []


def test_folder_there_and_downloaded_stays_without_a_job() -> None:
    world = World(node_models(entry(), status=known(DOWNLOADED)), disk=disk({KEY: unmarked()}))
    assert world.launched == []
    assert world.state() == DOWNLOADED


def test_folder_that_a_download_marked_whole_is_downloaded_whatever_was_known() -> None:
    world = World(node_models(entry()), disk=disk({KEY: whole()}))
    assert world.launched == []
    assert world.state() == DOWNLOADED
    assert world.told() | {"attempts": 0} == {
        "downloadedBytes": 1000,
        "totalBytes": 1000,
        "percent": 100,
        "completionTime": "2026-01-01T11:59:40Z",
        "attempts": 0,
    }


def test_folder_of_a_downloader_that_marks_nothing_is_marked_by_the_agent() -> None:
    world = World(node_models(entry()), [job(status=SUCCEEDED)], disk({KEY: unmarked()}))
    assert world.decide().effects == (Adopt(KEY),)


@pytest.mark.parametrize("content", [Content.BROKEN, Content.UNFINISHED])
def test_folder_that_lost_a_file_is_downloaded_again(content: Content) -> None:
    broken = Folder(content, 500, problem="model.bin is missing")
    world = World(node_models(entry(), status=known(DOWNLOADED)), [job(status=SUCCEEDED)], disk({KEY: broken}))
    assert world.launched == ["iris"]
    again = World(node_models(entry()), [job(status=SUCCEEDED), job("b", status=SUCCEEDED)], disk({KEY: broken}))
    assert (again.launched, again.state(), again.told()["message"]) == ([], ERROR, "model.bin is missing")


def test_half_written_folder_does_not_count_as_there() -> None:
    half = Folder(Content.UNFINISHED, 500)
    assert World(node_models(entry(), status=known(DOWNLOADED)), disk=disk({KEY: half})).launched == ["iris"]


def test_unreferenced_folder_is_removed() -> None:
    stray = storage_key("https://models.example.com/old")
    world = World(node_models(entry()), disk=disk({KEY: whole(), stray: unmarked()}))
    assert world.decide().effects == (Remove(stray), EmptyRubbish())


def test_file_with_the_name_of_a_folder_is_left_alone() -> None:
    strange = Folder(Content.STRANGE, problem=f"/mnt/models/models/{KEY} is not a folder; it was left alone")
    unlisted = World(node_models(), disk=disk({KEY: strange}))
    assert unlisted.decide().effects == ()
    listed = World(node_models(entry()), disk=disk({KEY: strange}))
    assert (listed.state(), listed.launched, listed.told()["reason"]) == (ERROR, [], "FolderUnusable")


def test_jobs_of_dropped_models_are_deleted_and_others_left_alone() -> None:
    jobs = [
        job("dropped", model="old"),
        job("other-namespace", namespace="team"),
        job("unlabelled", model=None),
        job("mine", status=RUNNING),
    ]
    outcome = World(node_models(entry()), jobs).decide()
    assert [reference.name for reference in outcome.delete] == ["dropped", "other-namespace"]
    assert outcome.complete is False


def test_jobs_for_an_earlier_uri_of_the_same_name_are_deleted_and_decide_nothing() -> None:
    earlier = job("earlier", status=SUCCEEDED, folder=storage_key("https://models.example.com/before"))
    world = World(node_models(entry()), [earlier])
    assert [reference.name for reference in world.decide().delete] == ["earlier"]
    assert world.launched == ["iris"]


def test_two_models_of_one_uri_share_a_folder_and_a_result() -> None:
    world = World(node_models(entry(), entry(namespace="team"), entry("other")))
    assert world.launched == ["iris"]
    status = world.decide().status
    assert status is not None
    assert status["modelStatus"] == {"iris": PENDING, "team/iris": PENDING, "other": PENDING}


def test_jobs_of_a_namespaced_model_decide_nothing_for_its_namesake_of_the_cluster() -> None:
    world = World(
        node_models(entry(), entry(uri=f"{URI}/2", namespace="team")), [job(namespace="team", status=RUNNING)]
    )
    assert world.state("team/iris") == DOWNLOADING
    assert world.state() == PENDING
    assert world.launched == ["iris"]


def test_status_has_exactly_the_listed_models_and_keeps_what_others_wrote() -> None:
    before = {**known(DOWNLOADED, "dropped"), "future": 1}
    status = World(node_models(entry(), status=before)).decide().status
    assert status is not None
    assert (list(status["modelStatus"]), list(status["models"])) == (["iris"], ["iris"])
    assert status["future"] == 1
    assert status["observedGeneration"] == 3


def test_disk_read_error_says_so_and_touches_nothing() -> None:
    problem = "failed to ensure model root folder: Permission denied (/mnt/models)"
    outcome = World(
        node_models(entry(), status=known(DOWNLOADED)), [job(model="dropped")], disk(problem=problem)
    ).decide()
    assert (outcome.desired, outcome.delete, outcome.effects) == ((), (), ())
    assert outcome.status is not None
    assert outcome.status["modelStatus"] == {"iris": DOWNLOADED}
    condition = outcome.status["conditions"][0]
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", "DiskUnusable", problem)
    assert outcome.requeue_after == 10


def test_read_error_of_one_folder_is_that_models_error_only() -> None:
    strange = Folder(Content.STRANGE, problem="/mnt/models/models/x cannot be read: Permission denied")
    other = entry("other", "https://models.example.com/other")
    world = World(node_models(entry(), other), disk=disk({KEY: strange}))
    assert (world.state(), world.state("other")) == (ERROR, PENDING)
    assert world.launched == ["other"]


def test_other_nodes_object_is_ignored() -> None:
    outcome = World(node_models(entry(), name="worker-2")).decide()
    assert (outcome.desired, outcome.status, outcome.effects, outcome.requeue_after) == ((), None, (), None)


def test_period_comes_from_the_configuration() -> None:
    settled = World(node_models(entry()), disk=disk({KEY: whole()}))
    assert settled.decide().requeue_after == 60
    settled.config = config_map(reconcilationFrequencyInSecs=5)
    assert settled.decide().requeue_after == 5


def test_failed_download_is_tried_again_after_a_wait_that_grows() -> None:
    waits = []
    for attempt in range(1, 12):
        failed = job(status=gave_up(0), attempt=str(attempt))
        world = World(node_models(entry()), [failed])
        told = world.told()
        world.now = NOW + timedelta(hours=1)
        assert world.launched == ["iris"]
        assert world.told()["attempts"] == attempt + 1
        waits.append(told["nextAttemptTime"])
    assert waits[:6] == sorted(waits[:6])
    assert "2026-01-01T12:00:24Z" <= waits[0] <= "2026-01-01T12:00:36Z"
    assert waits[-1] <= "2026-01-01T12:36:00Z"


def test_failed_jobs_that_are_gone_leave_their_wait_behind() -> None:
    status = known(
        ERROR, reason="DownloadFailed", message="no route", attempts=2, nextAttemptTime="2026-01-01T12:05:00Z"
    )
    world = World(node_models(entry(), status=status))
    assert world.launched == []
    assert world.told() == status["models"]["iris"]
    world.now = NOW + timedelta(minutes=5)
    assert world.launched == ["iris"]
    assert metadata.annotations(world.decide().desired[0])["localmodel.kserve.io/attempt"] == "3"


def test_job_that_still_tries_again_is_an_error_as_in_kserve_but_launches_nothing() -> None:
    world = World(
        node_models(entry()), [job(status={"failed": 2, "active": 1, "ready": 1})], now=NOW + timedelta(days=1)
    )
    assert (world.state(), world.launched) == (ERROR, [])
    assert "a pod of Job kserve-localmodel-jobs/first failed (2 so far)" in world.told()["message"]


def test_without_configuration_nothing_is_done() -> None:
    world = World(node_models(entry()), disk=disk({storage_key("x"): unmarked()}))
    world.config = {**world.config, "metadata": {"name": "another", "namespace": "kserve"}}
    outcome = world.decide()
    assert outcome.terminal_error == (
        "ConfigMap kserve/inferenceservice-config does not exist; nothing is downloaded or removed without it"
    )
    assert (outcome.desired, outcome.effects, outcome.status) == ((), (), None)


def test_settled_world_changes_nothing() -> None:
    world = World(node_models(entry()), disk=disk({KEY: whole()}))
    first = world.decide()
    world.node["status"] = first.status
    world.now = NOW + timedelta(hours=1)
    again = world.decide()
    assert again.status == first.status
    assert (again.desired, again.delete, again.effects, again.events) == ((), (), (), ())
