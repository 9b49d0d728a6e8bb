"""What a process frees it takes again without new pages."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from rlkit.runtime.process.heap import keep_freed_memory

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""),
    reason="glibc's malloc alone is told to keep what is freed",
)

FAULTS = """
from resource import RUSAGE_SELF, getrusage
from rlkit.runtime.process.heap import keep_freed_memory
assert keep_freed_memory()
for _ in range(3):
    before = getrusage(RUSAGE_SELF).ru_minflt
    del [bytearray(b"1") * 40_000_000 for _ in range(2)][:]
    print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


def test_pages_are_mapped_once() -> None:
    run = subprocess.run([sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True)
    first, second, third = map(int, run.stdout.split())
    assert max(second, third) < first / 10  # 80 MB are 19,500 pages of 4 kB


@pytest.mark.parametrize(
    "given",
    [("MALLOC_TRIM_THRESHOLD_", "131072"), ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=65536")],
)
def test_what_the_user_set_up_stays(given: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*given)
    assert not keep_freed_memory()
