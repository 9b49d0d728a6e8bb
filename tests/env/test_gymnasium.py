"""Gymnasium environments as a VecEnv, on environments whose every number is known."""

from __future__ import annotations

import os
import signal
from typing import Any

import known_envs
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from torch import Tensor

from rlkit.env.api import EnvError
from rlkit.env.gym.bundle import SubEnv
from rlkit.env.gym.env import WORTH_PROCESSES, GymEnv, _workers
from rlkit.env.gym.making import recipes
from rlkit.env.gym.member import DEFAULT_LENGTH, Form, Member, memory_of
from rlkit.learners.api import Policy
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.playing.rollout import play
from rlkit.runtime.training.monitor import Monitor

ZERO = 1.0  # what the action 0 becomes in Count-v0, whose first action lies in [-2, 4]


def make(ids: Any = "Count-v0", num_envs: int = 2, *, seed: int = 0, **settings: Any) -> GymEnv:
    settings = {"vectorization": "sync", "processes": 2, "packages": ("known_envs",), **settings}
    return GymEnv([ids] if isinstance(ids, str) else ids, num_envs, seed=seed, **settings)


def still(env: GymEnv) -> Tensor:
    return torch.zeros(env.spec.num_envs, env.spec.num_actions)


def processes_of(env: GymEnv) -> list[Any]:
    assert isinstance(env._vector, AsyncVectorEnv)
    return list(env._vector.processes)


def test_a_time_out_gives_the_true_last_observation_and_the_next_first_one() -> None:
    env = make()
    draws = env.reset()["policy"][:, 1].tolist()
    assert env.observe()["policy"][:, 0].tolist() == [0.0, 0.0]
    for step in (1, 2):
        obs, reward, terminated, truncated, info = env.step(still(env))
        assert obs["policy"][:, 0].tolist() == [step] * 2 and obs["policy"][:, 1].tolist() == draws
        assert torch.equal(info.final_obs["policy"], obs["policy"])
        assert reward.tolist() == [10.0 * step + ZERO] * 2
        assert not (terminated | truncated).any() and info.episodes == {}
    obs, reward, terminated, truncated, info = env.step(still(env))
    assert truncated.tolist() == [True, True] and terminated.tolist() == [False, False]
    assert info.final_obs["policy"].tolist() == [[3.0, draw] for draw in draws]
    assert obs["policy"][:, 0].tolist() == [0.0, 0.0] and obs["policy"][0, 1] != draws[0]
    assert torch.equal(obs["policy"], env.observe()["policy"]) and obs["critic"] is obs["policy"]
    sums = {name: float(value) for name, value in info.episodes.items()}
    assert sums == {
        "count": 2.0,
        "return": 2 * (60.0 + 3 * ZERO),
        "length": 6.0,
        "success": 0.0,
        "timeout": 2.0,
        "failure/unstable": 0.0,
        "reward/steps": 120.0,
        "reward/action": 6 * ZERO,
    }
    obs, *_, info = env.step(still(env))
    assert obs["policy"][:, 0].tolist() == [1.0, 1.0] and info.episodes == {}
    env.close()


@pytest.mark.parametrize("name", ["success", "is_success"])
def test_a_termination_counts_before_a_time_out_in_the_same_step(name: str) -> None:
    env = make(kwargs={"goal": 3, "success_name": name})
    env.reset()
    for _ in range(2):
        info = env.step(still(env)).info
        assert not info.success.any()
    _, reward, terminated, truncated, info = env.step(still(env))
    assert terminated.all() and not truncated.any() and info.success.all()
    assert reward.tolist() == [31.0, 31.0]
    assert info.episodes["success"] == 2.0 and info.episodes["timeout"] == 0.0
    info = env.step(still(env)).info
    assert not info.success.any()


def test_sums_begin_anew_with_each_episode_and_with_a_reset() -> None:
    env = make(num_envs=1)
    env.reset()
    env.step(still(env))
    env.reset()
    for _ in range(2):
        info = [env.step(still(env)).info for _ in range(3)][-1]
        assert info.episodes["return"] == 63.0 and info.episodes["length"] == 3.0


def test_actions_reach_the_environment_within_its_own_bounds() -> None:
    env = make(num_envs=1)
    env.reset()
    for action in ([-1.0, -1.0], [1.0, 1.0], [0.5, 0.0], [-7.0, 7.0]):
        env.step(torch.tensor([action]))
    assert isinstance(env._vector, SyncVectorEnv)
    bundle: Any = env._vector.envs[0]
    seen = bundle.unwrapped._envs[0].member.env.unwrapped.seen
    space = known_envs.Count.action_space
    assert isinstance(space, spaces.Box)
    low, high = space.low, space.high
    assert [a.tolist() for a in seen[:2]] == [low.tolist(), high.tolist()]
    assert seen[2].tolist() == pytest.approx([2.5, 0.05])
    assert seen[3].tolist() == [low[0], high[1]]


def test_who_watches_sees_the_command_that_was_given() -> None:
    env = make()
    env.reset()
    env.watch([1])
    watched = env.step(still(env) + 3.0).info.watched  # within [-2, 4] and [0, 0.1]
    assert watched is not None and watched.ctrl[0].tolist() == pytest.approx([4.0, 0.1])
    env.close()


def test_a_dict_of_observations_becomes_one_vector_in_gymnasiums_order() -> None:
    env = make("Parts-v0")
    assert env.reset()["policy"].tolist() == [[1.0, 0.0, 1.0, 2.0, 0.0]] * 2  # gear one-hot, then speed
    assert env.step(still(env)).obs["policy"].tolist() == [[0.0, 1.0, 1.0, 2.0, 1.0]] * 2
    assert env.spec.observation_terms["policy"] == (("gear", 2), ("speed", 3))
    assert env.spec.obs_sizes == {"policy": 5, "critic": 5} and env.spec.num_actions == 2


def test_the_spec_tells_what_the_environment_tells() -> None:
    spec = make("Count-v0", 3, task="Gym").spec
    assert (spec.task, spec.num_envs, spec.action_names) == ("Gym", 3, ("a0", "a1"))
    assert (spec.max_episode_length, spec.control_period) == (3, 0.05)  # 1 / render_fps
    assert spec.reward_terms == ("steps", "action")
    assert make("Parts-v0").spec.control_period == 0.25  # its dt
    assert make("Lies-v0").spec.control_period == 1.0  # neither
    assert make("Endless-v0").spec.max_episode_length == DEFAULT_LENGTH == 1000
    assert make("Inside-v0").spec.max_episode_length == 7  # a TimeLimit that it brings itself


def test_a_wrapper_may_slow_the_environment_down() -> None:
    env = make(num_envs=1, wrap=known_envs.Slow, max_episode_length=2)
    env.reset()
    assert env.spec.control_period == pytest.approx(0.1)
    obs, reward, _, truncated, _ = env.step(still(env))
    assert obs["policy"][0, 0] == 2.0 and reward[0] == 10 + 20 + 2 * ZERO and not truncated.any()
    *_, truncated, info = env.step(still(env))
    assert truncated.all() and info.final_obs["policy"][0, 0] == 4.0


@pytest.mark.parametrize(("name", "length"), [("Count-v0", 2), ("Count-v0", 5), ("Endless-v0", 4)])
def test_the_task_may_set_another_length(name: str, length: int) -> None:
    env = make(name, 1, max_episode_length=length)
    env.reset()
    ends = [bool(env.step(still(env)).truncated) for _ in range(2 * length)]
    assert ends == ([False] * (length - 1) + [True]) * 2
    assert env.spec.max_episode_length == length


def test_stagger_spreads_the_ends_and_counts_whole_episodes_alone() -> None:
    env = make(num_envs=3)
    env.reset()
    env.stagger()
    ends = [env.step(still(env)) for _ in range(6)]
    assert [step.truncated.tolist() for step in ends] == [
        [False, False, True],
        [False, True, False],
        [True, False, False],
        [False, False, True],
        [False, True, False],
        [True, False, False],
    ]
    # Env 2 began at age 2 and env 1 at age 1: their first episodes were cut short, and say nothing of the task.
    whole = [step.info.episodes for step in ends]
    assert [set(map(float, sums.values())) for sums in whole[:2]] == [{0.0}] * 2
    assert [float(sums["length"]) for sums in whole[2:]] == [3.0] * 4
    assert [float(sums["return"]) for sums in whole[2:]] == [63.0] * 4


def test_a_staggered_episode_that_ends_by_itself_counts() -> None:
    env = make(num_envs=3, kwargs={"goal": 1})
    env.reset()
    env.stagger()
    info = env.step(still(env)).info
    assert info.episodes["count"] == info.episodes["success"] == info.episodes["length"] == 3.0


def test_an_environment_without_a_limit_times_out_after_the_default_and_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlkit.env.gym.env._bounded", set())
    monkeypatch.setattr("rlkit.env.gym.member.DEFAULT_LENGTH", 4)
    env = make("Endless-v0", 2)
    make("Endless-v0", 2)  # as for evaluations
    (record,) = caplog.records
    assert record.getMessage() == (
        "Endless-v0 has no time limit: an episode that has not ended after 4 steps times out;"
        " task.episodeLength=N sets another limit"
    )
    env.reset()
    ends = [env.step(still(env)).truncated.tolist() for _ in range(8)]
    assert ends == [[False] * 2, [False] * 2, [False] * 2, [True] * 2] * 2
    make("Count-v0")
    make("Endless-v0", max_episode_length=9)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("where", ["obs", "reward"])
def test_a_number_that_is_not_finite_ends_the_episode_as_a_failure(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    env = make(num_envs=2, kwargs={"bad": 2, "where": where}, max_episode_length=2)
    env.reset()
    env.step(still(env))
    obs, reward, terminated, truncated, info = env.step(still(env))
    assert terminated.all() and not truncated.any() and not info.success.any()
    assert reward.tolist() == [0.0, 0.0] and info.final_obs["policy"].tolist() == [[0.0, 0.0]] * 2
    assert info.reached["failure/unstable"].all() and info.episodes["failure/unstable"] == 2.0
    assert info.episodes["return"] == 2 * (10.0 + ZERO)
    assert obs["policy"][:, 0].tolist() == [0.0, 0.0] and obs["policy"].isfinite().all()
    info = env.step(still(env)).info
    assert not info.reached["failure/unstable"].any()
    (record,) = caplog.records
    what = {"obs": "the observation is nan in number 0 of 2", "reward": "the reward is nan"}[where]
    assert f"Count-v0 (env 0), step 2 of its episode: {what}" in record.getMessage()
    env.step(still(env))  # again the second step: told once, counted
    assert len(caplog.records) == 1
    assert env.metrics() == {"env/not_finite": 4.0} and env.metrics() == {}


def test_a_reward_term_that_is_not_finite_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    env = make(num_envs=1, kwargs={"bad": 2, "where": "term"})
    env.reset()
    steps = [env.step(still(env)) for _ in range(3)]
    assert not steps[1].terminated.any() and steps[2].truncated.all()  # the episode goes on to its end
    sums = steps[2].info.episodes
    assert sums["return"] == 63.0 and sums["reward/steps"] == 10.0 + 30.0
    assert "step 2 of its episode: the reward term steps is nan" in caplog.records[0].getMessage()
    assert env.metrics() == {"env/not_finite": 1.0}


def test_actions_that_are_not_finite_are_the_policys_fault() -> None:
    env = make(num_envs=3)
    env.reset()
    actions = still(env)
    actions[1, 0] = torch.nan
    with pytest.raises(
        EnvError,
        match=r"^the actions given are not finite in env 1: what computes them",
    ):
        env.step(actions)


def test_an_episode_that_cannot_begin_names_the_environment() -> None:
    env = make(num_envs=2, kwargs={"bad": 0})
    with pytest.raises(
        EnvError, match=r"Count-v0 \(env 0\): the first observation of an episode is not finite"
    ):
        env.reset()


def test_an_error_inside_the_environment_names_it_and_keeps_its_traceback() -> None:
    env = make("Endless-v0", 2, kwargs={"raises": 12})
    env.reset()
    for _ in range(11):
        env.step(still(env))
    with pytest.raises(EnvError) as caught:
        env.step(still(env))
    line, details = str(caught.value), caught.value.details
    assert line.startswith(
        "Endless-v0 (env 0) failed in step 12 of its episode: ValueError: the wheel came off ("
    )
    assert "known_envs.py:" in line and "\n" not in line
    assert details.startswith("Traceback") and "raise self.error" in details


def test_an_observation_of_another_size_than_its_space_is_an_error() -> None:
    env = make("Lies-v0", 1)
    env.reset()
    message = r"Lies-v0 \(env 0\) failed in step 30 .*: the observation has 4 numbers, its space says 5"
    with pytest.raises(EnvError, match=message):
        for _ in range(30):
            env.step(still(env))


# Seeds and processes.


def rollout(env: GymEnv, steps: int = 25) -> list[Tensor]:
    """Everything that `steps` steps of random actions return."""
    generator = torch.Generator().manual_seed(9)
    out = [env.reset()["policy"]]
    env.stagger()
    for _ in range(steps):
        actions = torch.rand(env.spec.num_envs, env.spec.num_actions, generator=generator) * 2 - 1
        obs, reward, terminated, truncated, info = env.step(actions)
        out += [obs["policy"], reward, terminated, truncated, info.final_obs["policy"], info.success]
        out += [info.episodes[name] for name in sorted(info.episodes)]
    env.close()
    return out


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b))


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    ids = ["Count-v0", "Parts-v0"]
    first = rollout(make(ids, 4, seed=7))
    assert equal(first, rollout(make(ids, 4, seed=7)))
    assert not equal(first, rollout(make(ids, 4, seed=8)))


def test_every_env_has_a_seed_of_its_own_whatever_their_number() -> None:
    draws = make(num_envs=4, seed=3).reset()["policy"][:, 1]
    assert len(set(draws.tolist())) == 4
    assert torch.equal(make(num_envs=2, seed=3).reset()["policy"][:, 1], draws[:2])
    assert not set(draws.tolist()) & set(make(num_envs=4, seed=4).reset()["policy"][:, 1].tolist())


def test_rewound_envs_play_their_first_episodes_again() -> None:
    env = make(["Count-v0", "Parts-v0"], 6, seed=5)

    def begin() -> list[Tensor]:
        return [env.reset()["policy"], *(env.step(still(env)).obs["policy"] for _ in range(8))]

    first, second = begin(), begin()
    assert not equal(first, second)
    assert env.rewind()
    assert equal(begin(), first)


def test_the_task_and_seed_of_an_episode_follow_from_its_number_alone() -> None:
    plan = make(["Count-v0", "Parts-v0"], seed=11)._plan

    def episodes(steps: int) -> list[tuple[int, int]]:
        """Of env 3: task and seed of its first 20 episodes, each left after so many steps."""
        env, drawn = SubEnv(plan, 3), []
        for _ in range(20):
            first = env.restart()
            drawn.append((env.task, env.reset_seed))
            assert first.tolist() == Member(plan.recipes[env.task]).reset(env.reset_seed).tolist()
            for age in range(steps):
                env.step(np.zeros(2), age)
        env.close()
        return drawn

    drawn = episodes(steps=0)
    assert episodes(steps=2) == drawn
    assert len({seed for _, seed in drawn}) == 20 and {task for task, _ in drawn} == {0, 1}
    task = int(np.random.default_rng(np.random.SeedSequence((11, 3, 7))).integers(2))
    assert drawn[7] == (task, np.random.SeedSequence((11, 3, 7, 1 + task)).generate_state(1)[0])


def test_evaluations_rewind_their_envs_instead_of_making_them_anew() -> None:
    made: list[GymEnv] = []

    def build() -> GymEnv:
        made.append(make(num_envs=3, seed=5))
        return made[-1]

    @Policy
    def follow_the_draw(obs: Any) -> Tensor:
        return obs["policy"][:, [1, 1]]

    evaluation = Evaluation(build)
    first, second = (evaluation.metrics(follow_the_draw) for _ in range(2))
    assert len(made) == 1 and first["eval/length"] == 3.0
    assert first["eval/return"] == second["eval/return"]


@pytest.mark.slow
def test_processes_give_the_same_numbers_as_one() -> None:
    ids = ["Count-v0", "Parts-v0"]
    here, there = make(ids, 5, seed=7), make(ids, 5, seed=7, vectorization="async")  # bundles of 3 and 2
    assert len(processes_of(there)) == 2
    assert equal(rollout(here), rollout(there))


@pytest.mark.slow
def test_an_error_in_another_process_arrives_whole() -> None:
    env = make("Endless-v0", 4, kwargs={"raises": 12}, vectorization="async")
    env.reset()
    with pytest.raises(
        EnvError, match=r"Endless-v0 \(env \d\) failed in step 12 .* the wheel came off"
    ) as caught:
        for _ in range(12):
            env.step(still(env))
    assert caught.value.details.startswith("Traceback")
    env.close()


@pytest.mark.slow
def test_a_process_that_dies_is_told_and_leaves_nothing_behind() -> None:
    env = make(num_envs=4, vectorization="async")
    env.reset()
    processes = processes_of(env)
    os.kill(processes[1].pid, signal.SIGKILL)
    with pytest.raises(EnvError, match="has died; it may have run out of memory"):
        env.step(still(env))
    env.close()
    assert not any(process.is_alive() for process in processes)


@pytest.mark.slow
def test_an_interrupt_of_the_terminal_leaves_the_processes_to_the_learner() -> None:
    env = make(num_envs=2, vectorization="async")
    env.reset()
    for process in processes_of(env):
        os.kill(process.pid, signal.SIGINT)
    assert env.step(still(env)).obs["policy"][:, 0].tolist() == [1.0, 1.0]
    env.close()


def test_auto_takes_processes_where_a_step_is_long_and_there_are_cores() -> None:
    def form(step_time: float) -> Form:
        return Form((("observation", 1),), 1, DEFAULT_LENGTH, 1.0, (), step_time, np.zeros(1), np.ones(1))

    long, short = WORTH_PROCESSES / 4, WORTH_PROCESSES / 100
    assert _workers("auto", 16, 8, [form(long)]) == 8
    assert _workers("auto", 6, 8, [form(long)]) == 6
    assert _workers("auto", 16, 8, [form(short)]) == 0
    assert _workers("auto", 16, 1, [form(long)]) == 0
    assert _workers("sync", 16, 8, [form(long)]) == 0
    assert _workers("async", 16, 8, [form(short)]) == 8
    assert _workers("async", 16, 1, [form(short)]) == 1


# Several tasks.


def test_several_tasks_pad_to_the_longest_and_name_the_task() -> None:
    env = make(["Count-v0", "Parts-v0"], 8, seed=1)
    obs = env.reset()["policy"]
    assert env.spec.obs_sizes["policy"] == 7 and env.spec.max_episode_length == 3
    assert env.spec.observation_terms["policy"] == (("observation", 5), ("task", 2))
    assert env.spec.tasks == ("Count-v0", "Parts-v0") and make().spec.tasks == ()
    counts, parts = obs[:, 5] == 1.0, obs[:, 6] == 1.0
    assert counts.any() and parts.any() and torch.equal(counts, ~parts)
    assert (obs[counts][:, [0, 2, 3, 4]] == 0.0).all() and (obs[counts][:, 1] > 0.0).all()
    assert obs[parts][:, :5].tolist() == [[1.0, 0.0, 1.0, 2.0, 0.0]] * int(parts.sum())


def test_every_episode_draws_its_task_anew_and_nothing_of_the_old_one_stays() -> None:
    env = make(["Count-v0", "Parts-v0"], 1, seed=2, max_episode_length=1)
    obs = env.reset()["policy"]
    drawn = []
    for _ in range(300):
        before = obs
        step = env.step(still(env))
        obs, final_obs = step.obs["policy"], step.info.final_obs["policy"]
        assert torch.equal(final_obs[0, 5:], before[0, 5:])  # the last one is of the old task
        drawn.append(int(obs[0, 6]))
        if not drawn[-1]:
            assert (obs[0, 2:5] == 0.0).all()
    assert 120 < sum(drawn) < 180  # 150 with a standard deviation of 8.7
    assert any(a != b for a, b in zip(drawn, drawn[1:]))


def test_metrics_come_out_for_each_task() -> None:
    env = make(["Count-v0", "Parts-v0"], 8, seed=1)
    monitor = Monitor(env)
    counts = int(monitor.reset()["policy"][:, 5].sum())
    for _ in range(2):
        monitor.step(still(env))
    means, _, _ = monitor.collect()
    # Parts-v0 lasts two steps of 1, Count-v0 three: none of the latter has ended.
    assert means["task/Parts-v0/count"] == means["episode/count"] == 8 - counts
    assert means["task/Parts-v0/return"] == means["task/Parts-v0/length"] == 2.0
    assert not any(name.startswith("task/Count-v0") for name in means)
    for _ in range(40):
        monitor.step(still(env))
    means, _, _ = monitor.collect()
    first, second = (means[f"task/{name}-v0/count"] for name in ("Count", "Parts"))
    assert means["episode/count"] == first + second
    assert means["task/Count-v0/return"] == 60.0 + 3 * ZERO and means["task/Parts-v0/return"] == 2.0
    assert means["task/Count-v0/timeout"] == 1.0 and means["task/Count-v0/success"] == 0.0
    assert means["episode/return"] == pytest.approx((63.0 * first + 2.0 * second) / (first + second))
    assert means["reward/steps"] == pytest.approx(60.0 * first / (first + second))


def test_a_test_tells_the_results_of_each_task() -> None:
    env = make(["Count-v0", "Parts-v0"], 8, seed=1)
    counts = int(env.reset()["policy"][:, 5].sum())
    env.rewind()
    results = play(env, Policy(lambda _: still(env)), per_env=1)
    assert {name: task["episodes"] for name, task in results["tasks"].items()} == {
        "Count-v0": counts,
        "Parts-v0": 8 - counts,
    }
    assert results["tasks"]["Count-v0"]["return"]["mean"] == 60.0 + 3 * ZERO
    assert results["tasks"]["Parts-v0"]["return"]["max"] == 2.0
    assert results["tasks"]["Parts-v0"]["success_rate"] == 0.0
    assert results["criteria"] == {"failure/unstable": 0.0} and results["episodes"] == 8


def test_environments_are_made_when_an_episode_first_needs_them() -> None:
    env = make(["Count-v0", "Endless-v0"], 4)
    before = known_envs.Count.made  # the looks are over
    env.reset()
    assert known_envs.Count.made == before + 4


def test_tasks_of_other_actions_are_refused() -> None:
    with pytest.raises(
        EnvError, match="Count-v0 takes 2, Pendulum-v1 takes 1; train them in runs of their own"
    ):
        make(["Count-v0", "Pendulum-v1"])


# What is refused, and how.

BOX = spaces.Box(-1.0, 1.0, (2,))
INFINITE = spaces.Box(torch.tensor([-1.0, 0.0]).numpy(), torch.tensor([1.0, float("inf")]).numpy())


@pytest.mark.parametrize(
    ("observations", "actions", "message"),
    [
        (BOX, spaces.Discrete(3), r"its actions are Discrete\(3\), but the learners here give real numbers"),
        (BOX, spaces.Box(0, 5, (2,), np.int64), "its actions are Box"),
        (BOX, INFINITE, r"action 1 of 2 has the bounds \[0, inf\]"),
        (spaces.Text(5), BOX, r"observation is Text\(.* cannot become numbers"),
    ],
)
def test_spaces_that_no_learner_here_can_use_are_refused(observations, actions, message) -> None:
    with pytest.raises(EnvError, match=message) as caught:
        make("Bare-v0", kwargs={"observations": observations, "actions": actions})
    assert "env.id=Bare-v0" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("HalfCheeta-v5", {}, "no environment of that name. Did you mean HalfCheetah-v5"),
        ("Pendulum", {}, "Did you mean Pendulum-v1"),
        ("known_envs:Cuont-v0", {}, "env.id=Cuont-v0.*Did you mean Count-v0"),
        (
            "Needy-v0",
            {},
            "needs the package a_package_that_is_not_there, .*; install it with: pip install a_package_",
        ),
        ("nowhere:Count-v0", {}, "needs the package nowhere, .* pip install nowhere"),
        (
            "Count-v0",
            {"kwargs": {"raises": 2}},
            "Count-v0 failed in its first steps: ValueError: the wheel came off",
        ),
        ("Count-v0", {"packages": ("nowhere",)}, "needs the package nowhere"),
        (
            "Count-v0",
            {"kwargs": {"gaol": 3}},
            r"cannot be made with env.kwargs=\{'gaol': 3\}: .*unexpected keyword",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_with_its_reason(name: str, settings: Any, message: str) -> None:
    with pytest.raises(EnvError, match=message):
        make(name, **settings)


def test_an_id_may_name_the_module_that_registers_it() -> None:
    env = make("known_envs:Count-v0", 1, packages=())
    assert env.reset()["policy"][0, 0] == 0.0


# Foreign code: whatever it raises, and whatever it returns.


@pytest.mark.parametrize(
    ("reward", "taken"),
    [(3, 3.0), (True, 1.0), (np.float32(0.5), 0.5), (np.array(2.5), 2.5), (np.array([4.0]), 4.0), ([6], 6.0)],
)
def test_a_reward_is_a_number_in_whatever_clothes(reward: Any, taken: float) -> None:
    env = make("Odd-v0", 1, kwargs={"reward": reward})
    env.reset()
    assert env.step(still(env)).reward.tolist() == [taken]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"reward": None}, "the reward is None, not a number"),
        ({"reward": "1.0"}, r"the reward is '1.0' \(str\), not a number"),
        ({"reward": np.zeros(2)}, r"the reward is an array of shape \(2,\) float64, not a number"),
        ({"reward": 1j}, "the reward is a complex, not a number"),
        ({"terminated": None}, "terminated is None, not a number"),
        ({"truncated": "no"}, r"truncated is 'no' \(str\)"),
        ({"info": None}, "the info of step() is None, not a dict".replace("()", r"\(\)")),
        ({"info": {"success": "far"}}, r"info\['success'\] is 'far' \(str\), not a number"),
        (
            {"info": {"reward_terms": {"a": 1.0, "b": "far"}}},
            r"info\['reward_terms'\]\['b'\] is 'far' \(str\)",
        ),
        ({"info": {"reward_terms": [1.0]}}, r"info\['reward_terms'\] is a list of 1, not a dict of numbers"),
        ({"obs": None}, "the observation is None, not numbers"),
        ({"obs": ["a", "b"]}, "the observation is a list of 2, not numbers"),
        ({"obs": np.zeros(3)}, "the observation has 3 numbers, its space says 2"),
    ],
)
def test_what_gymnasium_does_not_allow_is_refused_by_name(kwargs: Any, message: str) -> None:
    with pytest.raises(EnvError, match=rf"env.id=Odd-v0 failed in its first steps: {message}"):
        make("Odd-v0", 1, kwargs=kwargs)
    late = make("Odd-v0", 1, kwargs={**kwargs, "after": 11})  # not among the first steps
    late.reset()
    with pytest.raises(EnvError, match=rf"Odd-v0 \(env 0\) failed in step 11 of its episode: {message}"):
        for _ in range(11):
            late.step(still(late))


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("step", r"step\(\) returned a tuple of 4, .*: gym's old interface had one `done`"),
        ("reset", r"reset\(\) returned an array of shape \(2,\) float64, not \(observation, info\)"),
        ("seed", r"unexpected keyword argument 'seed'.*: gym's old interface had no such argument"),
    ],
)
def test_gyms_old_interface_is_refused_with_what_to_do(kind: str, message: str, limited: bool) -> None:
    name = "Old-v0" if limited else "OldEndless-v0"  # with the limit a wrapper of Gymnasium stumbles first
    with pytest.raises(EnvError, match=f"env.id={name} failed in its first steps: .*{message}"):
        make(name, 1, kwargs={"kind": kind})


@pytest.mark.parametrize("error", [KeyError, AssertionError, SystemExit, RecursionError, ZeroDivisionError])
def test_whatever_a_constructor_raises_is_one_line_that_says_where(error: type[BaseException]) -> None:
    with pytest.raises(EnvError) as caught:
        make("Failing-v0", 1, kwargs={"error": error})
    line = str(caught.value)
    assert line.startswith("env.id=Failing-v0 cannot be made with env.kwargs=") and "\n" not in line
    assert f"{error.__name__}: " in line and "known_envs.py:" in line


def test_a_user_who_interrupts_is_heard_through_foreign_code() -> None:
    with pytest.raises(KeyboardInterrupt):
        make("Failing-v0", 1, kwargs={"error": KeyboardInterrupt})


def test_an_environment_that_exits_ends_with_its_name() -> None:
    env = make("Endless-v0", 1, kwargs={"raises": 12, "error": SystemExit})
    env.reset()
    with pytest.raises(EnvError, match=r"Endless-v0 \(env 0\) failed in step 12 of its episode: SystemExit"):
        for _ in range(12):
            env.step(still(env))


def test_an_environment_that_cannot_be_closed_has_done_its_work(caplog: pytest.LogCaptureFixture) -> None:
    env = make(num_envs=1, kwargs={"sticky": True})
    env.reset()
    env.close()
    told = {record.getMessage() for record in caplog.records}
    (line,) = told
    assert line.startswith("Count-v0 could not be closed: OSError: the door sticks (")


@pytest.mark.slow
def test_an_environment_of_which_there_can_be_one_is_refused_where_its_memory_is_measured() -> None:
    made: list[Any] = []

    def taken(**_: Any) -> Any:
        raise ValueError("the licence is in use")

    def wrap(env: Any) -> Any:
        made.append(env)
        if len(made) > 1:
            env.unwrapped.reset = taken
        return env

    message = "env.id=Count-v0 failed in its first steps: ValueError: the licence is in use"
    with pytest.raises(EnvError, match=message):
        memory_of(recipes(["Count-v0"], packages=("known_envs",), wrap=wrap)[0])
