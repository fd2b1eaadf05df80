import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from kservectl.admission.certificates import Pair, make_ca, make_serving
from kservectl.admission.mounted import MountedCertificate
from kservectl.admission.tls import ServingCertificate
from tests.admission.serving import NAMES
from tests.fake_clock import FakeClock, eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CA = make_ca(NOW)


def pair() -> Pair:
    return make_serving(CA, NAMES, NOW)


def put(folder: Path, new: Pair) -> None:
    """Replace the files as a kubelet does: a new folder, and a link moved over to it."""
    version = folder / f"..{len(list(folder.iterdir()))}"
    version.mkdir()
    (version / "tls.crt").write_bytes(new.certificate)
    (version / "tls.key").write_bytes(new.key)
    link = folder / "..next"
    link.symlink_to(version.name)
    link.replace(folder / "..data")
    for name in ("tls.crt", "tls.key"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


async def test_files_are_loaded_and_loaded_again_when_they_change(tmp_path: Path) -> None:
    first, second = pair(), pair()
    certificate, clock = ServingCertificate(), FakeClock()
    put(tmp_path, first)
    task = asyncio.create_task(MountedCertificate(tmp_path, certificate, clock=clock).run())
    await eventually(lambda: certificate.shown == first.certificate and clock.next_timer is not None)
    put(tmp_path, second)
    await clock.advance(10)
    await eventually(lambda: certificate.shown == second.certificate)
    task.cancel()
    assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


async def test_unchanged_files_are_not_read_again(tmp_path: Path) -> None:
    put(tmp_path, pair())
    certificate = ServingCertificate()
    mounted = MountedCertificate(tmp_path, certificate, clock=FakeClock())
    await mounted.look()
    before = certificate.shown
    folder = (tmp_path / "..data").resolve()
    kept = (folder / "tls.crt").stat()
    (folder / "tls.crt").write_bytes((folder / "tls.crt").read_bytes()[:-1] + b"x")
    os.utime(folder / "tls.crt", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    await mounted.look()
    assert certificate.shown == before


@pytest.mark.parametrize("broken", ["missing", "half", "strangers"])
async def test_files_that_cannot_be_used_are_reported_once_and_tried_again(tmp_path: Path, broken: str) -> None:
    good, other = pair(), pair()
    certificate = ServingCertificate()
    with structlog.testing.capture_logs() as logs:
        mounted = MountedCertificate(tmp_path, certificate, clock=FakeClock())
        if broken == "half":
            put(tmp_path, Pair(good.certificate[:100], good.key))
        elif broken == "strangers":
            put(tmp_path, Pair(good.certificate, other.key))
        await mounted.look()
        await mounted.look()
        assert not certificate.loaded.is_set()
        put(tmp_path, good)
        await mounted.look()
        assert certificate.shown == good.certificate
        put(tmp_path, Pair(b"", b""))
        await mounted.look()
        assert certificate.shown == good.certificate
    assert [entry["log_level"] for entry in logs] == ["error", "info", "error"]
    assert not any("PRIVATE" in str(entry) for entry in logs)
