"""Tasks for sums by hand. Puck, without gravity or friction: a cart on a rail with a motor, and a free puck.

Courses: three that are walked; the position is the number of steps, in m.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

import torch
from stub_simulator import StubSimulator
from torch import Tensor

from rlkit.env.task_env import TaskEnv
from rlkit.sims.api import QUANTITIES, PhysicsSettings, ResetState, SceneSpec, Simulator
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.api import Task, fact, failure, observation, reward, success

MJCF = """
<mujoco><option gravity="0 0 0"/>
  <worldbody>
    <body name="cart"><joint name="rail" type="slide" axis="1 0 0"/>
      <geom size="0.1" mass="1" contype="0" conaffinity="0"/>
    </body>
    <body name="puck" pos="0 0 5"><freejoint/><geom name="puck" size="0.1" mass="2"/></body>
  </worldbody>
  <actuator><motor name="motor" joint="rail"/></actuator>
</mujoco>"""
CONFIG: dict[str, Any] = {
    "name": "Puck",
    "controlPeriod": 0.02,
    "episodeLength": 50,
    "observations": ["cart", "puck"],
    "rewardWeights": {"speed": 1.0},
    "termination": {"success": {}, "failure": {}},
    "terminationRewards": {"success": 0.0, "failure": 0.0, "timeout": 0.0},
}
OFF: dict[str, Any] = {
    "enabled": True,
    **{quantity: {"range": None, "parts": [], "each": False, "per": "episode"} for quantity in QUANTITIES},
    "latency": {"range": None, "per": "episode"},
    "observationNoise": {},
    "push": {"force": None, "interval": [0.1, 0.2], "duration": 0.04, "body": None},
    "curriculum": {"start": 0.0, "end": 1.0, "steps": 0},
}


class Puck(Task):
    """The action is the motor's force in N; the cart begins within 0.1 m of the origin."""

    action_names = ("force",)

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        """Rail and puck."""
        return SceneSpec(MJCF, ("rail",), ("motor",), bodies=("cart", "puck"), free_bodies=("puck",))

    def controls(self, actions: Tensor) -> Tensor:
        """As they are."""
        return actions

    def refresh(self) -> None:
        """Nothing is shared."""

    def reset(self, env_ids: Tensor) -> ResetState:
        """At rest."""
        k = len(env_ids)
        pose = torch.tensor([0.0, 0.0, 5.0, 1.0, 0.0, 0.0, 0.0]).repeat(k, 1, 1)
        return ResetState(self.uniform(-0.1, 0.1, k, 1), torch.zeros(k, 1), pose, torch.zeros(k, 1, 6))

    @observation(2)
    def cart(self) -> Tensor:
        """Position (m) and velocity (m/s) on the rail."""
        return torch.cat([self.sim.joint_pos, self.sim.joint_vel], dim=-1)

    @observation(3)
    def puck(self) -> Tensor:
        """Its velocity, m/s."""
        return self.sim.body_lin_vel[:, self.sim.body("puck")]

    @reward
    def speed(self) -> Tensor:
        """Of the cart, m/s."""
        return self.sim.joint_vel[:, 0]


class Logged(StubSimulator):
    """Notes the commands and forces of every single simulator step, and factors; `on_call(sim, number)` may move it."""

    def __init__(self, *args: Any, on_call: Callable[..., None] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands: list[Tensor] = []  # of each simulator step
        self.forces: list[Tensor] = []  # on any body, of each simulator step
        self.factors = {quantity: torch.ones(self.num_envs, 2) for quantity in QUANTITIES}
        self.scaled: list[tuple[str, list[int]]] = []
        self._on_call, self._pending, self._calls = on_call, torch.zeros(self.num_envs, 3), 0

    def step(self, ctrl: Tensor, num_steps: int) -> None:
        super().step(ctrl, num_steps)
        self.commands += [ctrl[:, 0].clone()] * num_steps
        self.forces += [self._pending] * num_steps
        self._pending = torch.zeros(self.num_envs, 3)
        if self._on_call is not None:
            self._on_call(self, self._calls)
        self._calls += 1

    def apply_force(self, body: str, force: Tensor) -> None:
        self._pending = self._pending + force

    def parts(self, quantity: str) -> tuple[str, ...]:
        return ("cart", "puck")

    def scale(self, quantity: str, env_ids: Tensor, factors: Tensor) -> None:
        self.factors[quantity][env_ids] = factors
        self.scaled.append((quantity, env_ids.tolist()))


def puck_env(
    num_envs: int = 3,
    *,
    logged: bool = False,
    seed: int = 0,
    learning: bool = False,
    dt: float = 0.01,
    on_call: Callable[..., None] | None = None,
    task: dict[str, Any] | None = None,
    **randomization: Any,
) -> TaskEnv:
    """`randomization`: sections on top of `OFF`, as mass={"range": [2, 2]}; task: other settings of the task."""
    merged = {**OFF, **{name: _merged(OFF[name], value) for name, value in randomization.items()}}
    config = {**CONFIG, "randomization": merged, **(task or {})}
    physics = PhysicsSettings(dt=dt, substeps=1, num_threads=1)
    scene = Puck.scene(config)
    sim: Simulator = (
        Logged(scene, num_envs, physics=physics, on_call=on_call)
        if logged
        else MujocoSimulator(scene, physics, num_envs)
    )
    return TaskEnv(sim, Puck(config, sim, torch.Generator().manual_seed(seed)), learning=learning)


def _merged(base: Any, value: Any) -> Any:
    return {**base, **value} if isinstance(base, dict) else value


def log_of(env: TaskEnv) -> Logged:
    """The simulator of an env that was made with `logged`."""
    assert isinstance(env.sim, Logged)
    return env.sim


COURSES: dict[str, Any] = {
    "name": "Courses",
    "controlPeriod": 0.5,
    "episodeLength": 6,
    "observations": ["position"],
    "rewardWeights": {"still": 1.0},
    "termination": {"success": {"arrived": True}, "failure": {"fell": True}},
    "terminationRewards": {"success": 0.0, "failure": 0.0, "timeout": 0.0},
    "randomization": {"enabled": True, "observationNoise": {"position": 1.0}},
}
GOALS, HOLES = (2.0, 4.0, 9.0), (9.0, 9.0, 3.0)  # m; of the courses, and 9 where none is reached


class Courses(Task):
    """ "short" ends at 2 m and "long" at 4 m; "broken" has a hole at 3 m. Any other walk is 6 m long, a time-out."""

    name = "Courses"
    action_names = ("push",)
    scenarios = ("short", "long", "broken")
    scenario_noun = "course"

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        """A slide."""
        return SceneSpec(mjcf="", joints=("slide",), actuators=("slide",))

    def __init__(self, config: Any, sim: Any, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.sums = self.buffer("sums")  # m
        self.weights = torch.ones(3)
        self.begun: list[list[int]] = []

    def controls(self, actions: Tensor) -> Tensor:
        """As they are."""
        return actions

    def refresh(self) -> None:
        """Where it stands, and where its course ends."""
        self.at = self.sim.joint_pos[:, 0]
        ends = torch.tensor([*zip(GOALS, HOLES), (9.0, 9.0)])[self.scenario]
        self.goal, self.hole = ends.unbind(-1)

    def remember(self) -> None:
        """For the mean."""
        self.sums += self.at

    def reset(self, env_ids: Tensor) -> ResetState:
        """At 0."""
        self.begun.append(self.scenario[env_ids].tolist())
        zero = torch.zeros(len(env_ids), 1)
        return ResetState(zero, zero, torch.zeros(len(env_ids), 0, 7), torch.zeros(len(env_ids), 0, 6))

    @observation(1)
    def position(self) -> Tensor:
        """In m."""
        return self.sim.joint_pos

    @reward
    def still(self) -> Tensor:
        """1 a step."""
        return torch.ones(self.num_envs)

    @fact("m")
    def mean_position(self) -> Tensor:
        """Over the steps of the episode."""
        return self.sums / self.steps_played

    @fact("m", more_is_better=True)
    def last_position(self) -> Tensor:
        """Where it ended."""
        return self.at

    @success
    def arrived(self) -> Tensor:
        """At the end of the course."""
        return self.at >= self.goal

    @failure
    def fell(self) -> Tensor:
        """Into the hole."""
        return self.at >= self.hole

    def success_words(self) -> str:
        """With where they end."""
        return "at 2 m, 4 m"

    def evaluated(self, success: Tensor, facts: Mapping[str, Tensor]) -> None:
        """Failures double their weight, and the last position is added."""
        self.weights *= torch.where(success, 1.0, 2.0)
        self.weights += facts["last_position"]

    def shared_state(self) -> dict[str, Tensor]:
        """The weights."""
        return {"weights": self.weights}


def _walk(sim: StubSimulator, _: Tensor) -> None:
    sim.joint_pos += 1.0


def courses_env(
    num_envs: int, *, learning: bool = False, task: type[Courses] = Courses, **config: Any
) -> TaskEnv:
    """Envs of the courses; learning: those of a training. config: other settings of the task."""
    settings = {**COURSES, **config}
    sim = StubSimulator(task.scene(settings), num_envs, _walk)
    return TaskEnv(sim, task(settings, sim, torch.Generator().manual_seed(0)), learning=learning)


def task_of(env: Any) -> Courses:
    """The task of such envs."""
    assert isinstance(env.task, Courses)
    return env.task
