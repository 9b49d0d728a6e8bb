"""What holds for every task on every simulator that is installed here."""

from __future__ import annotations

from contextlib import closing
from typing import Iterator

import pytest
import torch
from known_simulators import assert_near, facts_of, facts_of_sim
from support_page import CONF, ROWS, task_of, words_of

from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.config.facts.support import simulator_cell
from rlkit.env.task_env import TaskEnv
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.facts import STEPPING
from rlkit.tasks.registry import task_class

ON_SIMULATORS = [row for row in ROWS if CONF.declared(task_of(row)).get("task.engine") != "gymnasium"]
TASKS = [row for row in ON_SIMULATORS if row == task_of(row)]
INSTALLED = [name for name in STEPPING if name in Machine.detect().simulators]


def one_a_scene(rows: list[str]) -> list[str]:
    """The first row of each scene: what a simulator may do to the others, it does to that one."""
    first: dict[object, str] = {}
    for row in rows:
        scene = task_class(task_of(row)).scene.__func__
        first.setdefault((scene, row.partition(" ")[2]), row)
    return list(first.values())


def rows_on(sim: str) -> list[str]:
    """One row a scene, and every task where that is quick."""
    first = one_a_scene(ON_SIMULATORS)
    return list(dict.fromkeys(TASKS + first)) if sim == "mujoco" else first


PAIRS = [
    (task, sim)
    for sim in INSTALLED
    for task in rows_on(sim)
    if simulator_cell(task, sim).state != "impossible"
]
QUICK = {("PickCube", "mujoco")}
CASES = [
    pytest.param(task, sim, marks=[] if (task, sim) in QUICK else [pytest.mark.slow], id=f"{task}-{sim}")
    for task, sim in PAIRS
]
BOX_GRASPING = [
    pytest.param(case.values[1], marks=case.marks, id=str(case.values[1]))
    for case in CASES
    if case.values[0] == "BoxGrasping"
]


def make(task: str, sim: str, *words: str) -> TaskEnv:
    experiment = compose([*words_of(task), f"sim={sim}", "device=cpu", "numEnvs=8", *words])
    env = build_env(experiment, Ranks())
    assert isinstance(env, TaskEnv)
    return env


@pytest.fixture
def env(task: str, sim: str) -> Iterator[TaskEnv]:
    with closing(make(task, sim)) as env:
        yield env


each_pair = pytest.mark.parametrize(("task", "sim"), CASES)
TWICE = [case for case in CASES if facts_of(str(case.values[1])).several]  # a second env beside the first
each_pair_twice = pytest.mark.parametrize(("task", "sim"), TWICE)


def actions(env: TaskEnv, steps: int, seed: int = 0) -> torch.Tensor:
    """Drawn ones, `[steps, N, num_actions]`; for half as many steps where a simulator is slow on a CPU."""
    steps = steps // 2 if facts_of_sim(env.sim).slow else steps
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(steps, env.spec.num_envs, env.spec.num_actions, generator=generator) * 2 - 1


def test_there_is_a_task_and_a_simulator_to_test() -> None:
    assert len(PAIRS) >= 2


@each_pair
def test_all_terms_have_the_declared_sizes_and_stay_finite(task: str, sim: str, env: TaskEnv) -> None:
    """Observations and reward terms, functions of the state alone; on one env, which may take long to compile."""
    obs = env.reset()
    terms = env.task.observation_sizes()
    for action in actions(env, 60):
        width = sum(size for _, size in env.spec.observation_terms["policy"])
        assert obs["policy"].shape == (8, width) == (8, env.spec.obs_sizes["policy"])
        assert obs["policy"].dtype == torch.float32 and torch.isfinite(obs["policy"]).all()
        obs, rewards, terminated, truncated, info = env.step(action)
        assert rewards.shape == (8,) and torch.isfinite(rewards).all()
        assert not (terminated & truncated).any()
        assert torch.isfinite(info.final_obs["policy"]).all()
    for name, size in terms.items():  # those too that the configuration does not list
        term = getattr(env.task, name)()
        assert term.shape == (8, size), name
        assert torch.isfinite(term).all(), name
    for name in env.task.terms("reward"):
        once, again = getattr(env.task, name)(), getattr(env.task, name)()
        assert once.shape == (8,) and torch.isfinite(once).all(), name
        assert torch.equal(once, again), name


@pytest.mark.parametrize("task", TASKS)
def test_the_configuration_lists_every_reward_term_and_every_ending(task: str) -> None:
    config = compose([f"task={task}", "device=cpu"]).task
    cls = task_class(task)
    assert set(config["rewardWeights"]) == set(cls.terms("reward"))
    assert set(config["termination"]["success"]) == set(cls.terms("success"))
    assert set(config["termination"]["failure"]) == set(cls.terms("failure"))


@each_pair_twice
def test_a_finished_episode_leaves_nothing_behind(task: str, sim: str) -> None:
    """After a reset the observation is a function of the drawn state alone: no old contact, timer or velocity."""
    nominal = "task.randomization.enabled=false"  # noise is drawn anew
    with closing(make(task, sim, nominal)) as env, closing(make(task, sim, nominal)) as fresh_env:
        env.reset()
        for action in actions(env, 25):
            env.step(action)
        env.task.generator.manual_seed(7)
        used = env.reset()["policy"].clone()
        fresh_env.task.load_shared_state(env.task.shared_state())  # of all episodes, as of which clips fail
        fresh_env.task.generator.manual_seed(7)
        assert torch.equal(fresh_env.reset()["policy"], used)


@each_pair_twice
def test_state_continues_bit_exactly(task: str, sim: str, env: TaskEnv) -> None:
    env.reset()
    plan = actions(env, 30)
    third = len(plan) // 3
    env.stagger()
    for action in plan[:third]:
        env.step(action)
    with closing(make(task, sim, "seed=99")) as twin:
        twin.load_state(env.state())
        assert torch.equal(env.observe()["policy"], twin.observe()["policy"])
        for action in plan[third:]:
            ours, theirs = env.step(action), twin.step(action)
            assert torch.equal(ours[0]["policy"], theirs[0]["policy"])
            assert torch.equal(ours[1], theirs[1])


@pytest.mark.slow
@each_pair_twice
def test_the_same_seed_gives_the_same_run_and_another_seed_another(task: str, sim: str, env: TaskEnv) -> None:
    def run(seed: int) -> torch.Tensor:
        """Reward and observation `[15, N, 1 + size]`: a reward may be of the actions alone."""
        with closing(make(task, sim, f"seed={seed}")) as other:
            other.reset()
            steps = [other.step(action) for action in actions(env, 15)]
            return torch.stack(
                [torch.cat((step.reward[:, None], step.obs["policy"]), dim=1) for step in steps]
            )

    assert torch.equal(run(3), run(3))
    assert not torch.equal(run(3), run(4))


# Where each number of envs is a program of its own, test_simulators.py does it.
DIFFERENT_NUMBERS = [case for case in TWICE if not facts_of(str(case.values[1])).compiles]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "sim"), DIFFERENT_NUMBERS)
def test_timing_and_dynamics_do_not_depend_on_the_number_of_envs(task: str, sim: str) -> None:
    """Env 0 to 3 of a large batch move as the four of a small one, as near as the simulator's facts say."""
    count = 100 if sim == "mujoco" else 16
    with closing(make(task, sim, "numEnvs=4")) as few, closing(make(task, sim, f"numEnvs={count}")) as many:
        for env in (few, many):
            env.reset()
        ids = torch.arange(4)
        few.task.generator.manual_seed(5)
        state = few.task.begin(ids)
        for env in (few, many):
            env.sim.reset(ids, state)
        many.task.targets[:4] = few.task.targets  # type: ignore[attr-defined]
        for action in actions(few, 40):
            padded = torch.zeros(count, few.spec.num_actions)
            padded[:4] = action
            period = few.sim.physics.steps_per_control(few.spec.control_period)
            few.sim.step(few.task.controls(action), period)
            many.sim.step(many.task.controls(padded), period)
            for name in ("joint_pos", "joint_vel", "body_pos", "site_pos", "contact_force"):
                ours, theirs = getattr(few.sim, name), getattr(many.sim, name)[:4]
                assert_near(ours, theirs, facts_of(sim).sameness, name)


@pytest.mark.parametrize("sim", BOX_GRASPING)
def test_a_finger_on_the_ground_is_not_on_the_box(sim: str) -> None:
    words = ("task.termination.failure.hitting_ground=false", "task.box.xyRange=0.0")
    with closing(make("BoxGrasping", sim, *words)) as env:
        env.reset()
        down = torch.zeros(8, 18)
        for step in range(60):
            down[:, 0] = float(step < 20)  # away from the box, then into the ground
            down[:, 2] = -float(step >= 20)
            env.step(down)
        assert (env.task.tip_pos[..., 2].amin(dim=-1) < 0.012).all()  # type: ignore[attr-defined]
        assert not env.task.touching.any()  # type: ignore[attr-defined]
