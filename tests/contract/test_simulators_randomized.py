"""Domain randomisation on every simulator that is installed here: what it can vary moves differently, what it cannot
is refused by name."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from known_simulators import facts_of

from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.config.files.conf import Conf
from rlkit.env.task_env import TaskEnv
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.api import QUANTITIES, SimulatorError
from rlkit.sims.facts import STEPPING

R = "task.randomization"
CONF = Conf(Path(__file__).parents[2] / "conf")
SAME_SCENE = ("HumanoidRun", "HumanoidWalk")  # as HumanoidStand
TASKS = [
    task
    for task in CONF.options("task")
    if CONF.declared(task).get("task.engine") != "gymnasium" and task not in SAME_SCENE
]
INSTALLED = [name for name in STEPPING if name in Machine.detect().simulators]
STANDING = "HumanoidStand"  # on its feet, so that friction matters too
N = 4


def _slow(sim: str) -> Any:
    """Simulators that compile take their time for each scene."""
    return () if sim == "mujoco" else pytest.mark.slow


PAIRS = [  # a second env beside the first
    pytest.param(task, sim, marks=_slow(sim))
    for sim in INSTALLED
    if facts_of(sim).several
    for task in (TASKS if sim == "mujoco" else [STANDING])
]


def make(task: str, sim: str, *words: str, seed: int = 3) -> TaskEnv:
    words = tuple(f"{R}.{word}" for word in words)
    experiment = compose(
        [
            f"task={task}",
            f"sim={sim}",
            "device=cpu",
            f"numEnvs={N}",
            f"seed={seed}",
            "sim.numThreads=1",
            *words,
        ]
    )
    env = build_env(experiment, Ranks())
    assert isinstance(env, TaskEnv)
    return env


def played(env: TaskEnv, steps: int, skip: int = 0) -> torch.Tensor:
    """What the policy sees and earns under the same random actions each time, from the action `skip` on."""
    plan = (
        torch.rand(skip + steps, N, env.spec.num_actions, generator=torch.Generator().manual_seed(1)) * 2 - 1
    )
    rows = []
    for action in plan[skip:]:
        obs, reward, *_ = env.step(action)
        rows.append(torch.cat([obs["policy"], reward[:, None]], dim=-1))
    return torch.stack(rows)


def possible(env: TaskEnv) -> list[str]:
    """The quantities that this simulator can vary in this scene."""
    found = []
    for quantity in QUANTITIES:
        try:
            if env.sim.parts(quantity):
                found.append(quantity)
        except SimulatorError as error:
            assert quantity in str(error)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("task", "sim"), PAIRS)
def test_everything_at_once_continues_bit_exactly_and_the_impossible_is_refused(task: str, sim: str) -> None:
    with closing(make(task, sim)) as plain:
        term = next(iter(plain.task.observation_terms))
        able = possible(plain)
    for quantity in set(QUANTITIES) - set(able):
        with pytest.raises(SimulatorError, match=f"{R}.{quantity}"):
            make(task, sim, f"{quantity}.range=[0.5,0.8]")
    words = [f"{quantity}.range=[0.5,0.8]" for quantity in able]
    words += ["latency.range=[0,0.03]", f"observationNoise.{term}=0.01"]
    words += ["push.force=[1,2]", "push.interval=[0.2,0.24]"]
    with closing(make(task, sim, *words)) as env, closing(make(task, sim, *words, seed=99)) as twin:
        env.reset()
        env.stagger()
        assert torch.isfinite(played(env, 15)).all()
        twin.load_state(env.state())
        assert torch.equal(played(env, 10, skip=15), played(twin, 10, skip=15))


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_what_varies_changes_the_motion(quantity: str) -> None:
    """Of each simulator by itself tests/contract/test_simulators.py asks this."""
    runs = []
    for words in ((), (f"{quantity}.range=[0.5,0.8]",)):
        with closing(make(STANDING, "mujoco", *words)) as env:
            env.reset()
            runs.append(played(env, 20))
    assert ((runs[0] - runs[1]).abs().amax(dim=(0, 2)) > 1e-4).all()
