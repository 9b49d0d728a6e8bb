"""A test with a viewer: frames of the env that is looked at, and every wish of the one who looks."""

from __future__ import annotations

import json
from typing import Any, Callable, Sequence

import numpy as np
import pytest
from rich.console import Console

from rlkit.config import compose
from rlkit.media.recording import load
from rlkit.media.viewers import Frame, UserInput, Viewer
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.playing import policy_test as testing
from rlkit.runtime.process.ranks import Ranks
from rlkit.tasks.motion.showing import Chosen, Showing
from rlkit.workspace import Resolved, Run, WorkspaceLimits, open_run

LENGTH = 5


class ScriptedViewer(Viewer):
    """Closes after `frames`; before the step that leads to frame i it wishes what `script[i]` says."""

    def __init__(self, frames: int, script: dict[int, Callable[[ScriptedViewer], UserInput]]) -> None:
        self.frames: list[Frame] = []
        self.offers: list[tuple[Sequence[str], str]] = []
        self._count, self._script = frames, script

    def show(self, frame: Frame) -> None:
        self.frames.append(frame)

    def poll_input(self) -> UserInput:
        wish = self._script.pop(len(self.frames), lambda _: UserInput(self.env))
        return wish(self)

    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None:
        self.offers.append((list(names), playing))

    @property
    def closed(self) -> bool:
        return len(self.frames) >= self._count

    def close(self) -> None:
        self._count = 0


class Stage:
    """A run of BaseTask with two checkpoints, 3 and 9, of different networks, and a test of the first."""

    def __init__(self, root: Any, words: Sequence[str]) -> None:
        line = ["task=BaseTask", "device=cpu", "numEnvs=3", f"task.episodeLength={LENGTH}", "train.units=[4]"]
        line += ["test=true", "checkpoint=x", "testing.recordEnvs=1", *words]
        self.experiment = compose(line)
        self.trained = self._run(root, "train")
        self.tested = self._run(root, "test")
        self.env = build_env(self.experiment, Ranks())
        learners = [build_learner(compose([*line, f"seed={seed}"]), self.env) for seed in (1, 2)]
        for learner, iteration in zip(learners, (3, 9)):
            which = iteration if iteration == 9 else "best"
            state = learner.state(experience=False)
            file = Checkpoint("BaseTask", "ppo", iteration, 0, 1, state, {})
            checkpoints.save(self.trained.checkpoint_path(which), file)
        self.learner = learners[1]

    def _run(self, root: Any, kind: str) -> Run:
        facts: dict[str, Any] = {"config_yaml": "", "command": ["python"], "learner": "ppo", "device": "cpu"}
        return open_run("BaseTask", kind, root=root, settings=WorkspaceLimits(), seed=1, **facts)

    def play(self, viewer: Viewer | None, monkeypatch: pytest.MonkeyPatch) -> testing.PolicyTest:
        monkeypatch.setattr(testing, "viewer_for", lambda *_: viewer)
        path = self.trained.checkpoint_path("best")
        source = Resolved(self.trained.path, path, 3, "the best")
        console = Console(width=120)
        test = testing.PolicyTest(self.experiment, self.env, self.learner, source, self.tested, console)
        assert test.play() is None
        return test

    def close(self) -> None:
        self.env.close()
        self.trained.close()
        self.tested.close()


@pytest.fixture
def stage(tmp_path):
    made: list[Stage] = []

    def make(*words: str) -> Stage:
        made.append(Stage(tmp_path, words))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.slow
def test_frames_are_of_the_steps_of_the_env_that_is_looked_at(stage, monkeypatch):
    viewer = ScriptedViewer(2 * LENGTH, {})
    one = stage()
    test = one.play(viewer, monkeypatch)
    assert [frame.step for frame in viewer.frames] == [*range(1, LENGTH + 1)] * 2
    assert [frame.episode for frame in viewer.frames] == [0] * LENGTH + [1] * LENGTH
    assert viewer.frames[2].time == pytest.approx(3 * one.env.spec.control_period)
    recording = load(one.tested.trajectories / "env00_ep00.npz")
    for t, frame in enumerate(viewer.frames[:LENGTH]):
        np.testing.assert_array_equal(frame.qpos, recording.arrays["qpos"][t + 1])
        assert frame.reward == pytest.approx(recording.arrays["rewards"][t])
        assert frame.total == pytest.approx(recording.arrays["rewards"][: t + 1].sum(), rel=1e-5)
        np.testing.assert_allclose(list(frame.terms.values()), recording.arrays["terms"][t], rtol=1e-6)
        assert list(frame.terms) == recording.header["names"]["reward_terms"]
        assert frame.caption == "iteration 3"
    assert viewer.offers == [(["best", "9"], "best")]
    assert test.results[0]["episodes"] == 3  # the first of each env count, however long one looks on
    assert json.loads(one.tested.results.read_text())["complete"]


@pytest.mark.slow
def test_another_env_can_be_looked_at(stage, monkeypatch):
    def look_at_2(viewer: ScriptedViewer) -> UserInput:
        viewer.env = 2
        return UserInput(2)

    viewer = ScriptedViewer(6, {2: look_at_2})
    one = stage("testing.recordEnvs=3")
    one.play(viewer, monkeypatch)
    assert [frame.env for frame in viewer.frames] == [0, 0, 2, 2, 2, 2]
    recording = load(one.tested.trajectories / "env02_ep00.npz")
    np.testing.assert_array_equal(viewer.frames[2].qpos, recording.arrays["qpos"][3])


@pytest.mark.slow
def test_a_push_moves_the_body_and_stands_in_the_recording(stage, monkeypatch):
    def push(viewer: ScriptedViewer) -> UserInput:
        return UserInput(0, push=("hand_base", 0.0, 0.0, 400.0))

    def tips(words: dict[int, Callable[[ScriptedViewer], UserInput]]) -> tuple[np.ndarray, Any]:
        viewer, one = ScriptedViewer(LENGTH, words), stage()
        one.play(viewer, monkeypatch)
        return np.array([f.qpos for f in viewer.frames]), load(one.tested.trajectories / "env00_ep00.npz")

    plain, _ = tips({})
    pushed, recording = tips({2: push})
    np.testing.assert_array_equal(plain[:2], pushed[:2])
    assert np.abs(plain[2:] - pushed[2:]).max() > 1e-4
    assert recording.header["pushes"] == [[2, "hand_base", 0.0, 0.0, 400.0]]


@pytest.mark.slow
def test_a_push_that_cannot_be_is_told_and_the_test_goes_on(stage, monkeypatch, caplog):
    viewer = ScriptedViewer(3, {1: lambda _: UserInput(0, push=("elbow", 1.0, 0.0, 0.0))})
    stage().play(viewer, monkeypatch)
    assert "no body 'elbow' can be pushed; there are " in caplog.text
    assert len(viewer.frames) == 3


@pytest.mark.slow
def test_what_is_to_be_shown_of_targets_reaches_the_env_that_is_looked_at(stage, monkeypatch):
    one, offers, told = stage(), [], []
    showing = Showing(("drawn", "all"), ("pelvis", "torso"), "drawn", ("torso",))
    monkeypatch.setattr(one.env, "showing", showing)
    monkeypatch.setattr(one.env, "show_targets", lambda *chosen: told.append(chosen))

    def look_at_2(viewer: ScriptedViewer) -> UserInput:
        viewer.env = 2
        return UserInput(2, targets=("all", ("pelvis",), {}))

    viewer = ScriptedViewer(3, {1: look_at_2})
    monkeypatch.setattr(viewer, "offer_targets", lambda *offered: offers.append(offered))
    one.play(viewer, monkeypatch)
    assert offers == [tuple(showing)]
    assert told == [(2, Chosen("all", ("pelvis",)))]


@pytest.mark.slow
def test_another_checkpoint_plays_from_the_next_step_on(stage, monkeypatch):
    viewer = ScriptedViewer(2 * LENGTH + 2, {2: lambda _: UserInput(0, checkpoint="9")})
    one = stage()
    test = one.play(viewer, monkeypatch)
    assert [frame.caption for frame in viewer.frames[1:3]] == ["iteration 3", "iteration 9"]
    assert [frame.step for frame in viewer.frames[:3]] == [1, 2, 3]  # the episode goes on
    assert [results["iteration"] for results in test.results] == [9]
    # What began under the other policy is not recorded as this one's.
    assert [path.name for path in one.tested.trajectories.iterdir()] == ["iteration_000009_env00_ep00.npz"]
    assert load(next(one.tested.trajectories.iterdir())).header["checkpoint"] == "checkpoint_9.pth"
    assert viewer.offers[-1] == (["best", "9"], "9")


@pytest.mark.slow
def test_a_restart_begins_all_episodes_anew(stage, monkeypatch):
    viewer = ScriptedViewer(2 * LENGTH + 3, {LENGTH + 3: lambda _: UserInput(0, restart=True)})
    one = stage("testing.episodesPerEnv=2")
    test = one.play(viewer, monkeypatch)
    assert [frame.step for frame in viewer.frames] == [*range(1, LENGTH + 1), 1, 2, 3, *range(1, LENGTH + 1)]
    (results,) = test.results
    assert (results["complete"], results["episodes"], results["length"]["min"]) == (False, 3, LENGTH)
    assert [path.name for path in one.tested.trajectories.iterdir()] == ["env00_ep00.npz"]
    np.testing.assert_array_equal(
        load(one.tested.trajectories / "env00_ep00.npz").arrays["qpos"][1:],
        [frame.qpos for frame in viewer.frames[-LENGTH:]],
    )


@pytest.mark.slow
def test_a_disk_that_takes_no_recording_costs_the_recording_alone(stage, monkeypatch, caplog):
    one = stage("testing.episodesPerEnv=2")
    one.tested.trajectories.write_text("a file where the folder should be")
    test = one.play(None, monkeypatch)
    assert test.results[0]["episodes"] == 6
    assert caplog.text.count("episodes are played on without being recorded") == 1
    rows = (one.tested.path / "episodes.csv").read_text().splitlines()
    assert all(row.endswith(",") for row in rows[1:])  # no trajectory is named
