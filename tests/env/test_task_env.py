"""The order of events inside a step, by hand, on a cart whose position is the number of steps since its reset."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from torch import Tensor

from rlkit.env.task_env import EnvError, TaskEnv
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec, SimulatorError
from rlkit.tasks.api import Task, TaskError, failure, metric, observation, reward, success

CONFIG = {
    "name": "Counter",
    "controlPeriod": 0.02,
    "episodeLength": 5,
    "observations": ["position"],
    "rewardWeights": {"progress": 2.0, "unused": 0.0},
    "termination": {"success": {"reached": True}, "failure": {"lost": True}},
    "terminationRewards": {"success": 100.0, "failure": -50.0, "timeout": -7.0},
}


class Counter(Task):
    """Position counts control steps; an env succeeds at `goal`, fails at `limit`."""

    action_names = ("push",)

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        return SceneSpec(mjcf="", joints=("slide",), actuators=("slide",))

    def __init__(self, config: Any, sim: Any, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.goal = torch.full((self.num_envs,), 1e9)
        self.limit = torch.full((self.num_envs,), 1e9)
        self.seen_actions: list[Tensor] = []

    def controls(self, actions: Tensor) -> Tensor:
        self.seen_actions.append(actions.clone())
        return actions

    def refresh(self) -> None:
        self.position_now = self.sim.joint_pos[:, 0]

    def reset(self, env_ids: Tensor) -> ResetState:
        zero = torch.zeros(len(env_ids), 1)
        return ResetState(zero, zero, torch.zeros(len(env_ids), 0, 7), torch.zeros(len(env_ids), 0, 6))

    @observation(1)
    def position(self) -> Tensor:
        return self.sim.joint_pos

    @reward
    def progress(self) -> Tensor:
        return self.position_now

    @reward
    def unused(self) -> Tensor:
        raise AssertionError("a term of weight 0 is not evaluated")

    @success
    def reached(self) -> Tensor:
        return self.position_now >= self.goal

    @failure
    def lost(self) -> Tensor:
        return self.position_now >= self.limit


class Measured(Counter):
    """Tells twice its position as a metric."""

    @metric
    def doubled(self) -> Tensor:
        return 2.0 * self.position_now


SLIDES = """
<mujoco><worldbody>
  <body name="cube"><freejoint/><geom size="0.1"/></body>
  <body><joint name="other" type="slide"/><geom size="0.1"/></body>
  <body><joint name="slide" type="slide"/><geom size="0.1"/></body>
</worldbody></mujoco>
"""


class Aiming(Counter):
    """Wants the slide ahead by 10, and the cube, which is not in its simulator's joints, at 1 2 3."""

    wanted: tuple[str, ...] = ("slide", "cube")

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        return SceneSpec(mjcf=SLIDES, joints=("slide",), actuators=("slide",))

    def ghost(self, env_ids: Tensor) -> dict[str, Tensor]:
        cube = torch.tensor([1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 0.0]).expand(len(env_ids), 7)
        return dict(zip(self.wanted, (self.position_now[env_ids] + 10.0 * env_ids, cube)))


class WithStates(StubSimulator):
    """Shows the slide at its joint's place, the cube at the origin and the other slide at 0.5."""

    def render_states(self, env_ids: Any) -> dict[str, Any]:
        qpos = torch.zeros(len(env_ids), 9)
        qpos[:, 3], qpos[:, 7], qpos[:, 8] = 1.0, 0.5, self.joint_pos[list(env_ids), 0]
        return {"qpos": qpos.numpy(), "ctrl": qpos[:, :1].numpy()}


def aiming(wanted: tuple[str, str]) -> TaskEnv:
    sim = WithStates(Aiming.scene(CONFIG), 3, advance)
    task = Aiming(CONFIG, sim, torch.Generator())
    task.wanted = wanted
    env = TaskEnv(sim, task)
    env.reset()
    return env


def test_a_ghost_is_the_state_with_what_the_task_names_where_it_wants_it() -> None:
    env = aiming(("slide", "cube"))
    env.watch([2, 1])
    watched = env.step(torch.zeros(3, 1)).info.watched
    assert watched is not None
    assert watched.state["ghost"].tolist() == [
        [1.0, 2.0, 3.0, 0.0, 1.0, 0.0, 0.0, 0.5, 1.0 + 10.0 * env_id] for env_id in (2, 1)
    ]
    assert watched.state["qpos"].tolist() == [[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.5, 1.0]] * 2
    assert "ghost" not in make().poses([0])


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (("slid", "cube"), "no joint or free body 'slid'; the nearest is 'slide'"),
        (("slide", "other"), "task Counter: its ghost has 8 numbers an env, but what it names has 2"),
    ],
)
def test_a_ghost_of_what_is_not_there_is_refused(wanted: tuple[str, str], words: str) -> None:
    with pytest.raises((SimulatorError, EnvError), match=words):
        aiming(wanted).poses([0])


def test_the_metrics_of_a_step_are_told_of_the_watched_envs() -> None:
    env = make(task=Measured)
    env.reset()
    env.watch([1])
    env.step(torch.zeros(3, 1))
    watched = env.step(torch.zeros(3, 1)).info.watched
    assert watched is not None
    assert env.spec.metrics == ("doubled",)
    assert watched.metrics.tolist() == [[4.0]]
    plain = make()
    plain.watch([1, 0])
    plain.reset()
    watched = plain.step(torch.zeros(3, 1)).info.watched
    assert watched is not None and watched.metrics.shape == (2, 0)


def advance(sim: StubSimulator, _: Tensor) -> None:
    sim.joint_pos += 1.0


def make(
    n: int = 3,
    config: Any = CONFIG,
    on_step: Any = advance,
    task: type[Counter] = Counter,
    **physics: Any,
) -> TaskEnv:
    settings = PhysicsSettings(**{"dt": 0.01, "substeps": 2, **physics})
    sim = StubSimulator(task.scene(config), n, on_step, settings)
    return TaskEnv(sim, task(config, sim, torch.Generator()))


def test_a_task_is_called_as_it_was_asked_for() -> None:
    class Named(Counter):
        name = "Other"

    env = make(config={**CONFIG, "name": "Asked"}, task=Named)
    assert env.spec.task == env.task.name == "Asked"


def test_a_time_out_bootstraps_from_the_true_last_observation_and_returns_the_next_first() -> None:
    env = make()
    assert torch.equal(env.reset()["policy"], torch.zeros(3, 1))
    for step in range(1, 5):
        obs, rewards, terminated, truncated, _ = env.step(torch.zeros(3, 1))
        assert obs["policy"].flatten().tolist() == [step] * 3
        assert rewards.tolist() == [2.0 * step] * 3
        assert not (terminated | truncated).any()
    obs, rewards, terminated, truncated, info = env.step(torch.zeros(3, 1))
    assert truncated.all() and not terminated.any()
    assert info.final_obs["policy"].flatten().tolist() == [5.0] * 3
    assert obs["policy"].flatten().tolist() == [0.0] * 3
    assert rewards.tolist() == [2.0 * 5 - 7.0] * 3
    assert info.episodes["count"] == 3 and info.episodes["timeout"] == 3
    assert info.episodes["return"] == 3 * (2.0 * 15 - 7.0)
    assert info.episodes["reward/progress"] == 3 * 2.0 * 15
    assert info.episodes["length"] == 15


def test_a_metric_is_a_mean_over_the_steps_of_each_episode_and_no_part_of_its_return() -> None:
    env = make(task=Measured)
    env.reset()
    task = env.task
    assert isinstance(task, Measured)
    task.goal[0] = 2.0  # env 0 plays episodes of two steps, the others of five
    told = [env.step(torch.zeros(3, 1)).info.episodes for _ in range(5)]
    of_two, of_five = 2.0 * (1 + 2) / 2, 2.0 * (1 + 2 + 3 + 4 + 5) / 5
    assert [episodes["metric/doubled"].item() for episodes in told if episodes] == [
        of_two,
        of_two,
        2 * of_five,
    ]
    assert told[4]["return"] == 2 * (2.0 * 15 - 7.0)


def test_the_sums_of_metrics_are_part_of_the_state() -> None:
    env, other = make(task=Measured), make(task=Measured)
    for each in (env, other):
        each.reset()
    for _ in range(3):
        env.step(torch.zeros(3, 1))
    other.load_state(env.state())
    other.step(torch.zeros(3, 1))
    episodes = other.step(torch.zeros(3, 1)).info.episodes
    assert episodes["metric/doubled"] == 3 * 6.0


def test_episodes_of_another_kind_of_device_cannot_go_on() -> None:
    """A generator of CUDA has 16 bytes of state, one of the CPU 5056."""
    env = make(task=Measured)
    env.reset()
    with pytest.raises(EnvError, match="another kind of device"):
        env.load_state({**env.state(), "generator": torch.zeros(16, dtype=torch.uint8)})


def test_a_step_that_physics_spoilt_counts_as_zero_in_a_metric() -> None:
    def explode(sim: StubSimulator, _: Tensor) -> None:
        sim.joint_pos += 1.0
        sim.unstable[1] = (sim.joint_pos[1] >= 2.0).all()

    env = make(task=Measured, on_step=explode)
    env.reset()
    env.step(torch.zeros(3, 1))
    episodes = env.step(torch.zeros(3, 1)).info.episodes
    assert (episodes["count"], episodes["metric/doubled"]) == (1, (2.0 * 1 + 0.0) / 2)


def test_success_counts_before_failure_and_failure_before_time_out() -> None:
    env = make()
    env.reset()
    task = env.task
    assert isinstance(task, Counter)
    task.episode_step[1:] += 1  # the last step of env 1 and 2 is the one before the last of env 0
    for _ in range(3):
        env.step(torch.zeros(3, 1))
    task.goal[0] = task.limit[0] = task.limit[1] = 4.0
    _, rewards, terminated, truncated, info = env.step(torch.zeros(3, 1))
    assert terminated.tolist() == [True, True, False]
    assert truncated.tolist() == [False, False, True]
    assert info.success.tolist() == [True, False, False]
    assert rewards.tolist() == [8.0 + 100.0, 8.0 - 50.0, 8.0 - 7.0]
    assert info.reached["failure/lost"].tolist() == [True, True, False]
    assert info.episodes["success/reached"] == 1 and info.episodes["failure/lost"] == 2


@pytest.mark.parametrize("ends", [True, False])
def test_a_success_in_the_last_possible_step_is_bootstrapped_where_it_does_not_end_the_task(
    ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts and pays as a success in any case."""
    monkeypatch.setattr(Counter, "success_ends", ends)
    env = make()
    env.reset()
    task = env.task
    assert isinstance(task, Counter)
    task.goal[0] = task.goal[2] = task.limit[2] = 5.0
    for _ in range(4):
        env.step(torch.zeros(3, 1))
    _, rewards, terminated, truncated, info = env.step(torch.zeros(3, 1))
    assert terminated.tolist() == [ends, False, ends] and truncated.tolist() == [not ends, True, not ends]
    assert info.success.tolist() == [True, False, True]
    assert rewards.tolist() == [10.0 + 100.0, 10.0 - 7.0, 10.0 + 100.0]
    assert info.episodes["success"] == 2 and info.episodes["timeout"] == (1 if ends else 3)
    assert info.final_obs["policy"].flatten().tolist() == [5.0] * 3


def test_only_the_ended_env_starts_anew() -> None:
    env = make()
    env.reset()
    task = env.task
    assert isinstance(task, Counter)
    task.limit[1] = 2.0
    env.step(torch.zeros(3, 1))
    obs, *_ = env.step(torch.zeros(3, 1))
    assert obs["policy"].flatten().tolist() == [2.0, 0.0, 2.0]
    assert task.episode_step.tolist() == [2, 0, 2]
    obs, _, _, _, info = env.step(torch.zeros(3, 1))
    assert obs["policy"].flatten().tolist() == [3.0, 1.0, 3.0]
    assert info.episodes == {}


def test_an_exploded_env_ends_as_a_failure_with_finite_numbers() -> None:
    def explode(sim: StubSimulator, _: Tensor) -> None:
        sim.joint_pos += 1.0
        sim.joint_pos[1] = float("nan")
        sim.unstable[1] = True

    env = make(on_step=explode)
    env.reset()
    obs, rewards, terminated, _, info = env.step(torch.zeros(3, 1))
    assert terminated.tolist() == [False, True, False]
    assert rewards.tolist() == [2.0, -50.0, 2.0]
    assert info.final_obs["policy"][1] == 0.0 and obs["policy"][1] == 0.0
    assert info.reached["failure/unstable"].tolist() == [False, True, False]


def test_actions_are_clamped_and_held_for_one_control_period() -> None:
    env = make(dt=0.005)
    env.reset()
    env.step(torch.tensor([[3.0], [-3.0], [0.5]]))
    task = env.task
    assert isinstance(task, Counter)
    assert task.seen_actions[0].flatten().tolist() == [1.0, -1.0, 0.5]
    assert (
        isinstance(env.sim, StubSimulator) and env.sim.steps_taken == 4
    )  # 0.02 s / 0.005 s, whatever the substeps


def test_a_control_period_that_is_no_multiple_of_dt_is_refused() -> None:
    with pytest.raises(SimulatorError, match="not a whole number of simulator steps"):
        make(dt=0.015)


def test_stagger_spreads_the_ends() -> None:
    env = make(5)
    env.reset()
    env.stagger()
    ends = []
    for _ in range(5):
        _, _, _, truncated, _ = env.step(torch.zeros(5, 1))
        ends.append(int(truncated.sum()))
    assert ends == [1, 1, 1, 1, 1]


def test_a_made_up_age_is_no_step_that_was_played() -> None:
    env = make(5)
    env.reset()
    env.stagger()
    env.step(torch.zeros(5, 1))  # the last env, of age 4, times out and begins anew
    assert env.task.episode_step.tolist() == [1, 2, 3, 4, 0]
    assert env.task.steps_played.tolist() == [1, 1, 1, 1, 0]


def test_what_stagger_cut_short_counts_nowhere_and_all_else_by_its_true_length() -> None:
    env = make(5)  # ages 0 to 4 of 5
    env.reset()
    env.stagger()
    assert isinstance(env.task, Counter)
    env.task.limit[3] = 1.0  # fails in its first step: an episode like any other
    sums = []
    for _ in range(10):
        sums.append(env.step(torch.zeros(5, 1)).info.episodes)
        env.task.limit[3] = 1e9
    counts = [float(step["count"]) if step else 0.0 for step in sums]
    # Env 4 times out in step 1, env 2 in step 3, env 1 in step 4: cut short. Env 0 plays 5 steps, then all do.
    assert counts == [1.0, 0.0, 0.0, 0.0, 1.0, 2.0, 0.0, 1.0, 1.0, 1.0]
    assert sums[0]["length"] == 1.0 and sums[0]["return"] == 2.0 - 50.0 and sums[0]["timeout"] == 0.0
    assert sums[0]["failure/lost"] == 1.0 and sums[0]["reward/progress"] == 2.0
    for step in (4, 7, 8, 9):
        assert sums[step]["length"] == 5.0 and sums[step]["return"] == 2.0 * 15 - 7.0
    assert sums[5]["length"] == 10.0  # env 3, after its failure, and env 4
    assert sums[2]["count"] == sums[2]["length"] == sums[2]["return"] == sums[2]["reward/progress"] == 0.0


def test_the_made_up_age_survives_a_checkpoint_and_older_ones_have_none() -> None:
    first, second = make(5), make(5)
    first.reset()
    first.stagger()
    second.reset()
    second.load_state(first.state())
    assert second.step(torch.zeros(5, 1)).info.episodes["count"] == 0.0
    older = {name: value for name, value in first.state().items() if name != "head_start"}
    second.load_state(older)
    assert second.step(torch.zeros(5, 1)).info.episodes["count"] == 1.0


def test_state_continues_bit_exactly() -> None:
    def noisy(sim: StubSimulator, ctrl: Tensor) -> None:
        sim.joint_pos += ctrl * 0.37

    first, second = make(on_step=noisy), make(on_step=noisy)
    actions = torch.rand(12, 3, 1, generator=torch.Generator().manual_seed(1))
    first.reset()
    for action in actions[:4]:
        first.step(action)
    second.load_state(first.state())
    assert torch.equal(first.observe()["policy"], second.observe()["policy"])
    for action in actions[4:]:
        ours, theirs = first.step(action), second.step(action)
        for a, b in zip(ours[1:4], theirs[1:4]):
            assert torch.equal(a, b)
        assert ours.info.episodes.keys() == theirs.info.episodes.keys()
        for name, value in ours.info.episodes.items():
            assert torch.equal(value, theirs.info.episodes[name])


def test_a_state_of_another_number_of_envs_is_refused() -> None:
    small = make(2)
    small.reset()
    with pytest.raises(EnvError, match="number of envs"):
        make(3).load_state(small.state())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rewardWeights": {"progres": 1.0}}, "did you mean progress"),
        ({"observations": ["positions"]}, "did you mean position"),
        ({"termination": {"success": {"lost": True}, "failure": {}}}, "no success term 'lost'"),
    ],
)
def test_names_that_the_task_lacks_are_refused(change: Any, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        make(config={**CONFIG, **change})


# Numbers that are not finite, and terms that are not what they promise.


def step_of(env: TaskEnv, actions: float = 0.0) -> Any:
    return env.step(torch.full((env.spec.num_envs, 1), actions))


def test_a_reward_term_that_is_not_finite_is_named() -> None:
    env = make()
    env.reset()
    step_of(env)
    env.task.reward_terms["progress"] = lambda: torch.tensor([1.0, -torch.inf, torch.nan])
    with pytest.raises(EnvError) as caught:
        step_of(env)
    assert str(caught.value) == "task Counter: the reward term progress is -inf in env 1, 2, in step 2"


def test_an_observation_that_is_not_finite_is_named_whenever_it_is_seen_first() -> None:
    def spoil(sim: StubSimulator, _: Tensor) -> None:
        sim.joint_pos[2] = torch.nan

    env = make(on_step=spoil, config={**CONFIG, "rewardWeights": {}})
    env.reset()
    with pytest.raises(EnvError, match="the observation term position is nan in env 2, in step 1"):
        step_of(env)
    env = make()  # in a first observation: the step that follows says it
    env.reset()
    env.task.observation_terms["position"] = lambda: torch.full((3, 1), torch.nan)
    env.reset()
    with pytest.raises(EnvError, match="the observation term position is nan in env 0, 1, 2, in step 1"):
        step_of(env, torch.nan)  # what a policy makes of it


def test_actions_that_are_not_finite_are_the_policys_fault() -> None:
    env = make()
    env.reset()
    with pytest.raises(
        EnvError, match=r"^the actions given are not finite in env 0, 1, 2: what computes them gives NaN"
    ):
        step_of(env, torch.nan)


def test_a_sum_that_overflows_is_no_fault_where_every_number_is_finite() -> None:
    env = make(config={**CONFIG, "rewardWeights": {"progress": 2e38}})
    env.reset()
    assert step_of(env)[1].tolist() == torch.tensor([2e38] * 3).tolist()


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (
            "reward",
            torch.tensor(1.0),
            r"the reward term progress has shape \[\], must be \[3\], one number for each",
        ),
        ("reward", torch.ones(3, 1), r"has shape \[3, 1\], must be \[3\]"),
        ("reward", torch.ones(3).double(), r"is float64, must be float32; .float\(\) makes it so"),
        ("reward", 1.0, r"returns float, not a tensor \[3\] float32"),
        ("reward", None, "returns NoneType"),
        (
            "observation",
            torch.ones(3, 2),
            r"position has shape \[3, 2\], must be \[3, 1\], as @observation\(1\)",
        ),
        (
            "observation",
            torch.ones(3, 1).double(),
            "the observation term position is float64, must be float32",
        ),
        ("observation", torch.ones(3), r"has shape \[3\], must be \[3, 1\]"),
        ("success", torch.tensor(False), r"the success term reached has shape \[\], must be \[3\]"),
        ("failure", torch.zeros(3), "the failure term lost is float32, must be bool; a comparison gives it"),
    ],
)
def test_a_term_that_is_not_what_it_promises_is_named_in_the_first_step(
    kind: str, value: Any, message: str
) -> None:
    env = make()
    name = {"reward": "progress", "observation": "position", "success": "reached", "failure": "lost"}[kind]
    getattr(env.task, f"{kind}_terms")[name] = lambda: value
    with pytest.raises(EnvError, match=f"task Counter: .*{message}"):
        env.reset()
        step_of(env)


def test_what_the_tasks_own_code_raises_is_one_line_that_says_where() -> None:
    def wheel() -> Tensor:
        return {}["wheel"]

    env = make()
    env.reset()
    step_of(env)
    env.task.reward_terms["progress"] = wheel
    with pytest.raises(EnvError) as caught:
        step_of(env)
    line, details = str(caught.value), caught.value.details
    assert (
        line.startswith("task Counter failed in step 2: KeyError: 'wheel' (") and "test_task_env.py:" in line
    )
    assert details.startswith("Traceback")
