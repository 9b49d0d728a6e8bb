"""MuJoCo Playground's env of a task, where it has one: another model of the same robot, and rewards in JAX.

`pip install playground` brings it; at its first use it clones MuJoCo Menagerie from GitHub for the robots' meshes.
"""

# playground is not installed where this is checked
# pyright: reportMissingImports=false

from __future__ import annotations

import importlib.util
import os
from typing import Any

from benchmarks.measure import RECORDED
from benchmarks.sims.contestants import POLICY, Runner

ENVS = {"PickCube": "PandaPickCube"}  # task of rlkit: env of Playground
INSTALL = "pip install playground"
FETCH = (
    'python -c "from mujoco_playground._src import mjx_env; mjx_env.ensure_menagerie_exists()"'
    " clones what is missing from GitHub"
)


def missing() -> str | None:
    """Why Playground does not take part; None where it can. Downloads nothing."""
    if importlib.util.find_spec("mujoco_playground") is None:
        return f"not installed: {INSTALL}"
    from mujoco_playground._src.mjx_env import MENAGERIE_PATH

    return None if MENAGERIE_PATH.exists() else f"MuJoCo Menagerie is not at {MENAGERIE_PATH}; {FETCH}"


class PlaygroundPeer(Runner):
    """The env's jitted step over all envs: physics, observations, rewards; random actions, no network, no resets.

    On CUDA with its default engine, MJX's Warp; on the CPU with MJX's JAX.
    """

    stage = POLICY

    def __init__(self, task: str, num_envs: int, device: str) -> None:
        engine = "warp" if device == "cuda" else "jax"
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # else JAX takes the GPU's memory
        import jax
        from mujoco_playground import registry

        self._jax, self.num_envs = jax, num_envs
        env: Any = registry.load(ENVS[task], config_overrides={"impl": engine})
        self.row = f"Playground {ENVS[task]} ({engine}), no network"
        self.name = f"{self.row}, {num_envs}"
        self._timestep = float(env.mj_model.opt.timestep)
        # On the CPU XLA's fusion repeats the kinematics of a chain for each of its links: 1000 times slower
        options = {} if device == "cuda" else {"xla_cpu_use_fusion_emitters": False}
        self._step = jax.jit(jax.vmap(env.step), compiler_options=options)
        reset = jax.jit(jax.vmap(env.reset), compiler_options=options)
        keys = jax.random.split(jax.random.PRNGKey(0), num_envs)
        self._begin = self._state = jax.block_until_ready(reset(keys))
        shape = (RECORDED, num_envs, env.action_size)
        self._actions = jax.random.uniform(jax.random.PRNGKey(1), shape, minval=-1.0, maxval=1.0)

    def restart(self) -> None:
        self._state = self._begin

    def run(self, steps: int) -> int:
        for actions in self._actions[:steps]:
            self._state = self._step(self._state, actions)
        self._jax.block_until_ready(self._state)
        return steps * self.num_envs

    def integrator_steps(self) -> int:
        return round(float(self._state.data.time.min()) / self._timestep)

    def close(self) -> None:
        del self._state, self._begin
