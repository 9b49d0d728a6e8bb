"""What makes the soccer environments trainable: tilt in the observation, joint targets as actions, a slower policy."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Dict, Mapping, Tuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec

from rlkit.env.api import EnvError

JOINTS = 12
"""Of the two legs of a LowerT1, left first: hip pitch, roll and yaw, knee, ankle pitch and roll. Every observation
begins with their positions [rad] and then their velocities [rad/s]."""

# The standing pose [rad], stiffness [N m/rad], damping [N m s/rad] and torque limits [N m] of one leg: those that
# the starter repository of the competition (ArenaX-Labs/booster_soccer_showdown) runs its policy with.
STANDING = np.array([-0.2, 0.0, 0.0, 0.4, -0.25, 0.0] * 2)
STIFFNESS = np.array([200.0, 200.0, 200.0, 200.0, 50.0, 50.0] * 2)
DAMPING = np.array([5.0, 5.0, 5.0, 5.0, 1.0, 1.0] * 2)

GymStep = Tuple[np.ndarray, float, bool, bool, Dict[str, Any]]


def adapt(env: gymnasium.Env, task: Mapping[str, Any]) -> gymnasium.Env:
    """A soccer environment as the `task` section asks for it.

    task: `orientation` (append projected gravity and gyro), `actions` ("joint_targets" or "torques") and
    `decimation` (physics steps of 2 ms that an action is held for). Raises EnvError where env is no soccer
    environment of a LowerT1.
    """
    shape = env.action_space.shape
    if shape != (JOINTS,):
        name = env.spec.id if env.spec else type(env.unwrapped).__name__
        raise EnvError(
            f"{name} takes actions of shape {shape}; the soccer tasks are written for the {JOINTS} leg joints of a"
            " LowerT1, as in env.id=LowerT1GoaliePenaltyKick-v0 or env.id=LowerT1KickToTarget-v0"
        )
    if task["actions"] == "joint_targets":
        env = JointTargets(env)
    if task["orientation"]:
        env = Orientation(env)
    return Decimation(env, int(task["decimation"]))


def projected_gravity(quat: np.ndarray) -> np.ndarray:
    """The direction of gravity, a unit vector [3], in a body's frame; quat: [4] as x, y, z, w, body to world.

    It is the world's -z, turned by the inverse rotation: minus the third row of the rotation matrix.
    """
    x, y, z, w = (float(number) for number in quat)
    return np.array([2 * (y * w - x * z), -2 * (x * w + y * z), 2 * (x * x + y * y) - 1])


class Orientation(gymnasium.Wrapper):
    """Appends six numbers: projected gravity and the gyro's angular velocity [rad/s], both in the torso's frame.

    Without them nothing in the observation tells that the robot tilts. In the goalie's task the 45 + 6 numbers are
    laid out as the official pretrained policy was trained on.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        inner = env.observation_space
        assert isinstance(inner, gymnasium.spaces.Box)
        tail = np.concatenate([np.ones(3), np.full(3, np.inf)])
        self.observation_space = gymnasium.spaces.Box(
            np.concatenate([inner.low, -tail]).astype(np.float32),
            np.concatenate([inner.high, tail]).astype(np.float32),
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new episode; the observation `[n + 6]`."""
        obs, info = self.env.reset(seed=seed, options=options)
        return self._appended(obs, info), info

    def step(self, action: np.ndarray) -> GymStep:
        """One step with the action `[12]`; the observation `[n + 6]`."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        return self._appended(obs, info), float(reward), terminated, truncated, info

    @staticmethod
    def _appended(obs: np.ndarray, info: Mapping[str, Any]) -> np.ndarray:
        tail = [projected_gravity(info["robot_quat"]), info["robot_gyro"]]
        return np.concatenate([obs, *tail]).astype(np.float32)


class JointTargets(gymnasium.Wrapper):
    """Actions are joint positions [rad], as offsets of at most 1 from the standing pose, and no longer torques.

    `torque = STIFFNESS * (STANDING + action - position) - DAMPING * velocity`, within the limits of the motors,
    is evaluated anew at every step of the environment, that is at 500 Hz.
    """

    def __init__(self, env: gymnasium.Env) -> None:
        super().__init__(env)
        torques = env.action_space
        assert isinstance(torques, gymnasium.spaces.Box)
        self._weakest, self._strongest = torques.low, torques.high
        self._positions = self._velocities = np.zeros(JOINTS)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (JOINTS,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new episode; the observation `[n]`, whose joints the next torques start from."""
        obs, info = self.env.reset(seed=seed, options=options)
        self._see(obs)
        return obs, info

    def step(self, action: np.ndarray) -> GymStep:
        """One step towards the joint offsets `[12]`; the observation `[n]`."""
        obs, reward, terminated, truncated, info = self.env.step(self.torques(action))
        self._see(obs)
        return obs, float(reward), terminated, truncated, info

    def torques(self, action: np.ndarray) -> np.ndarray:
        """What the motors are told for the action `[12]`: `[12]` float32, N m, in the state that was seen last."""
        target = STANDING + np.clip(action, -1.0, 1.0)
        torque = STIFFNESS * (target - self._positions) - DAMPING * self._velocities
        return np.clip(torque, self._weakest, self._strongest).astype(np.float32)

    def _see(self, obs: np.ndarray) -> None:
        self._positions, self._velocities = obs[:JOINTS], obs[JOINTS : 2 * JOINTS]


class Decimation(gymnasium.Wrapper):
    """Holds an action for `steps` steps of the environment and sums their rewards; ends with the episode.

    Of `info` it keeps the task's success, and gives the sums of the weighted reward terms: they add up to the reward.
    """

    def __init__(self, env: gymnasium.Env, steps: int) -> None:
        super().__init__(env)
        self._steps = steps
        self._weights: Mapping[str, float] = env.get_wrapper_attr("reward_config")
        self.metadata = {**env.metadata, "render_fps": env.metadata["render_fps"] / steps}

    @property
    def spec(self) -> EnvSpec | None:
        """The environment's, with its time limit counted in actions."""
        spec = deepcopy(self.env.spec)
        if spec is not None and spec.max_episode_steps is not None:
            spec.max_episode_steps = -(-spec.max_episode_steps // self._steps)
        return spec

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new episode; the observation `[n]`, and of `info` the task's success."""
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, {"success": bool(info["success"])}

    def step(self, action: np.ndarray) -> GymStep:
        """`steps` steps with the action `[12]`; the last observation `[n]`, the sum of the rewards."""
        total, terms = 0.0, dict.fromkeys(self._weights, 0.0)
        left = self._steps
        while True:
            obs, reward, terminated, truncated, info = self.env.step(action)
            left -= 1
            total += float(reward)
            for name, weight in self._weights.items():
                terms[name] += weight * float(info["reward_terms"][name])
            if terminated or truncated or not left:
                kept = {"success": bool(info["success"]), "reward_terms": terms}
                return obs, total, bool(terminated), bool(truncated), kept
