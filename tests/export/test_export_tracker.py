"""An exported tracker is enough: its files and numpy alone give the env's observation, action and joint targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from pages import ROOT, Page
from test_export import make_run, request

from rlkit.env.task_env import TaskEnv
from rlkit.export.export import export
from rlkit.motion.clip import make_clip, write_clip
from rlkit.motion.collection import resolve
from rlkit.motion.pack import load_clips
from rlkit.motion.robots import find_robot
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.tasks.robots.h1 import H1
from rlkit.tasks.track_motion import TrackMotion

pytestmark = pytest.mark.slow

MOMENT = 1.23  # s: between two frames, behind the end of a cycle
EVERY_TERM = [
    "pelvis_height", "pelvis_gravity", "pelvis_lin_vel", "pelvis_ang_vel", "joint_pos_rel", "joint_vel", "prev_actions",
    *TrackMotion.of_reference,
]  # fmt: skip


def clips(folder: Path) -> Path:
    """A bow of 2 s, and a loop of 0.5 s that goes on by 0.3 m and turns by 0.4 rad."""
    folder.mkdir()
    robot, fps = find_robot("h1"), 30.0
    for name, frames, loop in (("bow", 61, False), ("round", 16, True)):
        time = np.arange(frames) / fps
        yaw = 0.8 * time if loop else 0.0 * time
        pos = np.stack((0.6 * np.sin(yaw), 0.6 - 0.6 * np.cos(yaw), 0.95 + 0.0 * time), axis=-1)
        if not loop:
            pos[:, 0] += 0.2 * np.sin(3.0 * time)
        lean = 0.0 * time if loop else 0.3 * time
        half = np.stack((np.cos(lean / 2), 0 * lean, np.sin(lean / 2), 0 * lean), axis=-1)
        quat = half if not loop else np.stack((np.cos(yaw / 2), 0 * yaw, 0 * yaw, np.sin(yaw / 2)), axis=-1)
        wave = np.sin(4 * np.pi * time)[:, None] if loop else np.sin(time)[:, None]
        joints = np.array(H1.stance) + 0.2 * wave * np.linspace(0.5, 1.0, 19)
        made = make_clip(
            robot, pos, quat, joints, fps=fps, loop=loop, source="by hand", licence="none", name=name
        )
        write_clip(folder / f"{name}.npz", made)
    return folder


def robot_of(task: TrackMotion, env: int) -> dict[str, np.ndarray]:
    """What a robot's sensors and its estimator would tell."""
    state, anchor = task.state, task.anchor
    told = {
        "pos": state.root_pos, "quat": state.root_quat, "lin_vel": state.root_lin_vel, "ang_vel": state.root_ang_vel,
        "joint_pos": state.joint_pos, "joint_vel": state.joint_vel,
        "anchor_pos": state.body_pos[:, anchor], "anchor_quat": state.body_quat[:, anchor],
    }  # fmt: skip
    return {name: values[env].double().numpy() for name, values in told.items()}


def code_of_the_page() -> str:
    (code,) = [code for code in Page(ROOT / "docs" / "tracking.md").blocks("python") if "def observe" in code]
    return code


@pytest.mark.parametrize("mode", ["absolute", "residual"])
def test_files_and_numpy_give_what_the_policy_sees_and_what_its_action_means(tmp_path, mode) -> None:
    """By the lines of docs/tracking.md, of a clip, of a loop that turns in its third cycle, and of their images."""
    words = [
        f"motion={clips(tmp_path / 'clips')}",
        "train.units=[8]",
        "task.mirrored=true",
        f"task.action.mode={mode}",
    ]
    if mode == "residual":
        words += ["task.anchor=torso_link", f"task.observations=[{','.join(EVERY_TERM)}]"]
    make_run(tmp_path, *words, task="TrackMotion")
    asked = request(tmp_path, formats=("onnx",), out=tmp_path / "export")
    export(asked)
    env = build_env(asked.experiment, Ranks())
    assert isinstance(env, TaskEnv) and isinstance(env.task, TrackMotion)
    task = env.task
    env.reset()
    generator = torch.Generator().manual_seed(5)
    for _ in range(5):
        env.step(torch.rand(4, 19, generator=generator) * 2 - 1)
    task.clip[:] = torch.arange(4)
    task.clip_time[:] = MOMENT
    task.refresh()
    seen = torch.cat([term() for term in task.observation_terms.values()], dim=-1).numpy()

    given: dict[str, Any] = {}
    exec(code_of_the_page(), given)
    assert [clip["name"] for clip in given["clips"]] == list(task.library.names)
    session = onnxruntime.InferenceSession("export/policy.onnx", providers=["CPUExecutionProvider"])

    def act(obs: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(["actions"], {"obs": obs})[0])

    last = task.last_actions.numpy().copy()
    reckoned = np.stack([given["observe"](k, MOMENT, robot_of(task, k), last[k]) for k in range(4)])
    assert np.abs(reckoned - seen).max() < 1e-4
    actions = act(reckoned)
    assert np.abs(actions - act(seen)).max() < 1e-3
    assert np.abs(actions).min() < 0.9 < np.abs(actions).max()
    targets = np.stack([given["joint_targets"](k, MOMENT, actions[k]) for k in range(4)])
    assert np.abs(targets - task.controls(torch.from_numpy(actions)).numpy()).max() < 1e-4
    env.close()


def test_metadata_say_clips_phase_anchor_and_rate_and_the_clips_are_clips(tmp_path) -> None:
    make_run(tmp_path, "motion=h1/walk", "train.units=[8]", task="TrackMotion")
    folder = export(request(tmp_path, formats=("torchscript",)))
    facts = json.loads((folder / "policy.json").read_text())
    reference = facts["control"]["reference"]
    (walk,) = load_clips(resolve("h1/walk"))
    assert reference["clips"] == [
        {"name": "walk", "fps": walk.entry.fps, "duration": pytest.approx(walk.entry.duration), "loop": True}
    ]
    assert (reference["anchor"], reference["mode"], facts["control_period"]) == ("pelvis", "absolute", 0.02)
    assert reference["targets"] == [0.02, 0.04, 0.16] and "t = 0 s" in reference["phase"]
    terms = {term["name"]: term for term in facts["observations"]}
    assert [terms[name]["size"] for name in reference["observations"]] == [27, 57, 3, 19]
    assert terms["target_root"]["meaning"].endswith(
        "how it will be turned (two columns of its rotation matrix)."
    )
    assert set(facts["files"]) == {"policy.pt", "clips.npz"}
    (again,) = load_clips(resolve(str(folder / "clips.npz")))
    np.testing.assert_allclose(again.joint_pos, walk.joint_pos, atol=1e-7)
    assert again.entry == walk.entry
