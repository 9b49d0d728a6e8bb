"""PPO from a camera of a task on sim=mujoco: a square that must be seen to be met."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from needs import require_gl

from rlkit.env.cameras.env import CameraEnv
from rlkit.env.cameras.settings import cameras_of
from rlkit.env.task_env import TaskEnv
from rlkit.learners.ppo.learner import PPO
from rlkit.media.cameras.painter import CameraPainter
from rlkit.runtime.playing.rollout import play
from rlkit.sims.api import PhysicsSettings, ResetState, SceneSpec
from rlkit.sims.mujoco.simulator import MujocoSimulator
from rlkit.tasks.api import Task, observation, reward

MJCF = """
<mujoco>
  <worldbody>
    <body name="cart"><joint name="cart" type="slide" axis="1 0 0"/>
      <geom type="box" size="0.1 0.1 0.1" mass="1" rgba="0 0 1 1"/></body>
    <body name="square"><joint name="square" type="slide" axis="1 0 0"/>
      <geom type="box" size="0.2 0.2 0.01" pos="0 0.4 0" mass="1" rgba="1 0 0 1"/></body>
  </worldbody>
  <actuator><velocity name="cart" joint="cart" kv="100" ctrllimited="true" ctrlrange="-1 1"/></actuator>
</mujoco>
"""
EYE = {"size": [16, 16], "position": [0, 0, 2], "lookat": [0, 0, 0], "fovy": 60}
LENGTH = 24


class Meet(Task):
    """The cart, whose speed is commanded, belongs beside the square, of which nothing but the picture tells."""

    action_names = ("speed",)

    @classmethod
    def scene(cls, config: Any) -> SceneSpec:
        return SceneSpec(MJCF, joints=("cart", "square"), actuators=("cart",))

    def controls(self, actions: torch.Tensor) -> torch.Tensor:
        """m/s."""
        return actions

    def refresh(self) -> None:
        """Nothing is shared."""

    def reset(self, env_ids: torch.Tensor) -> ResetState:
        """Both anywhere within 0.8 m of the middle."""
        k = len(env_ids)
        pos = 1.6 * torch.rand(k, 2, generator=self.generator) - 0.8
        return ResetState(pos, torch.zeros(k, 2), torch.zeros(k, 0, 7), torch.zeros(k, 0, 6))

    @observation(1)
    def place(self) -> torch.Tensor:
        """The cart's, m."""
        return self.sim.joint_pos[:, :1]

    @reward
    def near(self) -> torch.Tensor:
        """Minus the distance between the two, m."""
        return -(self.sim.joint_pos[:, 0] - self.sim.joint_pos[:, 1]).abs()


CONFIG = {
    "name": "Meet",
    "controlPeriod": 0.1,
    "episodeLength": LENGTH,
    "observations": ["place"],
    "rewardWeights": {"near": 1.0},
    "termination": {"success": {}, "failure": {}},
    "terminationRewards": {"success": 0.0, "failure": 0.0, "timeout": 0.0},
    "cameras": {"eye": EYE},
}


def make() -> CameraEnv:
    sim = MujocoSimulator(Meet.scene(CONFIG), PhysicsSettings(dt=0.02, substeps=1, num_threads=1), 16)
    env = TaskEnv(sim, Meet(CONFIG, sim, torch.Generator().manual_seed(0)))
    cameras = cameras_of(CONFIG)
    return CameraEnv(env, cameras, CameraPainter((MJCF,), cameras, 16, threads=1))


@pytest.mark.slow
def test_a_square_is_met_by_whom_sees_it(train):
    """Who sees nothing does best in the middle: 24 x -0.4 = -9.6, the mean distance of what is within 0.8 m of it. Who
    goes straight at 0.1 m a step earns -d^2 / 0.2 from a distance of d: in the mean, of d^2 = 2 x 1.6^2 / 12, -2.1.
    """
    require_gl()
    env = make()
    env.reset()
    torch.manual_seed(0)
    fast = {"learning_rate": 3e-3, "lr_schedule": "constant", "gamma": 0.9, "horizon_length": LENGTH}
    learner = PPO(train(**fast, cnn=[[8, 3, 2], [16, 3, 2]], units=(32,), mini_epochs=6), env.spec, seed=0)
    for _ in range(20):
        learner.iterate(env)
    assert play(env, learner.policy(), 1, quiet=True)["return"]["mean"] > -5.5
    env.close()
