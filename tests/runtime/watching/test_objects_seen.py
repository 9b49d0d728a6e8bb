"""Who watches or evaluates envs with different objects sees each env's own, and success by object."""

from __future__ import annotations

from typing import Sequence

import pytest
import torch
from test_recorder import box_env

from rlkit.learners.api import Policy
from rlkit.media.viewers import Frame, UserInput, Viewer
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.watching.live import LiveView

SHAPES = ("box", "cylinder", "capsule", "sphere")


class Noted(Viewer):
    """Notes the shape that is drawn with each frame."""

    def __init__(self) -> None:
        self.shape, self.shown = "box", []
        self.told = 0

    def set_model(self, mjcf: str) -> None:
        self.shape = next(shape for shape in SHAPES if f'name="box" type="{shape}"' in mjcf)
        self.told += 1

    def show(self, frame: Frame) -> None:
        self.shown.append((frame.env, frame.step, self.shape, frame.caption))

    def poll_input(self) -> UserInput:
        return UserInput(self.env)

    def offer_checkpoints(self, names: Sequence[str], playing: str) -> None: ...

    @property
    def closed(self) -> bool:
        return False

    def close(self) -> None: ...


def test_a_viewer_shows_the_object_of_the_env_and_episode_that_is_looked_at() -> None:
    env, viewer = box_env(3, episode_length=2, objects="shapes"), Noted()
    env.reset()
    live = LiveView(viewer, env)
    for step in range(5):
        viewer.env = 2 if step == 4 else 0
        live.before_step()
        live.after_step(env.step(torch.zeros(3, env.spec.num_actions)), "iteration 3")
    assert viewer.shown == [
        (0, 1, "box", "iteration 3, box"),
        (0, 2, "box", "iteration 3, box"),
        (0, 1, "cylinder", "iteration 3, cylinder"),
        (0, 2, "cylinder", "iteration 3, cylinder"),
        (2, 1, "box", "iteration 3, box"),  # capsule, sphere, box
    ]
    assert viewer.told == 2


@pytest.mark.slow
def test_evaluations_tell_success_by_object() -> None:
    @Policy
    def still(obs: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.zeros(len(obs["policy"]), 18)

    metrics = Evaluation(lambda: box_env(5, objects="shapes")).metrics(still)
    assert {name: value for name, value in metrics.items() if name.startswith("eval/success/")} == {
        f"eval/success/{shape}": 0.0 for shape in SHAPES
    }  # fmt: skip
    none = Evaluation(lambda: box_env(2)).metrics(still)
    assert not [name for name in none if name.startswith("eval/success/")]
