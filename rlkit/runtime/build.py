"""From an Experiment to the objects that run: one simulator, one task, one env, one learner."""

from __future__ import annotations

import torch

from rlkit.config import Experiment, SimSettings
from rlkit.env.task_env import TaskEnv
from rlkit.learners import registry as learners
from rlkit.learners.api import Learner
from rlkit.runtime.ranks import Ranks
from rlkit.sims import registry as sims
from rlkit.sims.api import PhysicsSettings
from rlkit.tasks.registry import task_class


def build_env(experiment: Experiment, ranks: Ranks) -> TaskEnv:
    """The task on its simulator; ranks draw different resets. Raises SimulatorError or TaskError."""
    task = task_class(experiment.task_name)
    device = ranks.device(experiment.env.device)
    physics = physics_settings(experiment.sim, ranks)
    sim = sims.make(
        experiment.sim.name, task.scene(experiment.task), physics, experiment.env.num_envs, device
    )
    generator = torch.Generator(device=device).manual_seed(experiment.training.seed + ranks.rank)
    return TaskEnv(sim, task(experiment.task, sim, generator))


def build_learner(experiment: Experiment, env: TaskEnv) -> Learner:
    """The learner for this env; all ranks begin with the same networks. Raises LearnerError."""
    return learners.make(
        experiment.train["learner"], experiment.train, env.spec, seed=experiment.training.seed
    )


def physics_settings(sim: SimSettings, ranks: Ranks) -> PhysicsSettings:
    """The `sim` section as the simulator takes it; each rank of a machine gets its share of the cores."""
    return PhysicsSettings(
        dt=sim.dt,
        substeps=sim.substeps,
        iterations=sim.iterations,
        ls_iterations=sim.ls_iterations,
        solver=sim.solver,
        cone=sim.cone,
        impratio=sim.impratio,
        integrator=sim.integrator,
        num_threads=ranks.threads(sim.num_threads),
    )
