"""Files of a disk, read below one folder alone."""

from pathlib import Path

import pytest

from kservectl.download.errors import DownloadRefused
from tests.download.files import content, downloader


async def test_a_folder_is_copied_with_all_that_is_in_it(tmp_path: Path) -> None:
    source = tmp_path / "mounts" / "claim" / "iris"
    (source / "1").mkdir(parents=True)
    (source / "model.joblib").write_bytes(b"model")
    (source / "1" / "weights").write_bytes(b"w" * 3_000_000)
    async with downloader(local_root=tmp_path / "mounts") as fetching:
        await fetching.fetch(f"file://{source}", tmp_path / "a")
        await fetching.fetch("pvc://claim/iris", tmp_path / "b")
        await fetching.fetch(f"file://{source}/model.joblib", tmp_path / "c")

    assert content(tmp_path / "a") == {"model.joblib": b"model", "1/weights": b"w" * 3_000_000}
    assert content(tmp_path / "b") == content(tmp_path / "a")
    assert content(tmp_path / "c") == {"model.joblib": b"model"}


@pytest.mark.parametrize("uri", ["file:///etc/hostname", "file://{root}/../secret", "pvc://claim/link", "pvc://none/x"])
async def test_what_is_outside_of_the_folder_or_missing_is_refused(tmp_path: Path, uri: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "mounts" / "claim").mkdir(parents=True)
    (tmp_path / "mounts" / "claim" / "link").symlink_to(tmp_path / "secret")
    async with downloader(local_root=tmp_path / "mounts") as fetching:
        with pytest.raises(DownloadRefused, match=r"is not below|does not exist"):
            await fetching.fetch(uri.format(root=tmp_path / "mounts"), tmp_path / "m")
    assert not (tmp_path / "m").exists()
