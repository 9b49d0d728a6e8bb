"""A person becomes a robot: the solver against hand-computed steps, a whole clip, loops, the lock of the feet."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from motion.retargeting.people import person

from rlkit.motion.clip import Clip
from rlkit.motion.errors import MotionError
from rlkit.motion.retargeting import RetargetReport, loops, retarget
from rlkit.motion.retargeting.figure import Figure
from rlkit.motion.retargeting.footlock import locked
from rlkit.motion.retargeting.parts import NEEDED, robot_map, skeleton_map
from rlkit.motion.retargeting.person import person_of
from rlkit.motion.retargeting.rows import Rows
from rlkit.motion.retargeting.solver import DAMPING, least_squares
from rlkit.motion.retargeting.targets import targets_of
from rlkit.motion.robots import ROBOTS, find_robot
from rlkit.rotations import multiply

CLIPS = Path(__file__).resolve().parents[4] / "shared" / "motions"
ARM = """
<mujoco><worldbody><body name="a"><joint name="one" axis="0 0 1" range="-3 3"/><geom size="0.1" mass="1"/>
<body name="b" pos="1 0 0"><joint name="two" axis="0 0 1" range="-3 1.57"/><geom size="0.1" mass="1"/></body>
</body></worldbody><compiler angle="radian" autolimits="true"/></mujoco>
"""


@lru_cache(maxsize=None)
def h1() -> Figure:
    robot = find_robot("h1")
    return Figure(robot, robot_map(robot, "h1"))


@lru_cache(maxsize=None)
def on_h1() -> tuple[Clip, RetargetReport]:
    return retarget(person(), "h1")


def arm(second: float) -> Any:
    model = mujoco.MjModel.from_xml_string(ARM)  # pyright: ignore[reportAttributeAccessIssue]
    data = mujoco.MjData(model)  # pyright: ignore[reportAttributeAccessIssue]
    data.qpos[:] = 0.0, second
    return SimpleNamespace(model=model, data=data, joints=np.array([0, 1]), low=np.array([-3.0, -3.0]),
                           high=np.array([3.0, 1.57]))  # fmt: skip


def test_a_step_of_two_links_is_the_one_reckoned_by_hand() -> None:
    """Both links 1 m, the elbow at a right angle: the tip is at (1, 1) and J = [[-1, -1], [1, 0]]."""
    figure = arm(second=np.pi / 2 - 0.1)
    rows: Any = SimpleNamespace(jacobian=np.array([[-1.0, -1.0], [1.0, 0.0]]), error=np.array([0.01, 0.0]))
    before = figure.data.qpos.copy()
    least_squares(figure, rows)()
    determinant = (2.0 + DAMPING) * (1.0 + DAMPING) - 1.0
    by_hand = np.array([-0.01 * DAMPING, -0.01 * (1.0 + DAMPING)]) / determinant
    np.testing.assert_allclose(figure.data.qpos - before, by_hand, atol=1e-12)


def test_a_step_ends_at_a_limit() -> None:
    figure = arm(second=1.5)
    rows: Any = SimpleNamespace(jacobian=np.array([[1.0, 0.0], [0.0, 1.0]]), error=np.array([0.0, 1.0]))
    least_squares(figure, rows)()
    np.testing.assert_allclose(figure.data.qpos, [0.0, 1.57])


def test_the_rows_change_as_their_jacobian_says() -> None:
    figure, motion = h1(), person()
    targets = targets_of(person_of(motion, skeleton_map(motion.names, None)), figure)
    rows, random = Rows(figure, targets), np.random.default_rng(0)
    model, data = figure.model, figure.data
    data.qpos[:] = figure.zero
    mujoco.mj_integratePos(model, data.qpos, 0.1 * random.normal(size=model.nv), 1.0)  # pyright: ignore[reportAttributeAccessIssue]
    start = data.qpos.copy()
    rows.fill(5)
    jacobian, error = rows.jacobian.copy(), rows.error.copy()
    step = 1e-6 * random.normal(size=model.nv)
    mujoco.mj_integratePos(model, data.qpos, step, 1.0)  # pyright: ignore[reportAttributeAccessIssue]
    rows.fill(5)
    straight = slice(0, 3 * len(targets.pos))
    np.testing.assert_allclose((error - rows.error)[straight], (jacobian @ step)[straight], atol=1e-10)
    assert data.qpos[figure.joints] == pytest.approx(start[figure.joints], abs=1e-4)
    posture = slice(-len(figure.joints), None)
    np.testing.assert_allclose((error - rows.error)[posture], (jacobian @ step)[posture], atol=1e-12)


def test_walking_on_the_spot_comes_out_near_and_within_the_limits() -> None:
    clip, report = on_h1()
    assert report.verdict.kind == "ok", report.verdict.words
    for ankle in ("left_ankle", "right_ankle"):
        assert report.measures.position[ankle].mean() < 0.005
    assert np.abs(report.measures.sole).max() < 0.01
    assert (clip.joint_pos >= h1().low - 1e-6).all() and (clip.joint_pos <= h1().high + 1e-6).all()
    knees = clip.joint_pos[:, [clip.entry.joints.index(f"{side}_knee") for side in ("left", "right")]]
    assert (knees.max(axis=0) > 1.0).all(), (
        "twice 0.7 rad, and somewhat less of what the robot's feet are apart"
    )
    assert knees[:, 0].argmax() == pytest.approx(10, abs=2)
    assert report.measures.skate < 0.02


@pytest.mark.parametrize("name", ROBOTS)
def test_every_robot_has_a_map_and_follows(name: str) -> None:
    _, report = retarget(person(frames=9, fps=6.0, loop=False), name)
    assert report.verdict.kind == "ok", report.verdict.words


def test_a_loop_closes_and_goes_on_as_fast() -> None:
    clip, _ = on_h1()
    np.testing.assert_allclose(clip.joint_pos[-1], clip.joint_pos[0], atol=1e-6)
    np.testing.assert_allclose(clip.root_pos[-1, 2], clip.root_pos[0, 2], atol=1e-6)
    steps = np.diff(clip.joint_pos, axis=0)
    bends = np.abs(np.diff(steps, axis=0)).max()
    assert np.abs(steps[0] - steps[-1]).max() <= bends


def test_a_cycle_that_does_not_meet_its_start_is_spread_to_do_so() -> None:
    motion = person()
    quat, pos = motion.quat.copy(), motion.pos.copy()
    share = np.linspace(0.0, 0.1, len(pos))
    quat[:, 0] = np.stack((np.cos(share / 2), 0 * share, 0 * share, np.sin(share / 2)), axis=-1)
    pos[..., 2] += 0.2 * share[:, None]
    pos[..., 0] += 10.0 * share[:, None]
    closed = loops.closed(replace(motion, pos=pos, quat=quat))
    np.testing.assert_allclose(closed.pos[-1], closed.pos[0] + [1.0, 0.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(closed.quat[-1], closed.quat[0], atol=1e-9)
    twice = loops.repeated(closed, 2)
    assert len(twice.pos) == 2 * (len(pos) - 1) + 1
    np.testing.assert_allclose(twice.pos[-1], closed.pos[0] + [2.0, 0.0, 0.0], atol=1e-9)


def test_a_foot_that_stands_and_slips_is_held() -> None:
    figure, motion = h1(), person(loop=False)
    targets = targets_of(person_of(motion, skeleton_map(motion.names, None)), figure)
    slipping = {
        part: place + np.linspace([0.0] * 3, [0.1, 0.0, 0.0], len(place))
        for part, place in targets.pos.items()
    }
    held = locked(replace(targets, pos=slipping), figure)
    standing = np.flatnonzero(targets.contact["left_ankle"])
    standing = standing[standing > 25]
    assert np.ptp(slipping["left_ankle"][standing, 0]) > 0.02
    assert np.ptp(held.pos["left_ankle"][standing], axis=0).max() < 1e-9
    assert held.pos["left_ankle"][standing, 2] == pytest.approx(
        figure.clearance("left_ankle", np.eye(3)[None])[0]
    )


def test_names_of_another_format_and_turned_joints_come_out_the_same() -> None:
    """BVH's names with a prefix, and each joint's frame turned: y up and z ahead, as most programs have it."""
    motion, (own, _) = person(), on_h1()
    words = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
             "root": "Hips", "chest": "Spine", "neck": "Neck"}  # fmt: skip
    names = []
    for name in motion.names:
        side, _, part = name.rpartition("_")
        names.append(f"mixamorig:{side.title()}{words[part]}")
    frames = torch.tensor([0.5, 0.5, 0.5, 0.5], dtype=torch.float64).expand(*motion.quat.shape)
    turned = multiply(torch.from_numpy(motion.quat), frames).numpy()
    clip, _ = retarget(replace(motion, names=tuple(names), quat=turned), "h1")
    np.testing.assert_allclose(clip.joint_pos, own.joint_pos, atol=1e-4)


def test_a_floor_that_rises_is_taken_away() -> None:
    motion = person(frames=81, loop=False)
    rising = motion.pos + np.linspace([0.0, 0.0, 0.0], [0.0, 0.0, 0.05], 81)[:, None]
    _, report = retarget(replace(motion, pos=rising), "h1")
    assert np.abs(report.measures.sole[10:-10]).max() < 0.01


def test_frames_that_are_all_there_twice_are_left_out() -> None:
    motion = person(loop=False)
    doubled = replace(motion, pos=motion.pos.repeat(2, axis=0), quat=motion.quat.repeat(2, axis=0), fps=60.0)
    clip, _ = retarget(doubled, "h1", foot_lock=False, iterations=1)
    assert (clip.entry.fps, clip.entry.frames) == (30.0, 41)


def test_a_skeleton_robot_or_solver_that_does_not_fit_is_refused_in_words(tmp_path: Path) -> None:
    motion = person()
    strange = replace(motion, names=tuple(f"bone{number}" for number in range(len(motion.names))))
    with pytest.raises(MotionError, match=r"no joint plays pelvis, left_hip.*--map"):
        retarget(strange, "h1")
    named = dict(zip(motion.names, strange.names))
    mapped = {part: named[motion.names[joint]] for part, joint in skeleton_map(motion.names, None).items()}
    assert skeleton_map(strange.names, mapped) == skeleton_map(motion.names, None)
    with pytest.raises(MotionError, match="no solver mnik; did you mean mink"):
        retarget(motion, "h1", solver="mnik")
    file = tmp_path / "mine.yaml"
    (tmp_path / "h1.xml").write_text(find_robot("h1").mjcf)
    parts = {
        part: body for part, (body, _) in robot_map(find_robot("h1"), "h1").parts.items() if part in NEEDED
    }
    rows = "".join(f"    {part}: {body}\n" for part, body in parts.items())
    file.write_text(f"model: h1.xml\nretargeting:\n  parts:\n{rows}")
    clip, _ = retarget(person(frames=9, loop=False), file, iterations=1)
    assert clip.entry.robot == "mine"
    file.write_text(file.read_text().replace("    left_knee: left_knee_link\n", ""))
    with pytest.raises(MotionError, match="no body plays left_knee; perhaps left_knee: left_knee_link"):
        retarget(motion, file)
    file.write_text(file.read_text().replace("right_knee_link", "right_nee_link"))
    with pytest.raises(MotionError):
        retarget(motion, file)


@pytest.mark.skipif(
    importlib.util.find_spec("mink") is None,
    reason="mink is an extra that nothing needs: pip install 'rlkit-robotics[retarget]'",
)
def test_mink_finds_the_same() -> None:
    own, _ = on_h1()
    theirs, _ = retarget(person(), "h1", solver="mink")
    np.testing.assert_allclose(theirs.joint_pos, own.joint_pos, atol=0.02)


@pytest.mark.slow
@pytest.mark.skipif(
    not CLIPS.is_dir(), reason="recorded people may not be shipped with us: they lie beside the clone"
)
@pytest.mark.parametrize(("file", "kind"), [
    ("deepmimic/humanoid3d_walk.txt", "ok"),
    ("deepmimic/humanoid3d_run.txt", "ok"),
    ("deepmimic/humanoid3d_getup_faceup.txt", "refused"),
    ("isaacgymenvs_amp/amp_humanoid_walk.npy", "ok"),
])  # fmt: skip
def test_recorded_people(file: str, kind: str, tmp_path: Path) -> None:
    from rlkit.motion.readers import read_any
    from rlkit.motion.skeleton import SkeletonMotion

    motion = read_any(CLIPS / file)
    assert isinstance(motion, SkeletonMotion)
    clip, report = retarget(motion, "h1")
    assert report.verdict.kind == kind
    if kind == "ok":
        assert max(report.measures.position[ankle].mean() for ankle in ("left_ankle", "right_ankle")) < 0.005
        assert report.skate_before is not None and report.measures.skate < 0.5 * report.skate_before
        assert report.measures.sole.min() > -0.01
    report.picture(tmp_path / "it.png")
    assert (tmp_path / "it.png").stat().st_size > 10_000
    if clip.entry.loop:
        np.testing.assert_allclose(clip.joint_pos[-1], clip.joint_pos[0], atol=1e-6)
