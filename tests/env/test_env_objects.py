"""Envs with different objects: what is randomised is of the own one, and a saved state goes on to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from task_config import task_config

pytest.importorskip("mujoco.batch", reason="objects differ on sim=mujoco")

from rlkit.env.task_env import TaskEnv
from rlkit.sims.api import PhysicsSettings
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.box_grasping import BoxGrasping

MASSES = (0.1, 0.2, 0.3)
OBJECTS = [{"shape": "sphere", "radius": 0.03, "mass": mass, "name": f"{mass}"} for mass in MASSES]


def made(*words: str, learning: bool = True, seed: int = 3) -> TaskEnv:
    config: dict[str, Any] = {
        **task_config("task=BoxGrasping", *words),
        "episodeLength": 4,
        "objects": OBJECTS,
    }
    physics = PhysicsSettings(dt=0.01, substeps=2, num_threads=1)
    sim = MujocoSimulator(BoxGrasping.scene(config), physics, 6)
    task = BoxGrasping(config, sim, torch.Generator().manual_seed(seed))
    return TaskEnv(sim, task, learning=learning)


def walk(env: TaskEnv, steps: int, seed: int) -> list[torch.Tensor]:
    generator, seen = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        step = env.step(2.0 * torch.rand(6, 18, generator=generator) - 1.0)
        seen += [step.obs["policy"].clone(), step.reward.clone(), env.sim.model_field("body_mass").clone()]
    return seen


@pytest.mark.parametrize("per", ["env", "episode"])
def test_a_factor_is_of_the_object_that_the_episode_has(per: str) -> None:
    mass = "task.randomization.mass."
    env = made(
        "task.randomization.enabled=true", f"{mass}range=[2,2]", f"{mass}parts=[box]", f"{mass}per={per}"
    )
    env.reset()
    numbers = set()
    for step in range(9):  # three episodes
        walk(env, 1, seed=step)
        chosen = env.task.objects.number  # type: ignore[attr-defined]
        numbers.add(tuple(chosen.tolist()))
        box = env.sim.model_field("body_mass")[:, -1]
        assert box.tolist() == pytest.approx([2.0 * MASSES[k] for k in chosen.tolist()])
    assert len(numbers) == 3


@pytest.mark.parametrize("learning", [True, False])
def test_a_saved_state_goes_on_with_the_objects_to_the_bit(learning: bool) -> None:
    first, second = made(learning=learning), made(learning=learning, seed=8)
    for env in (first, second):
        env.reset()
    walk(first, 5, seed=1)
    second.load_state(first.state())
    for one, other in zip(walk(first, 9, seed=2), walk(second, 9, seed=2)):
        assert torch.equal(one, other)
    assert [first.playing(env) for env in range(6)] == [second.playing(env) for env in range(6)]
    assert [first.model_of(env) for env in range(6)] == [second.model_of(env) for env in range(6)]
