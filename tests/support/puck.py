"""A task for sums by hand, without gravity or friction: a cart on a rail with a motor, and a free puck."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

import torch
from stub_simulator import StubSimulator
from torch import Tensor

from rlkit.env.task_env import TaskEnv
from rlkit.sims.api import QUANTITIES, PhysicsSettings, ResetState, SceneSpec, Simulator
from rlkit.sims.mujoco import MujocoSimulator
from rlkit.tasks.api import Task, observation, reward

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
CONFIG: Dict[str, Any] = {
    "controlPeriod": 0.02,
    "episodeLength": 50,
    "observations": ["cart", "puck"],
    "rewardWeights": {"speed": 1.0},
    "termination": {"success": {}, "failure": {}},
    "terminationRewards": {"success": 0.0, "failure": 0.0, "timeout": 0.0},
}
OFF: Dict[str, Any] = {
    "enabled": True,
    **{quantity: {"range": None, "parts": [], "each": False, "per": "episode"} for quantity in QUANTITIES},
    "latency": {"range": None, "per": "episode"},
    "observationNoise": {},
    "push": {"force": None, "interval": [0.1, 0.2], "duration": 0.04, "body": None},
    "curriculum": {"start": 0.0, "end": 1.0, "steps": 0},
}


class Puck(Task):
    """The action is the motor's force in N; the cart begins within 0.1 m of the origin."""

    name = "Puck"
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
        return self.sim.body_lin_vel[:, 1]

    @reward
    def speed(self) -> Tensor:
        """Of the cart, m/s."""
        return self.sim.joint_vel[:, 0]


class Logged(StubSimulator):
    """Notes the commands and forces of every single simulator step, and factors; `on_call(sim, number)` may move it."""

    def __init__(self, *args: Any, on_call: Optional[Callable[..., None]] = None, **kwargs: Any) -> None:
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
    on_call: Optional[Callable[..., None]] = None,
    task: Optional[Dict[str, Any]] = None,
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
