"""From an Experiment to the objects that run: one simulator, one task, one env, one learner."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any, Callable, Dict, Mapping, Optional

import torch

from rlkit.config import Experiment, SimSettings
from rlkit.config.experiment import thaw
from rlkit.config.machine import CPU_ONLY
from rlkit.env.spec import EnvError, VecEnv
from rlkit.env.task_env import TaskEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.learners import registry as learners
from rlkit.learners.api import Learner
from rlkit.runtime.ranks import Ranks
from rlkit.sims import registry as sims
from rlkit.sims.api import PhysicsSettings
from rlkit.tasks.registry import task_class


def build_env(
    experiment: Experiment, ranks: Ranks, *, num_envs: Optional[int] = None, seed: Optional[int] = None
) -> VecEnv:
    """The envs of the task on `env.device`, whatever their simulator steps on; ranks draw different resets.

    num_envs, seed: others than the experiment's, for an env beside the training's. Raises SimulatorError,
    TaskError or EnvError.
    """
    num_envs = experiment.env.num_envs if num_envs is None else num_envs
    seed = experiment.training.seed + ranks.rank if seed is None else seed
    device = ranks.device(experiment.env.device)
    if device.startswith("cuda") and experiment.sim.name in CPU_ONLY:
        return DeviceEnv(_env_on(experiment, ranks, num_envs, seed, "cpu"), torch.device(device))
    return _env_on(experiment, ranks, num_envs, seed, device)


def _env_on(experiment: Experiment, ranks: Ranks, num_envs: int, seed: int, device: str) -> VecEnv:
    """The task on its simulator or made of Gymnasium environments, with its tensors on `device`."""
    if experiment.engine == "gymnasium":
        return _gym_env(experiment, ranks, num_envs, seed)
    task = task_class(experiment.task_name)
    physics = physics_settings(experiment.sim, ranks)
    sim = sims.make(experiment.sim.name, task.scene(experiment.task), physics, num_envs, device)
    generator = torch.Generator(device=device).manual_seed(seed)
    return TaskEnv(sim, task(experiment.task, sim, generator))


def _gym_env(experiment: Experiment, ranks: Ranks, num_envs: int, seed: int) -> VecEnv:
    """Gymnasium environments as the `env` and `task` sections ask for them."""
    from rlkit.env.gym import GymEnv  # only here: no other task needs gymnasium

    env, task = experiment.env, experiment.task
    return GymEnv(
        (env.id,) if env.id is not None else env.ids,
        num_envs,
        seed=seed,
        task=experiment.task_name,
        kwargs=env.kwargs,
        packages=task.get("packages", ()),
        wrap=_wrapper(task),
        max_episode_length=None if task["episodeLength"] == "auto" else int(task["episodeLength"]),
        vectorization=env.vectorization,
        processes=ranks.threads(experiment.sim.num_threads),
    )


def _wrapper(task: Mapping[str, Any]) -> Optional[Callable[[Any], Any]]:
    """`task.wrapper`, "module:function": it is called with an environment and the `task` section as a plain dict.

    Raises EnvError where there is no such function.
    """
    name = task.get("wrapper")
    if name is None:
        return None
    module, _, function = str(name).partition(":")
    try:
        wrap = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise EnvError(f"task.wrapper={name}: {error}; it must be <module>:<function>") from error
    return partial(_wrapped, wrap, thaw(task))


def _wrapped(wrap: Callable[[Any, Dict[str, Any]], Any], task: Dict[str, Any], env: Any) -> Any:
    return wrap(env, task)


def build_learner(experiment: Experiment, env: VecEnv) -> Learner:
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
