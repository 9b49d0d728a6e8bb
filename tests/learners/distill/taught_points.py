"""PointMass with a teacher that may see more than its student: velocities too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import torch
from states import assert_same
from torch import Tensor

from benchmarks.point_mass import PointMass
from rlkit.env.api import Observations

GAINS = (0.8, 0.5)  # of position and velocity


class TaughtPoints(PointMass):
    """Its group `teacher` is the position and the velocity, `policy` the position alone, or both of a `seeing` one."""

    def __init__(self, num_envs: int = 16, *, seeing: bool = False) -> None:
        super().__init__(num_envs)
        whole = (("position", 2), ("velocity", 2))
        terms = {"policy": whole if seeing else whole[:1], "teacher": whole}
        terms["critic"] = terms["policy"]
        self.spec = replace(
            self.spec,
            obs_sizes={group: sum(size for _, size in shown) for group, shown in terms.items()},
            observation_terms=terms,
            mirror=None,
        )

    def observe(self) -> Observations:
        whole = super().observe()["policy"]
        return {group: whole[:, :size].clone() for group, size in self.spec.obs_sizes.items()}


class MaskedPoints(TaughtPoints):
    """Points whose policy sees place, velocity and, every other env, where the origin is; `targets` always is."""

    def __init__(self) -> None:
        super().__init__(seeing=True)
        terms = {**self.spec.observation_terms, "targets": (("origin", 2),)}
        terms["policy"] = (("velocity", 2), ("masked_targets", 3))
        terms["critic"] = terms["policy"]
        sizes = {group: sum(size for _, size in shown) for group, shown in terms.items()}
        self.spec = replace(self.spec, obs_sizes=sizes, observation_terms=terms)

    def observe(self) -> Observations:
        whole = self._state.clone()
        shown = (torch.arange(len(whole)) % 2 == 0).float()[:, None]
        masked = torch.cat((whole[:, 2:], whole[:, :2] * shown, shown), dim=-1)
        return {"policy": masked, "critic": masked, "targets": whole[:, :2], "teacher": whole}


def teacher(obs: Observations) -> Tensor:
    """Pulls to the origin and brakes: actions `[N, 2]` of the group that it is shown as its own."""
    place, velocity = obs["policy"].split(2, dim=-1)
    return (-GAINS[0] * place - GAINS[1] * velocity).clamp(-1.0, 1.0)


def assert_3_and_3_iterations_are_6(
    start: Callable[..., Any], settings: dict[str, Any], folder: Path
) -> None:
    """A student that was saved on the way and went on in another process' stead ends as one that never stopped.

    start: the learner and its env of these settings and a seed.
    """
    straight, env = start(settings)
    metrics = [straight.iterate(env).metrics for _ in range(6)]

    first, env_a = start(settings)
    for _ in range(3):
        first.iterate(env_a)
    torch.save({"learner": first.state(), "env": env_a.state()}, folder / "checkpoint.pth")
    saved = torch.load(folder / "checkpoint.pth", weights_only=True)

    second, env_b = start(settings, seed=99)
    second.load(saved["learner"])
    env_b.load_state(saved["env"])
    assert second.complete
    assert [second.iterate(env_b).metrics for _ in range(3)] == metrics[3:]
    assert_same(second.state(), straight.state())
