"""The built image, run without a container runtime: its root read-only, its user, its environment, nothing else of this machine.

Needs root, for the mounts. Network and processes are those of the machine.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "localhost/kservectl:latest"

# What a kubelet gives a pod whose root is read-only: an emptyDir at /tmp, /proc, /dev, and a mounted folder.
_ENTER = """
set -e
root=$1 mounted=$2
shift 2
mkdir -p "$root/tmp" "$root/proc" "$root/dev" "$root/mnt"
mount --bind "$root" "$root"
mount -t tmpfs -o mode=1777,size=64m tmpfs "$root/tmp"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind "$mounted" "$root/mnt"
mount -o remount,ro,bind "$root/mnt"
mount -o remount,ro,bind "$root"
exec "$@"
"""


@dataclass(frozen=True)
class Image:
    """`root` is its file system; `config` is what the OCI image says of how to run it."""

    root: Path
    config: Mapping[str, Any]

    @property
    def user(self) -> str:
        return str(self.config["User"])

    @property
    def entry_point(self) -> Sequence[str]:
        return tuple(self.config["Entrypoint"])

    def command(self, mounted: Path, *program: str) -> tuple[str, ...]:
        """How to start a program of the image, with the folder `mounted` at /mnt."""
        chroot = shutil.which("chroot")
        assert chroot is not None, "there is no chroot on PATH"
        enter = ("unshare", "--mount", "sh", "-c", _ENTER, "sh", str(self.root), str(mounted))
        # `env` and `chroot` are this machine's; so the image needs neither.
        return (*enter, "env", "-i", *self.config["Env"], chroot, f"--userspec={self.user}", str(self.root), *program)

    def run(self, mounted: Path, *program: str) -> subprocess.CompletedProcess[str]:
        command = self.command(mounted, *program)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def mounted(folder: Path) -> Iterator[Image]:
    """The image in the storage that `image/build` made in `folder`."""
    buildah = ["buildah", f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}", "--storage-driver=vfs"]

    def call(*arguments: str) -> str:
        done = subprocess.run([*buildah, *arguments], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"buildah {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()

    described = json.loads(call("inspect", "--type=image", NAME))
    container = call("from", "--pull-never", NAME)
    try:
        yield Image(Path(call("mount", container)), described["OCIv1"]["config"])
    finally:
        call("rm", container)


def readable_by(image: Image, file: Path, folder: Path) -> Path:
    """A copy of a file in `folder` that the image's user alone may read."""
    user, _, group = image.user.partition(":")
    folder.mkdir()
    copy = folder / file.name
    shutil.copyfile(file, copy)
    copy.chmod(0o400)
    for path in (folder, copy):
        os.chown(path, int(user), int(group))
    return copy
