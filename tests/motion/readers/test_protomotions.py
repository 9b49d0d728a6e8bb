"""ProtoMotions' files, as torch.save writes them: robots, people, packed files, and tensors that lie."""

from __future__ import annotations

import enum
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from motion_files import HALF, leg

from rlkit.motion.clip import Clip
from rlkit.motion.errors import MotionError
from rlkit.motion.readers import Asked, read_all, read_any
from rlkit.motion.skeleton import SkeletonMotion

XYZW = [0.0, 0.0, HALF, HALF]  # a quarter turn to the left


def content(frames: int, joints: int, bodies: int) -> dict[str, Any]:
    pos = torch.arange(frames * bodies * 3, dtype=torch.float32).reshape(frames, bodies, 3) / 100
    return {
        "fps": 30,
        "dof_pos": torch.arange(frames * joints).reshape(frames, joints) / 10,
        "rigid_body_pos": pos,
        "rigid_body_rot": torch.tensor(XYZW).expand(frames, bodies, 4),
        "rigid_body_contacts": torch.zeros(frames, bodies, dtype=torch.bool),
    }


def saved(path: Path, value: Any) -> Path:
    torch.save(value, path)
    return path


def test_a_motion_of_a_robot_begins_at_its_first_body(tmp_path: Path) -> None:
    found = read_any(saved(tmp_path / "a.motion", content(2, 3, 5)), robot=leg(tmp_path))
    assert isinstance(found, Clip)
    assert found.entry.fps == 30.0
    np.testing.assert_allclose(found.root_pos, [[0, 0.01, 0.02], [0.15, 0.16, 0.17]], atol=1e-6)
    np.testing.assert_allclose(found.root_quat[0], [HALF, 0, 0, HALF], atol=1e-6)
    np.testing.assert_allclose(found.joint_pos[1], [0.3, 0.4, 0.5], atol=1e-6)


def test_a_class_of_theirs_is_not_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("their_states")
    state = enum.Enum("StateConversion", {"COMMON": "common"}, module="their_states")
    module.StateConversion = state  # type: ignore[attr-defined]
    with monkeypatch.context() as there:
        there.setitem(sys.modules, "their_states", module)
        path = saved(tmp_path / "a.motion", {"state_conversion": state["COMMON"], **content(2, 3, 5)})
    assert "their_states" not in sys.modules
    found = read_any(path, robot=leg(tmp_path))
    assert isinstance(found, Clip)
    assert found.entry.frames == 2


def test_a_person_of_smpls_bodies_is_a_skeleton(tmp_path: Path) -> None:
    found = read_any(saved(tmp_path / "a.motion", content(2, 69, 24)), fps=60.0)
    assert isinstance(found, SkeletonMotion)
    assert found.fps == 60.0
    above = {name: found.names[parent] for name, parent in zip(found.names, found.parents) if parent >= 0}
    assert above["L_Knee"] == "L_Hip"
    assert above["R_Thorax"] == above["Neck"] == "Chest"
    assert found.names[0] == "Pelvis" and found.names[23] == "R_Hand"
    np.testing.assert_allclose(found.pos[1, 23], [1.41, 1.42, 1.43], atol=1e-6)
    np.testing.assert_allclose(found.quat[0, 3], [HALF, 0, 0, HALF], atol=1e-6)


@pytest.mark.parametrize(
    ("bodies", "last", "above"), [(52, "R_Thumb3", "R_Thumb2"), (23, "LeftToeBase", "LeftFoot")]
)
def test_other_people_are_known_by_their_bodies(tmp_path: Path, bodies: int, last: str, above: str) -> None:
    found = read_any(saved(tmp_path / "a.motion", content(2, 3 * (bodies - 1), bodies)))
    assert isinstance(found, SkeletonMotion)
    assert (len(found.names), found.names[-1], found.names[found.parents[-1]]) == (bodies, last, above)


def packed(**others: Any) -> dict[str, Any]:
    one = content(5, 3, 2)
    return {
        "dps": one["dof_pos"],
        "gts": one["rigid_body_pos"],
        "grs": one["rigid_body_rot"],
        "length_starts": torch.tensor([0, 2]),
        "motion_num_frames": torch.tensor([2, 3]),
        "motion_dt": torch.tensor([0.05, 0.02]),
        "motion_files": ("sets/walk.motion", "sets/run.motion"),
        **others,
    }


def test_a_packed_file_gives_its_clips(tmp_path: Path) -> None:
    reading = read_all(saved(tmp_path / "all.pt", packed()), Asked(robot=leg(tmp_path)))
    walk, run = (motion for motion in reading.motions if isinstance(motion, Clip))
    assert (walk.name, walk.entry.frames, walk.entry.fps) == ("walk", 2, pytest.approx(20.0))
    assert (run.name, run.entry.frames, run.entry.fps) == ("run", 3, pytest.approx(50.0))
    np.testing.assert_allclose(run.joint_pos[0], [0.6, 0.7, 0.8], atol=1e-6)
    with pytest.raises(MotionError, match="holds 2 motions"):
        read_any(tmp_path / "all.pt", robot=leg(tmp_path))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2], "torch saved a list"),
        ({"model": torch.zeros(2)}, "no motion of ProtoMotions, but another file of torch's"),
        ({**content(2, 3, 5), "rigid_body_rot": torch.zeros(2, 4, 4)}, r"rot \[2, 4, 4\]"),
        ({**content(2, 3, 5), "dof_pos": torch.zeros(3, 3)}, "3 frames of joints and 2 of bodies"),
        ({**content(2, 3, 5), "rigid_body_rot": torch.zeros(2, 5, 4)}, "length 2 or 0, not 1"),
        ({**content(2, 3, 5), "fps": float("nan")}, "frames a second"),
        (packed(length_starts=torch.tensor([0, 9])), "clip 1 has frames 9 to 12 of 5"),
        (packed(length_starts=torch.tensor([0, -2])), "clip 1 has frames -2 to 1 of 5"),
        (packed(motion_dt=torch.tensor([0.1])), "2 starts, 2 lengths and 1 rates"),
        ({**content(2, 3, 5), "dof_pos": torch.zeros(2, 3, dtype=torch.complex64)}, "a tensor of a kind"),
    ],
)
def test_wrong_files_are_told(tmp_path: Path, value: Any, said: str) -> None:
    with pytest.raises(MotionError, match=said):
        read_all(saved(tmp_path / "a.motion", value), Asked(robot=leg(tmp_path)))


def test_a_tensor_cannot_claim_more_than_is_stored(tmp_path: Path) -> None:
    one = torch.zeros(1).expand(2, 1_000_000, 3)  # 4 bytes that say they are six million numbers
    path = saved(tmp_path / "a.motion", {**content(2, 3, 5), "rigid_body_pos": one})
    with pytest.raises(MotionError, match="of a storage of 1"):
        read_all(path, Asked(robot=leg(tmp_path)))
