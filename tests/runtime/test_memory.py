"""What a long-running process asks of the allocator, seen in a process of its own."""

import ctypes
import platform
import subprocess
import sys

import pytest

from kservectl.runtime import memory


class _MallInfo(ctypes.Structure):
    """`struct mallinfo2`; `hblks` counts the blocks that are mapped by themselves."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def _mapped() -> int:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    return int(mallinfo().hblks)


def _is_buffer_mapped_after_a_larger_one_was_freed() -> bool:
    larger = bytearray(4 * 1024 * 1024)
    del larger
    before = _mapped()
    buffer = bytearray(256 * 1024)
    return _mapped() > before and bool(buffer)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such limit")
@pytest.mark.parametrize("asked", [True, False])
def test_a_connections_buffer_goes_back_to_the_system_if_asked_for(asked: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-m", __name__, *["asked"] * asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(asked)]


def test_a_c_library_without_the_limit_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert not memory.return_large_blocks()


if __name__ == "__main__":
    if "asked" in sys.argv:
        memory.return_large_blocks()
    print(_is_buffer_mapped_after_a_larger_one_was_freed())
