"""task.motion: clips that are not there, of another robot or no clips at all are refused with what would do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.sims.facts import USABLE

CPU = Machine(cores=4, simulators=frozenset(USABLE))


def composed(*words):
    return compose(["task=TrackMotion", *words], machine=CPU)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("motion=h1/wlak", "there is no motion h1/wlak; did you mean h1/walk?"),
        ("motion=null", "task.motion=null: there is nothing to follow"),
        ("task.robot=g1 motion=h1/walk", "its clips are of h1, and task.robot=g1; write task.robot=h1"),
        ("task.anchor=pelvs", "task.anchor=pelvs: the Unitree H1 has no body pelvs; did you mean pelvis?"),
        ("task.trackedBodies=[pelvis,torso_lnk]", "has no body torso_lnk; did you mean torso_link?"),
        ("task.targets=[]", "task.targets"),
        ("task.widths.root_pos=1", "did you mean task.widths.root_pose"),
        ("mtion=h1/walk", "did you mean task.motion=h1/walk?"),
    ],
)
def test_what_cannot_be_followed_is_refused(words, message):
    with pytest.raises(ConfigError) as refused:
        composed(*words.split())
    assert message in str(refused.value)


def test_a_file_that_is_no_clip_is_refused(tmp_path):
    path = tmp_path / "walk.npz"
    path.write_bytes(b"not a zip")
    with pytest.raises(ConfigError, match=r"walk\.npz is torn or no clip"):
        composed(f"motion={path}")


def test_the_shipped_clip_of_the_task_fits_its_robot():
    assert composed().task["motion"] == "h1/walk"
    assert compose(["task=Steering"], machine=CPU).task["motion"] is None


@pytest.mark.slow
def test_clips_are_checked_without_numpy_and_torch():
    code = (
        "import sys; from rlkit.config import compose; compose(['task=TrackMotion', 'device=cpu']);"
        "print(sorted({'numpy', 'torch', 'mujoco'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
