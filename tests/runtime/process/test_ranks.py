"""The place of a process among several, as launchers tell it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlkit.runtime.process import ranks as launcher
from rlkit.runtime.process.ranks import Ranks

ROOT = Path(__file__).resolve().parents[3]
PLACE = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE")


def test_a_process_without_a_launcher_is_alone_and_leads(monkeypatch):
    for name in PLACE:
        monkeypatch.delenv(name, raising=False)
    alone = launcher.from_environment()
    assert alone == Ranks(rank=0, local_rank=0, size=1, local_size=1)
    assert alone.leads
    assert alone.any(True)
    assert not alone.any(False)
    assert alone.any_of(False, True) == (False, True)
    assert alone.agree(7, Path("a.pth")) == (7, Path("a.pth"))


def test_the_launcher_names_the_place(monkeypatch):
    for name, value in zip(PLACE, "5184"):
        monkeypatch.setenv(name, value)
    place = launcher.from_environment()
    assert place == Ranks(rank=5, local_rank=1, size=8, local_size=4)
    assert not place.leads


@pytest.mark.parametrize(("cores", "local_size", "threads"), [(8, 1, 8), (8, 3, 2), (2, 4, 1)])
def test_ranks_of_one_machine_share_its_cores(cores, local_size, threads):
    assert Ranks(size=local_size, local_size=local_size).threads(cores) == threads


def test_each_rank_takes_the_gpu_of_its_local_rank():
    assert Ranks(rank=5, local_rank=1, size=8).device("cuda:0") == "cuda:1"
    assert Ranks(rank=5, local_rank=1, size=8).device("cpu") == "cpu"
    assert Ranks().device("cuda:3") == "cuda:3"


# An optimiser's first step imports parts of torch that keep the process group that they find.
LEAVE = """
import os
import torch
from rlkit.runtime.process.group import joined
from rlkit.runtime.process.ranks import Ranks

def threads():
    return {open(f"/proc/self/task/{id}/comm").read().strip() for id in os.listdir("/proc/self/task")}

alone = threads()
ranks = Ranks(size=2)  # joins as one of two; the launcher's WORLD_SIZE says that nobody else is to be met
with joined(ranks, "cpu"):
    weight = torch.zeros(1, requires_grad=True)
    weight.grad = torch.ones(1)
    torch.optim.Adam([weight]).step()
    assert ranks.any(True)
    inside = threads() - alone
print(bool(inside), sorted(threads() - alone))
"""


@pytest.mark.slow
def test_no_thread_of_the_process_group_outlives_it():
    """One that does may let go of a tensor while Python is ending, which aborts the process."""
    place = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    done = subprocess.run(
        [sys.executable, "-c", LEAVE],
        env={**os.environ, **place},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("True []\n", 0), done.stderr
