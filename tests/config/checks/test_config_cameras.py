"""`task.cameras`: what cannot be is refused before anything starts, with the words that can."""

from __future__ import annotations

import dataclasses

import pytest

from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.env.cameras.settings import Camera, cameras_of
from rlkit.errors import RlkitError
from rlkit.runtime.preboot import require_makeable

EYE = "task.cameras.eye={position: [1, 0, 1], lookat: [0, 0, 0]}"


def refused(*words: str, machine: Machine | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        compose(["task=Reach", "device=cpu", *words], machine=machine)
    return caught.value.messages


def test_a_camera_is_what_was_typed() -> None:
    words = [
        "task.cameras.eye.size=[48,64]",
        "task.cameras.eye.body=hand",
        "task.cameras.eye.lookat=[0,0,0.1]",
    ]
    task = compose(["task=Reach", "device=cpu", *words, "task.cameras.far.camera=front"]).task
    assert cameras_of(task) == (
        Camera("eye", (48, 64), body="hand", lookat=(0, 0, 0.1)),
        Camera("far", camera="front"),
    )
    assert cameras_of(compose(["task=Reach", "device=cpu"]).task) == ()


def test_it_says_what_a_robot_needs_to_know() -> None:
    eye = Camera("eye", body="hand", lookat=(1.0, 0.0, 0.0), channels="depth", every=2)
    assert eye.described() == {
        "body": "hand",
        "position": (0.0, 0.0, 0.0),
        "lookat": (1.0, 0.0, 0.0),
        "fovy": 45.0,
        "channels": "depth",
        "far": 5.0,
        "every": 2,
    }
    assert Camera("eye", camera="front").described() == {"camera": "front", "channels": "rgb", "every": 1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["task.cameras.eye.size=64"], "task.cameras.eye.size: needs list of 2 int in [8, 1024], got 64"),
        (
            ["task.cameras.eye.postion=[0,0,1]"],
            "task.cameras.eye: a camera has no postion; did you mean position?",
        ),
        (
            ["task.cameras.eye.position=[0,0,1]"],
            "task.cameras.eye: write camera, one of the model's by name, or one of lookat and orientation beside"
            " position, as task.cameras.eye={position: [0.6, 0, 0.4], lookat: [0, 0, 0.1]}",
        ),
        (
            ["task.cameras.eye={camera: front, fovy: 60}"],
            "task.cameras.eye.camera=front: stands in the model, and fovy would place another;"
            " leave one of the two out",
        ),
        (
            ["task.cameras.eye={camera: front, far: 2}"],
            "task.cameras.eye.far: is of depth alone; write task.cameras.eye.channels=depth, or leave it out",
        ),
        (
            ["task.cameras.goal_pos.camera=front"],
            "task.cameras.goal_pos: task.observations has a term of this name; give the camera another",
        ),
        (
            [EYE, "sim=mjx"],
            "sim=mjx: draws no pictures for a policy, and task.cameras asks for those of eye; write sim=mujoco",
        ),
        (
            [EYE, "train=FastTD3"],
            "train.learner=fast_td3: task.cameras observes eye, an image 64 x 64 x 3 (HWC), and this learner takes"
            " vectors of numbers alone; write train=ReachPPO, or leave the cameras out",
        ),
        (
            [EYE, "task.randomization.observationNoise.goal_pos=0.1"],
            "task.randomization.observationNoise.goal_pos: with noise the critic is apart from the policy, and sees no"
            " pictures; say what it sees: task.groups.critic=[TERM,...]",
        ),
        (
            [EYE, "train.cnn=[[8,65,1]]"],
            "train.cnn=[[8,65,1]]: the kernel of layer 1 is larger than what is left of eye, an image 64 x 64 x 3"
            " (HWC); train.cnn=auto chooses layers that fit, train.cnn=[[32,3,2],[64,3,2]] are small ones",
        ),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], message: str) -> None:
    assert message in refused(*words)


def test_a_rollout_of_pictures_must_fit_into_memory() -> None:
    """31 numbers of 4 bytes and 12,288 of the picture, for 32 steps twice: 0.79 MB an env, of 1000 envs 0.8 GB."""
    machine = dataclasses.replace(Machine.detect(), memory=800_000_000, ranks_here=1)
    words = (EYE, "numEnvs=1000", "train.horizon_length=32", "train.minibatch_size=320")
    (message,) = refused(*words, machine=machine)
    assert message == (
        "env.numEnvs=1000: a rollout of 32 steps with images of 12412 bytes needs 0.8 GB, main memory has 0.8 free;"
        " env.numEnvs=886 or a smaller train.horizon_length fits"
    )


def test_where_nothing_draws_it_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "nothing")
    with pytest.raises(
        RlkitError, match=r"task\.cameras: MUJOCO_GL=nothing draws nothing without a window here"
    ):
        require_makeable(compose(["task=Reach", "device=cpu", EYE]))
