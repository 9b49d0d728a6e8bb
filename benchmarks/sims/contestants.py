"""What takes part in `benchmarks.sims`: each simulator in three stages, and Gymnasium's vector env.

The stages of one simulator share one env. "simulator" repeats the recorded commands: `Simulator.step`, the same work
for all. "+ policy" steps the whole env under an actor network with exploration noise: observations, rewards, endings
and resets included. "+ training" is `FastTD3.iterate` on it: the same and a turn of updates each step. On the CPU an
iteration is one step long, so that slow simulators have turns of bearable length.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from benchmarks.contestants import Contestant, Peer
from benchmarks.sims.work import Stretch
from rlkit.config import Experiment
from rlkit.env.task_env import TaskEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.learners.fast_td3.learner import FastTD3
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.api import Simulator

SIMULATOR, POLICY, TRAINING = "simulator", "+ policy", "+ training"


def wait_for(device: torch.device) -> None:
    """Until the device has done all that it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class PhysicsClock:
    """Takes the place of `sim.step` and keeps the time as the device sees it, and the count of integrator steps.

    On CUDA a pair of events brackets each step on torch's stream. A simulator with streams of its own makes torch's
    wait for its result, so the second event comes after it.
    """

    def __init__(self, sim: Simulator) -> None:
        self._step, self._substeps, self._device = sim.step, sim.physics.substeps, sim.device
        self._seconds, self.integrator_steps = 0.0, 0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        sim.step = self

    def __call__(self, ctrl: Tensor, num_steps: int) -> None:
        self.integrator_steps += num_steps * self._substeps
        if self._device.type != "cuda":
            started = time.perf_counter()
            self._step(ctrl, num_steps)
            self._seconds += time.perf_counter() - started
            return
        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        before.record()
        self._step(ctrl, num_steps)
        after.record()
        self._events.append((before, after))

    def seconds(self) -> float:
        """Spent in physics so far; waits for the device."""
        wait_for(self._device)
        self._seconds += sum(before.elapsed_time(after) for before, after in self._events) / 1000.0
        self._events.clear()
        return self._seconds


class Runner(Contestant):
    """A contestant of the race. row, stage: where it stands in the table."""

    row: str
    stage: str

    @abstractmethod
    def integrator_steps(self) -> int:
        """Done so far in each env; `restart` may set it back."""

    def physics_seconds(self) -> float:
        """Spent in physics so far."""
        return 0.0


class Rig:
    """A task's env on one simulator, with its learner, in the middle of episodes.

    The stages that share it leave it where another stood: each asks for its own place first (`move_to`).
    """

    def __init__(self, experiment: Experiment, stretch: Stretch) -> None:
        started = time.perf_counter()
        self.env = build_env(experiment, Ranks())
        inner = self.env.env if isinstance(self.env, DeviceEnv) else self.env
        assert isinstance(inner, TaskEnv)
        self.sim, self.num_envs = inner.sim, inner.sim.num_envs
        self.device = self.env.spec.device  # the learner's
        self.clock = PhysicsClock(self.sim)
        self.steps_per_control = self.sim.physics.steps_per_control(inner.spec.control_period)
        self.controls = stretch.controls(self.num_envs, self.sim.device)
        self._reset(inner, stretch)
        self.first_step = self._step_seconds() + time.perf_counter() - started
        # An iteration ends with the metrics, for which a GPU is waited for; on the CPU they cost next to nothing.
        horizon = experiment.train["horizon_length"] if self.device.type == "cuda" else 1
        self.learner = FastTD3({**experiment.train, "horizon_length": horizon}, self.env.spec, seed=0)
        self._reset(inner, stretch)
        self._place, begin = SIMULATOR, self.env.state()
        self._saved: dict[str, Any] = {SIMULATOR: begin, POLICY: begin, TRAINING: begin}

    def _reset(self, inner: TaskEnv, stretch: Stretch) -> None:
        self.env.reset()
        self.env.stagger()
        everywhere = torch.arange(self.num_envs, device=self.sim.device)
        self.sim.reset(everywhere, stretch.start(self.num_envs, self.sim.device))
        inner.task.refresh()

    def _step_seconds(self) -> float:
        started = time.perf_counter()
        self.sim.step(self.controls[0], self.steps_per_control)
        wait_for(self.sim.device)
        return time.perf_counter() - started

    def move_to(self, place: str) -> None:
        """Stand at the beginning of the recorded stretch, or where training stopped."""
        if self._place == TRAINING:
            self._saved[TRAINING] = self.env.state()
        self.env.load_state(self._saved[place])
        self._place = place
        wait_for(self.device)


class Stage(Runner):
    """One of the three things to do with a rig."""

    def __init__(self, row: str, rig: Rig) -> None:
        self.row, self.rig, self.num_envs = row, rig, rig.num_envs
        self.name = f"{row}, {self.stage}"

    def restart(self) -> None:
        self.rig.move_to(self.stage)

    def integrator_steps(self) -> int:
        return self.rig.clock.integrator_steps

    def physics_seconds(self) -> float:
        return self.rig.clock.seconds()

    def close(self) -> None:
        self.rig.env.close()


class SimulatorStage(Stage):
    """`Simulator.step` alone."""

    stage = SIMULATOR

    def run(self, steps: int) -> int:
        rig = self.rig
        for ctrl in rig.controls[:steps]:
            rig.sim.step(ctrl, rig.steps_per_control)
        wait_for(rig.device)
        return min(steps, len(rig.controls)) * rig.num_envs


class PolicyStage(Stage):
    """The env under the actor with its noise."""

    stage = POLICY

    def __init__(self, row: str, rig: Rig) -> None:
        super().__init__(row, rig)
        self._act = rig.learner.policy(stochastic=True)

    def run(self, steps: int) -> int:
        env = self.rig.env
        obs = env.observe()
        for _ in range(steps):
            obs, *_ = env.step(self._act(obs))
        wait_for(self.rig.device)
        return steps * self.num_envs


class TrainingStage(Stage):
    """Iterations of FastTD3; the first ones, in which it does not learn yet, come before the race."""

    stage = TRAINING

    def __init__(self, row: str, rig: Rig) -> None:
        super().__init__(row, rig)
        rig.move_to(TRAINING)
        while not rig.learner.turns.updates:
            rig.learner.iterate(rig.env)

    def run(self, steps: int) -> int:
        done = 0
        while done < steps * self.num_envs:
            done += self.rig.learner.iterate(self.rig.env).env_steps
        wait_for(self.rig.device)
        return done


class GymPeer(Runner):
    """Gymnasium's AsyncVectorEnv over plain MuJoCo envs of the same model: `benchmarks.gym_peer`."""

    stage, in_process = SIMULATOR, False

    def __init__(self, stretch: Stretch) -> None:
        self._peer = Peer(stretch.work)
        self.num_envs = self._peer.num_envs
        self.row = self.name = f"Gymnasium {self._peer.name}"

    def restart(self) -> None:
        self._peer.restart()

    def run(self, steps: int) -> int:
        return self._peer.run(steps)

    def integrator_steps(self) -> int:
        counts = set(self._peer.envs.get_attr("integrator_steps_done"))
        if len(counts) != 1:
            raise RuntimeError(f"{self.name}: its envs have done {sorted(counts)} integrator steps")
        return counts.pop()

    def close(self) -> None:
        self._peer.close()
