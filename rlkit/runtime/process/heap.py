"""Memory that a process frees stays its own, so that the next tensor of the size needs no new pages.

By itself glibc gives the top of its heap back once some 25 MB of it are free. A gradient step of wide networks
takes and frees more than that each time, and every page of it is then zeroed and mapped anew.
"""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of parameters, in glibc's malloc.h
# Bytes that are free at the top of the heap before any are given back: the most that it takes
_KEEP = 2**31 - 1
# Bytes up to which a tensor comes from the heap; older glibc take no more than the latter
_FROM_HEAP = (2**28, 2**25)


def keep_freed_memory() -> bool:
    """Whether freed memory is kept from now on: on Linux with glibc, unless the user has set its malloc up."""
    if sys.platform != "linux" or _set_by_user():
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEEP)) and any(
        mallopt(_MMAP_THRESHOLD, size) for size in _FROM_HEAP
    )


def _set_by_user() -> bool:
    return "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(
        f"MALLOC_{name}_" in os.environ for name in ("TRIM_THRESHOLD", "MMAP_THRESHOLD", "TOP_PAD")
    )
