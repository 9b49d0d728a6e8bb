"""Ways to step the very same simulations: the simulator, the engine below it, its floor, and a peer."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import tempfile
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mujoco
import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv
from mujoco import batch

from benchmarks.gym_peer import PlainEnv
from rlkit.sims.api import PhysicsSettings, SceneSpec
from rlkit.sims.mjmodel.scene import (
    Scene,
    append_contact_sensors,
    append_motion_sensors,
    apply_physics,
    build_scene,
    parse,
)
from rlkit.sims.mujoco.simulator import MujocoSimulator

STATE = int(mujoco.mjtState.mjSTATE_INTEGRATION)


@dataclass(frozen=True)
class Work:
    """A stretch of training to repeat: everybody starts from `start` and applies `controls`.

    start: `MujocoSimulator.state()` in the middle of episodes. controls: `[steps, N, actuators]` float32, as
    the task gave them for random actions. steps_per_control: simulator steps; integrator_steps: the engine's;
    both per env-step.
    """

    spec: SceneSpec
    physics: PhysicsSettings
    start: dict[str, torch.Tensor]
    controls: torch.Tensor
    steps_per_control: int
    threads: int

    @property
    def integrator_steps(self) -> int:
        return self.steps_per_control * self.physics.substeps

    @property
    def num_envs(self) -> int:
        return self.controls.shape[1]

    def rows(self) -> np.ndarray:
        """`[N, state]`: the engine's integration state of every env."""
        return self.start["integration"].numpy()

    def engine_controls(self, scene: Scene) -> np.ndarray:
        """`[steps, N, actuators]` float64 in the model's order."""
        return self.controls.double().numpy()[:, :, scene.actuator_order]


def one_model(work: Work) -> mujoco.MjModel:
    """Physics and all sensors in a single model, as one would build it without rlkit."""
    source = parse(work.spec.mjcf)
    apply_physics(source, work.physics)
    append_motion_sensors(source, work.spec)
    append_contact_sensors(source, work.spec)
    return source.compile()


class Contestant(ABC):
    """Can return to the start of its work (not timed) and do `steps` env-steps of it in every env (timed)."""

    name: str
    num_envs: int
    in_process = True

    @abstractmethod
    def restart(self) -> None: ...

    @abstractmethod
    def run(self, steps: int) -> int:
        """Returns the env-steps done, of all envs together."""

    @abstractmethod
    def close(self) -> None:
        """Release processes, threads and memory."""


class Ours(Contestant):
    """`Simulator.step`: controls in, fresh float32 tensors out."""

    name = "rlkit simulator"

    def __init__(self, work: Work) -> None:
        self.work, self.num_envs = work, work.num_envs
        self.sim = MujocoSimulator(work.spec, work.physics, work.num_envs)

    def restart(self) -> None:
        self.sim.load_state(self.work.start)

    def run(self, steps: int) -> int:
        for ctrl in self.work.controls[:steps]:
            self.sim.step(ctrl, self.work.steps_per_control)
        return steps * self.num_envs

    def close(self) -> None:
        self.sim.close()


class Engine(Contestant):
    """The bare `mujoco.batch.Batch.step` with the same number of threads, nothing copied out of it.

    fresh: with the poses and velocities that the simulator gives, by MuJoCo's own means (all sensors in one
    model, `stage=mjSTAGE_VEL`). Else the physics model alone, whose poses are one integrator step old.
    persistent: with an MjData per env, which can continue from that stage.
    """

    def __init__(self, work: Work, fresh: bool, persistent: bool = False) -> None:
        self.name = ("engine, fresh" if fresh else "engine, stale") + (", persistent" if persistent else "")
        self.work, self.num_envs = work, work.num_envs
        scene = build_scene(work.spec, work.physics)
        model = one_model(work) if fresh else scene.model
        stage = mujoco.mjtStage.mjSTAGE_VEL if fresh else mujoco.mjtStage.mjSTAGE_NONE
        self.stage, self.controls = int(stage), work.engine_controls(scene)
        self.batch = batch.Batch(model, work.num_envs, nthread=work.threads, persistent=persistent)
        self.ctrl, _ = self.batch.bind("ctrl"), self.batch.bind("sensordata")

    def restart(self) -> None:
        self.batch.state[...] = self.work.rows()

    def run(self, steps: int) -> int:
        for ctrl in self.controls[:steps]:
            self.ctrl[...] = ctrl
            self.batch.step(nstep=self.work.integrator_steps, stage=self.stage)
        return steps * self.num_envs

    def close(self) -> None:
        del self.ctrl, self.batch


class Floor(Contestant):
    """Threads × one warm MjData: no batch, no copies, nothing read.

    Each thread takes its share of the envs one after the other: it sets the state once, then for every
    control step writes the controls and calls `mj_step(nstep)`, which releases the GIL. States, controls and
    physics model are everybody's, so the trajectories are too; what is missing is keeping N envs alive at
    once, and fresh poses.
    """

    name = "floor"

    def __init__(self, work: Work) -> None:
        self.work, self.num_envs = work, work.num_envs
        scene = build_scene(work.spec, work.physics)
        self.model, self.controls = scene.model, work.engine_controls(scene)
        self.datas = [mujoco.MjData(self.model) for _ in range(work.threads)]
        self.shares = np.array_split(np.arange(work.num_envs), work.threads)

    def restart(self) -> None:
        pass

    def run(self, steps: int) -> int:
        rows, nstep = self.work.rows(), self.work.integrator_steps

        def share(data: mujoco.MjData, envs: np.ndarray) -> None:
            step, model, ctrl = mujoco.mj_step, self.model, data.ctrl
            for env in envs:
                mujoco.mj_setState(model, data, rows[env], STATE)
                for command in self.controls[:steps, env]:
                    ctrl[:] = command
                    step(model, data, nstep)

        workers = [threading.Thread(target=share, args=pair) for pair in zip(self.datas, self.shares)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return steps * self.num_envs

    def close(self) -> None:
        self.datas.clear()


class Peer(Contestant):
    """Gymnasium's AsyncVectorEnv: one process per env, `benchmarks.gym_peer.PlainEnv`."""

    in_process = False

    def __init__(self, work: Work, num_envs: int = 16) -> None:
        self.num_envs = min(num_envs, work.num_envs)
        self.name = f"AsyncVectorEnv({self.num_envs})"
        scene = build_scene(work.spec, work.physics)
        self.controls = work.engine_controls(scene)[:, : self.num_envs].astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.mjb"
            mujoco.mj_saveModel(one_model(work), str(file))
            makers = [
                partial(PlainEnv, str(file), work.integrator_steps, work.rows()[i].copy())
                for i in range(self.num_envs)
            ]
            self.envs = AsyncVectorEnv(makers, context="spawn")
            self.envs.reset()  # all have loaded the model

    def restart(self) -> None:
        self.envs.reset()

    def run(self, steps: int) -> int:
        for ctrl in self.controls:  # all of them, as few envs need many steps to be measured
            self.envs.step(ctrl)
        return len(self.controls) * self.num_envs

    def close(self) -> None:
        self.envs.close()
