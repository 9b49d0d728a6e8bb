"""Clips as their authors wrote them, where a folder with some lies beside the clone: rates, sizes, soles, headings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlkit.motion.clip import Clip
from rlkit.motion.readers import read_all
from rlkit.motion.skeleton import SkeletonMotion

CLIPS = Path(__file__).resolve().parents[4] / "shared" / "motions"
pytestmark = pytest.mark.skipif(not CLIPS.is_dir(), reason="no folder of clips beside the clone")


def one(path: str) -> Clip | SkeletonMotion:
    reading = read_all(CLIPS / path)
    assert len(reading.motions) == 1
    return reading.motions[0]


@pytest.mark.parametrize(
    ("path", "frames", "rate", "loop", "speed", "lowest"),
    [
        ("deepmimic/humanoid3d_walk.txt", 39, 30, True, 0.98, 0.06),
        ("deepmimic/humanoid3d_run.txt", 25, 30, True, 3.6, 0.0),
        ("isaacgymenvs_amp/amp_humanoid_walk.npy", 77, 30, False, 1.5, 0.0),
        ("isaacgymenvs_amp/amp_humanoid_run.npy", 41, 30, False, 3.5, 0.0),
        ("cmu/11_01.amc", 597, 120, False, 0.6, 0.02),
    ],
)
def test_people(path: str, frames: int, rate: float, loop: bool, speed: float, lowest: float) -> None:
    found = one(path)
    assert isinstance(found, SkeletonMotion)
    assert (len(found.pos), round(found.fps), found.loop) == (frames, rate, loop)
    way = found.pos[-1, 0, :2] - found.pos[0, 0, :2]
    assert np.linalg.norm(way) / found.duration == pytest.approx(speed, abs=0.1)
    assert found.pos[..., 2].min() == pytest.approx(lowest, abs=0.02)
    assert 1.2 < found.pos[..., 2].max() < 2.0
    # they walk where they face: the root's x axis, seen from above
    w, x, y, z = found.quat[:, 0].mean(0)
    facing = np.array([1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z)])
    assert facing @ way / np.linalg.norm(way) / np.linalg.norm(facing) > 0.9


def test_locomujocos_h1_walks_with_its_feet_on_the_ground() -> None:
    found = one("loco_mujoco_h1/02-constspeed_UnitreeH1.npz")
    assert isinstance(found, Clip)
    assert (found.entry.robot, found.entry.frames, found.entry.fps) == ("h1", 500, 500.0)
    assert np.linalg.norm(found.root_pos[-1, :2] - found.root_pos[0, :2]) == pytest.approx(1.28, abs=0.02)
    assert found.root_pos[:, 2].min() > 0.95
