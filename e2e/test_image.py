"""The image: its manager, as the image's user on a read-only root, makes a service Ready."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.api import Api, condition
from e2e.image import Image, mounted, readable_by
from e2e.manager import ManagerProcess
from e2e.process import PROJECT
from e2e.services import service
from kservectl.api.kinds import INFERENCE_SERVICE
from kservectl.manifests import manager as manifest

pytestmark = [pytest.mark.image, pytest.mark.timeout(300)]

_MEGABYTES = 230


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with mounted(Path(os.environ.get("IMAGE_FOLDER") or PROJECT / ".image")) as found:
        yield found


def test_image_is_small_and_has_no_shell(image: Image) -> None:
    files = [path for path in image.root.rglob("*") if not path.is_symlink() and path.is_file()]
    assert sum(path.stat().st_size for path in files) < _MEGABYTES * 2**20
    programs = [path for path in files if path.stat().st_mode & 0o111]
    assert not {"sh", "bash", "dash", "busybox", "pip", "apt", "dpkg"} & {path.name for path in programs}
    assert not [path for path in files if path.stat().st_mode & 0o6000], "set-user-id programs"


def test_image_runs_as_the_user_and_with_the_command_of_the_deployment(image: Image, tmp_path: Path) -> None:
    pod = manifest.deployment()["spec"]["template"]["spec"]
    assert image.user == f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    (container,) = pod["containers"]
    path = next(each for each in image.config["Env"] if each.startswith("PATH="))
    assert container["command"] == ["python", *image.entry_point[1:]]
    assert path.removeprefix("PATH=").split(":")[0] == str(Path(image.entry_point[0]).parent)
    done = image.run(tmp_path, *image.entry_point, "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "kservectl,"), done.stderr


def test_nothing_can_be_written_but_in_tmp(image: Image, tmp_path: Path) -> None:
    script = "import sys; open(sys.argv[1], 'w').write('x')"
    for place in ("/x", "/opt/kservectl/x", "/etc/x"):
        refused = image.run(tmp_path, image.entry_point[0], "-c", script, place)
        assert "Read-only file system" in refused.stderr
    assert image.run(tmp_path, image.entry_point[0], "-c", script, "/tmp/x").returncode == 0


def users(pid: int) -> set[str]:
    """The user ids of a process: real, effective, saved, of the file system."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = (line.split()[1:] for line in status if line.startswith("Uid:"))
    return set(found)


async def test_manager_of_the_image_makes_a_service_ready(
    image: Image, api: Api, namespace: str, manager_kubeconfig: Path, tmp_path: Path
) -> None:
    kubeconfig = readable_by(image, manager_kubeconfig, tmp_path / "kubeconfig")
    program = image.command(kubeconfig.parent, *image.entry_point)
    running = ManagerProcess(Path("/mnt") / kubeconfig.name, tmp_path / "manager.log", program=program)
    running.start()
    try:
        running.wait_ready(60)
        await api.create(INFERENCE_SERVICE, service("iris", namespace))
        await api.until(
            INFERENCE_SERVICE,
            "iris",
            namespace,
            lambda found: condition(found, "Ready").get("status") == "True",
            "it is Ready",
            seconds=60,
        )
        assert users(running.pid) == {image.user.partition(":")[0]}
        assert running.terminate() == 0
    finally:
        running.stop()
