"""Domain randomisation by hand: what is drawn, for whom, and what it does to the motion."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from puck import OFF, log_of, puck_env
from torch import Tensor

from rlkit.env.api import EnvError
from rlkit.env.randomization.latency import acting_commands
from rlkit.env.task_env import TaskEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.runtime.training.monitor import Monitor
from rlkit.runtime.training.train import overflow_warning
from rlkit.sims.api import SimulatorError
from rlkit.tasks.api import TaskError

EVERYTHING: dict[str, Any] = {
    "mass": {"range": [0.5, 2.0]},
    "friction": {"range": [0.5, 1.5]},
    "stiffness": {"range": [0.5, 2.0], "per": "env"},
    "latency": {"range": [0.0, 0.05]},
    "observationNoise": {"cart": 0.1},
    "push": {"force": [1.0, 5.0]},
}
N = 4


def moves(steps: int, n: int = N, seed: int = 1) -> Tensor:
    return 2.0 * torch.rand(steps, n, 1, generator=torch.Generator().manual_seed(seed)) - 1.0


def same_steps(one: TaskEnv, other: TaskEnv, actions: Tensor) -> None:
    for action in actions:
        ours, theirs = one.step(action), other.step(action)
        for group in ("policy", "critic"):
            assert torch.equal(ours[0][group], theirs[0][group])
            assert torch.equal(ours[4].final_obs[group], theirs[4].final_obs[group])
        for a, b in zip(ours[1:4], theirs[1:4]):
            assert torch.equal(a, b)


# Off.


def test_nothing_is_drawn_and_nothing_changes_where_all_is_off() -> None:
    with_section, without = puck_env(N), puck_env(N, task={"randomization": {}})
    assert torch.equal(with_section.reset()["policy"], without.reset()["policy"])
    same_steps(with_section, without, moves(60))
    assert "randomization" not in with_section.state() and with_section.metrics() == {}
    assert with_section.observe()["policy"] is with_section.observe()["critic"]
    assert not with_section.spec.asymmetric


def test_enabled_false_turns_off_all_but_the_shape_of_the_critic() -> None:
    env, off = puck_env(N, enabled=False, **EVERYTHING), puck_env(N)
    assert torch.equal(env.reset()["policy"], off.reset()["policy"])
    same_steps(env, off, moves(60))
    assert env.spec.asymmetric  # or a policy that was trained with noise would not fit in a test without


# Friction, mass, servos.


def test_twice_the_mass_is_half_the_speed() -> None:
    """1 N for 0.1 s on 1 kg is 0.1 m/s."""
    plain, heavy = puck_env(N), puck_env(N, mass={"range": [2.0, 2.0], "parts": ["cart"]})
    for env, speed in ((plain, 0.1), (heavy, 0.05)):
        env.reset()
        for _ in range(5):
            env.step(torch.ones(N, 1))
        assert env.sim.joint_vel[:, 0].tolist() == pytest.approx([speed] * N, abs=1e-6)
    push = torch.tensor([[4.0, 0.0, 0.0]]).repeat(N, 1)
    heavy.sim.apply_force("puck", push)  # not among the parts: 4 N for 0.02 s on 2 kg
    heavy.step(torch.zeros(N, 1))
    assert heavy.sim.body_lin_vel[:, 1, 0].tolist() == pytest.approx([0.04] * N, abs=1e-6)


def test_a_motor_twice_as_strong_is_twice_the_speed() -> None:
    env = puck_env(N, stiffness={"range": [2.0, 2.0]})
    env.reset()
    env.step(torch.ones(N, 1))
    assert env.sim.joint_vel[:, 0].tolist() == pytest.approx([0.04] * N, abs=1e-6)


def test_only_the_envs_that_are_reset_draw_again_and_per_env_never() -> None:
    env = puck_env(50, logged=True, mass={"range": [0.5, 1.5]}, friction={"range": [0.5, 1.5], "per": "env"})
    env.reset()
    sim, before = log_of(env), {name: factors.clone() for name, factors in log_of(env).factors.items()}
    env.task.episode_step[7:9] = 49  # they end with the next step
    env.step(torch.zeros(50, 1))
    changed = (sim.factors["mass"] != before["mass"]).any(dim=1)
    assert changed.nonzero().flatten().tolist() == [7, 8]
    assert torch.equal(sim.factors["friction"], before["friction"])
    assert len(before["friction"][:, 0].unique()) == 50  # each env has its own
    for name in ("mass", "friction"):
        assert ((sim.factors[name] >= 0.5) & (sim.factors[name] < 1.5)).all()
        assert torch.equal(sim.factors[name][:, 0], sim.factors[name][:, 1])  # one for all parts
    assert [ids for name, ids in sim.scaled if name == "friction"] == [list(range(50))]


def test_each_part_may_have_its_own_factor_and_others_keep_theirs() -> None:
    each = puck_env(20, logged=True, mass={"range": [0.5, 1.5], "each": True})
    one = puck_env(20, logged=True, mass={"range": [0.5, 1.5], "parts": ["puck"]})
    for env in (each, one):
        env.reset()
    factors = log_of(each).factors["mass"]
    assert (factors[:, 0] != factors[:, 1]).all()
    assert (log_of(one).factors["mass"][:, 0] == 1.0).all()
    assert (log_of(one).factors["mass"][:, 1] != 1.0).all()


def test_the_factors_fill_their_range_evenly() -> None:
    env = puck_env(4000, logged=True, mass={"range": [0.5, 1.5]})
    env.reset()
    factors = log_of(env).factors["mass"][:, 0]
    assert factors.mean().item() == pytest.approx(1.0, abs=4 * math.sqrt(1 / 12 / 4000))
    assert torch.histc(factors, 4, 0.5, 1.5).tolist() == pytest.approx([1000] * 4, abs=120)


def test_turning_one_on_changes_the_draws_of_no_other() -> None:
    both = puck_env(N, logged=True, latency={"range": [0.0, 0.2]}, mass={"range": [0.5, 1.5]})
    alone, none = puck_env(N, logged=True, latency={"range": [0.0, 0.2]}), puck_env(N, logged=True)
    first = [env.reset()["critic"].clone() for env in (both, alone, none)]
    assert torch.equal(first[0], first[1]) and torch.equal(first[0], first[2])  # nor those of the task
    assert both.random.latency is not None and alone.random.latency is not None
    assert torch.equal(both.random.latency.delay, alone.random.latency.delay)
    other = puck_env(N, logged=True, seed=1, latency={"range": [0.0, 0.2]})
    other.reset()
    assert other.random.latency is not None
    assert not torch.equal(other.random.latency.delay, alone.random.latency.delay)


# Latency.


def acted(env: TaskEnv, steps: int, first: int = 0) -> list[list[float]]:
    """The command of each simulator step, by env; command k has the value k / 100."""
    sim = log_of(env)
    sim.commands.clear()
    for k in range(first, first + steps):
        env.step(torch.full((env.spec.num_envs, 1), k / 100))
    return (torch.stack(sim.commands) * 100).round().T.tolist()


@pytest.mark.parametrize("delay", [0, 1, 3, 4, 5, 11])
def test_commands_act_exactly_so_many_simulator_steps_later(delay: int) -> None:
    """4 simulator steps of 5 ms a control step; the first command acts from the start."""
    env = puck_env(2, logged=True, dt=0.005, latency={"range": [delay * 0.005] * 2})
    env.reset()
    expected = [max(0, math.floor((step - delay) / 4)) for step in range(40)]
    assert acted(env, 10) == [expected] * 2
    calls = 1 if delay % 4 == 0 else 2  # no more cuts than there are changes
    assert env.random.latency is not None and len(env.random.latency.schedule(torch.zeros(2, 1))) == calls
    alone = [command for k in range(10) for command, n in acting_commands(k, delay, 4) for _ in range(n)]
    assert alone == expected


def test_each_env_has_its_own_latency_and_a_new_episode_forgets_old_commands() -> None:
    env = puck_env(3, logged=True, dt=0.005, latency={"range": [0.0, 0.05]})
    env.reset()
    assert env.random.latency is not None
    env.random.latency.delay.copy_(torch.tensor([0, 3, 9]))
    env.task.episode_step[2] = 45  # its episode ends after 5 steps
    before = acted(env, 5)
    assert before == [[max(0, math.floor((step - delay) / 4)) for step in range(20)] for delay in (0, 3, 9)]
    env.random.latency.delay.copy_(torch.tensor([0, 3, 9]))
    after = acted(env, 5, first=5)
    assert after[:2] == [[math.floor((step - d) / 4) for step in range(20, 40)] for d in (0, 3)]
    assert after[2] == [5 + max(0, math.floor((step - 9) / 4)) for step in range(20)]


def test_latencies_are_drawn_in_seconds_and_rounded_to_steps() -> None:
    env = puck_env(4000, logged=True, dt=0.005, latency={"range": [0.005, 0.015]})
    env.reset()
    assert env.random.latency is not None
    counts = torch.bincount(env.random.latency.delay)
    assert counts[0] == 0 and counts[1:].tolist() == pytest.approx([1000, 2000, 1000], abs=150)


def test_an_episode_to_order_has_no_latency_whatever_the_least_of_the_range() -> None:
    env = puck_env(2, logged=True, dt=0.005, latency={"range": [0.01, 0.01]})
    env.reset()
    assert acted(env, 3)[0] == [0] * 6 + [1] * 4 + [2] * 2
    env.random.rests = True  # as `begin_scenarios` has it, at level 0
    env.random.reset(torch.arange(2))
    assert acted(env, 3) == [[0] * 4 + [1] * 4 + [2] * 4] * 2


def test_a_failure_between_two_commands_is_not_forgotten() -> None:
    def fail(sim: Any, call: int) -> None:
        sim.unstable[1] = call == 2  # the first of the two calls of the second step

    env = puck_env(3, logged=True, on_call=fail, latency={"range": [0.01, 0.01]})
    env.reset()
    assert not env.step(torch.zeros(3, 1)).terminated.any()
    _, _, terminated, _, info = env.step(torch.zeros(3, 1))
    assert terminated.tolist() == [False, True, False]
    assert info.reached["failure/unstable"].tolist() == [False, True, False]


def test_a_push_by_hand_lasts_for_the_whole_control_step() -> None:
    env = puck_env(2, logged=True, latency={"range": [0.01, 0.01]})
    env.reset()
    env.push(1, "puck", (1.0, 2.0, 3.0))
    for _ in range(2):
        env.step(torch.zeros(2, 1))
    pushed = [force[1].tolist() for force in log_of(env).forces]
    assert pushed == [[1.0, 2.0, 3.0]] * 2 + [[0.0, 0.0, 0.0]] * 2


# Observation noise.


def test_the_policy_sees_gaussian_noise_and_the_critic_none() -> None:
    env = puck_env(5000, observationNoise={"cart": 0.5, "puck": 0.02})
    clean = puck_env(5000)
    first, exact = env.reset(), clean.reset()["critic"]
    assert torch.equal(first["critic"], exact)
    for obs, critic in (
        (first, exact),
        (env.step(torch.zeros(5000, 1)).obs, clean.step(torch.zeros(5000, 1)).obs["critic"]),
    ):
        assert torch.equal(obs["critic"], critic)
        noise = obs["policy"] - obs["critic"]
        assert noise.std(dim=0).tolist() == pytest.approx([0.5, 0.5, 0.02, 0.02, 0.02], rel=0.05)
        allowed = 4 * torch.tensor([0.5, 0.5, 0.02, 0.02, 0.02]) / math.sqrt(5000)
        assert (noise.mean(dim=0).abs() < allowed).all()
        assert torch.corrcoef(noise.T).fill_diagonal_(0.0).abs().max() < 0.06
    assert env.spec.asymmetric and env.spec.obs_sizes == {"policy": 5, "critic": 5}


def test_a_term_without_noise_is_exact_and_an_observation_keeps_its_noise() -> None:
    env = puck_env(N, observationNoise={"cart": 0.5})
    obs = env.reset()
    assert torch.equal(obs["policy"][:, 2:], obs["critic"][:, 2:])
    assert torch.equal(env.observe()["policy"], obs["policy"])
    held = obs["policy"].clone()
    env.task.episode_step[1] = 49
    after, _, _, truncated, info = env.step(torch.zeros(N, 1))
    assert truncated.tolist() == [False, True, False, False]
    assert torch.equal(obs["policy"], held)  # what a learner holds is never written into
    going_on = [0, 2, 3]
    assert torch.equal(after["policy"][going_on], info.final_obs["policy"][going_on])
    assert (info.final_obs["policy"][1, :2] != info.final_obs["critic"][1, :2]).all()
    assert (after["policy"][1, :2] != after["critic"][1, :2]).all()


# Pushes.


def test_pushes_come_when_they_should_and_bring_force_times_duration() -> None:
    """2.0 N for 0.04 s on 2 kg are 0.04 m/s, in the plane; every 0.1 s, first after 0.1 s."""
    env = puck_env(200, push={"force": [2.0, 2.0], "interval": [0.1, 0.1]})
    env.reset()
    speeds = []
    for _ in range(8):
        env.step(torch.zeros(200, 1))
        speeds.append(env.sim.body_lin_vel[:, 1].clone())
    assert (torch.stack(speeds[:5]) == 0.0).all()
    assert speeds[5].norm(dim=1).tolist() == pytest.approx([0.02] * 200, abs=1e-5)
    for speed in speeds[6:]:
        assert speed.norm(dim=1).tolist() == pytest.approx([0.04] * 200, abs=1e-5)
        assert (speed[:, 2].abs() < 1e-7).all()
    directions = speeds[7][:, :2] / 0.04
    assert directions.mean(dim=0).norm() < 0.2  # of 200 random ones: 0.07
    assert directions.std(dim=0).tolist() == pytest.approx([math.sqrt(0.5)] * 2, abs=0.1)


def test_the_time_to_the_next_push_and_its_size_are_uniform() -> None:
    env = puck_env(1000, logged=True, push={"force": [1.0, 3.0], "interval": [0.1, 0.2]})
    env.task.max_episode_length = 10**6
    env.reset()
    for _ in range(31):
        env.step(torch.zeros(1000, 1))
    forces = torch.stack(log_of(env).forces[::2])  # of each control step: [31, 1000, 3]
    active = forces.norm(dim=-1) > 0
    first = active.float().argmax(dim=0)
    assert (first.min(), first.max()) == (5, 10)
    second = 31 - active[first.max() :].flip(0).float().argmax(
        dim=0
    )  # within 5 to 10 steps of the one before
    assert (second > first + 4).all()
    sizes = forces.norm(dim=-1)[active]
    assert sizes.min() >= 1.0 and sizes.max() < 3.0 and sizes.mean().item() == pytest.approx(2.0, abs=0.1)
    runs = (active[1:] & ~active[:-1]).sum() * 2 - active.sum()  # each lasts two control steps
    assert abs(int(runs)) <= int(active[-1].sum())  # but those that the end cuts off


def test_a_reset_ends_a_push() -> None:
    env = puck_env(2, logged=True, push={"force": [1.0, 1.0], "interval": [0.1, 0.1], "duration": 0.08})
    env.reset()
    env.task.episode_step[0] = 44  # ends in the first step of its push
    for _ in range(7):
        env.step(torch.zeros(2, 1))
    active = [[bool(force[i].any()) for force in log_of(env).forces[::2]] for i in (0, 1)]
    assert active == [[False] * 5 + [True, False], [False] * 5 + [True, True]]


# Curriculum.


def test_a_curriculum_widens_the_ranges_from_nothing() -> None:
    env = puck_env(
        N, logged=True, learning=True, mass={"range": [3.0, 3.0]}, curriculum={"start": 0.0, "steps": 4}
    )
    env.reset()
    seen = []
    for _ in range(6):
        env.task.episode_step[:] = 49  # every step is an episode
        env.step(torch.zeros(N, 1))
        seen.append(
            (env.task.level, env.metrics()["randomization/level"], log_of(env).factors["mass"][0, 0].item())
        )
    assert seen == [(level, level, 1.0 + 2.0 * level) for level in (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)]
    other = puck_env(N, logged=True, learning=True, mass={"range": [3.0, 3.0]}, curriculum={"steps": 8})
    other.load_state(env.state())
    assert other.task.level == 0.75  # 6 of 8


def test_evaluations_and_tests_are_at_the_end_of_the_curriculum() -> None:
    env = puck_env(
        N, logged=True, mass={"range": [3.0, 3.0]}, curriculum={"start": 0.1, "end": 0.5, "steps": 10}
    )
    env.reset()
    assert env.task.level == 0.5 and log_of(env).factors["mass"][0, 0] == 2.0
    assert env.metrics() == {}


@pytest.mark.parametrize("learning", [True, False])
def test_at_the_end_of_a_curriculum_all_envs_have_the_same_latency(learning: bool) -> None:
    """Half of 20 ms in steps of 5 ms."""
    env = puck_env(
        N,
        logged=True,
        learning=learning,
        dt=0.005,
        latency={"range": [0.02, 0.02]},
        curriculum={"end": 0.5, "steps": 1},
    )
    env.reset()
    env.task.episode_step[:] = 49
    env.step(torch.zeros(N, 1))
    assert env.random.latency is not None and env.random.latency.delay.tolist() == [2] * N


# Resuming.


def test_factors_for_good_are_given_once_also_after_a_resume() -> None:
    settings: dict[str, Any] = {"logged": True, "mass": {"range": [0.5, 1.5], "per": "env"}}
    env, again = puck_env(N, **settings), puck_env(N, seed=9, **settings)
    env.reset()
    again.load_state(env.state())
    for _ in range(50):
        again.step(torch.zeros(N, 1))
    assert log_of(again).scaled == []  # the simulator's own state holds them


def test_a_state_of_another_simulator_is_refused() -> None:
    env, other = puck_env(N), puck_env(N, logged=True)
    for each in (env, other):
        each.reset()
    state = {**env.state(), "sim": {**env.sim.state(), **other.sim.state()}}
    del state["sim"]["integration"]
    with pytest.raises(SimulatorError, match="another simulator"):
        env.load_state(state)


def test_everything_at_once_continues_bit_exactly() -> None:
    settings = {**EVERYTHING, "learning": True, "curriculum": {"start": 0.2, "steps": 100}}
    env, twin = puck_env(N, **settings), puck_env(N, seed=9, **settings)
    env.reset()
    env.stagger()
    actions = moves(90)
    for action in actions[:37]:
        env.step(action)
    twin.load_state(env.state())
    for group in ("policy", "critic"):
        assert torch.equal(env.observe()[group], twin.observe()[group])
    same_steps(env, twin, actions[37:])
    assert env.metrics() == twin.metrics()


def test_a_start_that_is_loaded_again_repeats_every_draw() -> None:
    """As evaluations do, which load the state from before the first reset."""
    env = puck_env(N, **EVERYTHING)
    start, runs = env.state(), []
    for _ in range(2):
        env.load_state(start)
        run = [env.reset()["policy"]]
        run += [env.step(action).obs["policy"] for action in moves(60)]
        runs.append(torch.stack(run))
    assert torch.equal(*runs)


def test_a_state_of_other_randomisations_is_refused() -> None:
    env = puck_env(N, mass={"range": [0.5, 1.5]})
    env.reset()
    with pytest.raises(EnvError, match="of nothing when this was saved, and is of mass now"):
        env.load_state(puck_env(N).state())
    each = puck_env(N, mass={"range": [0.5, 1.5], "each": True})
    with pytest.raises(EnvError, match=r"task\.randomization differ"):
        each.load_state(env.state())


# Refusals.


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"mass": {"range": [1, 2], "parts": ["pukc"]}}, SimulatorError, "no 'pukc' has mass; did you mean puck"),
        ({"damping": {"range": [1, 2]}}, SimulatorError, "damping: nothing in this scene has damping"),
        ({"push": {"force": [1, 2], "body": "disc"}}, SimulatorError, r"push.body=disc: no body 'disc'.*cart, puck"),
        ({"observationNoise": {"carts": 1.0}}, TaskError, "observationNoise.carts: .*did you mean cart"),
    ],
)  # fmt: skip
def test_what_the_scene_does_not_have_is_refused_by_name(settings: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        puck_env(N, **settings)


def test_what_the_simulator_cannot_vary_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, quantity: str) -> tuple[str, ...]:
        raise SimulatorError(f"Brick cannot vary {quantity}")

    monkeypatch.setattr("puck.Logged.parts", refuse)
    with pytest.raises(
        SimulatorError, match=r"friction: Brick cannot vary friction; write .*friction.range=null"
    ):
        puck_env(N, logged=True, friction={"range": [0.5, 1.5]})


# What the env tells of itself.


def test_contacts_that_found_no_room_are_told_where_a_simulator_has_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("puck.Logged.overflows", lambda sim: 3, raising=False)
    env = puck_env(N, logged=True)
    for outer in (env, DeviceEnv(env, torch.device("cpu")), Monitor(env)):
        assert outer.metrics() == {"physics/overflow": 3.0}
    assert "sim.maxContacts=128" in overflow_warning(env.metrics(), 64)["overflow"]
    assert overflow_warning({"physics/overflow": 0.0}, 64) == {} == overflow_warning({}, 0)


def test_the_names_of_what_can_vary_agree_with_the_configuration() -> None:
    from rlkit.config.schema.randomization import KEYS, QUANTITIES
    from rlkit.sims.api import QUANTITIES as OF_SIMULATORS

    assert tuple(QUANTITIES) == OF_SIMULATORS
    sections = {key.name.split(".")[2] for key in KEYS}
    assert sections == set(OFF)
