"""What a long-running process asks of Python's cycle collector and of the C library's allocator."""

import ctypes
import gc

_COLLECT_SELDOM = (50_000, 20, 100)

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 128 * 1024


def spare_the_collector() -> None:
    """Let the cycle collector look seldom, and never at what was loaded until now.

    Caches hold millions of plain dicts, which reference counting frees; with Python's own thresholds the collector walks
    all of them again and again while they are filled: two thirds of the time of decoding (benchmarks/README.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_SELDOM)


def return_large_blocks() -> bool:
    """Have each block of 128 KiB or more mapped by itself, so that freeing it gives it back to the system.

    glibc begins like this, but raises its limit to the size of the largest such block that was freed (mallopt(3),
    M_MMAP_THRESHOLD). A TLS connection reads into a buffer of 256 KiB: these came to lie among small blocks that live on, and
    memory grew with connections that came and went (benchmarks/README.md, `churn`). Answers whether the C library took the
    limit; musl and macOS have none.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES))
