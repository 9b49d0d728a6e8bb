"""From an Experiment to the objects that run: one simulator, one task, one env, one learner."""

from __future__ import annotations

from typing import Sequence

import torch

from rlkit.config import Experiment, SimSettings
from rlkit.env.api import EnvError, VecEnv
from rlkit.env.cameras.env import CameraEnv
from rlkit.env.cameras.settings import Camera, cameras_of
from rlkit.env.foreign import boundary
from rlkit.env.history import HistoryEnv
from rlkit.env.task_env import TaskEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.learners import registry as learners
from rlkit.learners.api import Learner
from rlkit.runtime.gym_request import recipe_of
from rlkit.runtime.policies.skill_env import SkillEnv
from rlkit.runtime.policies.skills import asks_for_skills, load_skills
from rlkit.runtime.policies.teachers import give_teacher
from rlkit.runtime.process.ranks import Ranks
from rlkit.settings import same_fields
from rlkit.sims import registry as sims
from rlkit.sims.api import PhysicsSettings, SceneSpec
from rlkit.sims.facts import steps_on_cpu
from rlkit.tasks.registry import class_of


def build_env(
    experiment: Experiment,
    ranks: Ranks,
    *,
    num_envs: int | None = None,
    seed: int | None = None,
    learning: bool = False,
) -> VecEnv:
    """The envs of the task on `env.device`, whatever their simulator steps on; ranks draw different resets.

    num_envs, seed: others than the experiment's, for an env beside the training's. learning: it is the training's,
    in which a curriculum runs. Raises SimulatorError, TaskError or EnvError.
    """
    num_envs = experiment.env.num_envs if num_envs is None else num_envs
    seed = experiment.training.seed + ranks.rank if seed is None else seed
    device = ranks.device(experiment.env.device)
    if device.startswith("cuda") and steps_on_cpu(experiment.sim.name):
        on_cpu = _env_on(experiment, ranks, num_envs, seed, "cpu", learning)
        return DeviceEnv(on_cpu, torch.device(device))
    return _env_on(experiment, ranks, num_envs, seed, device, learning)


def _env_on(
    experiment: Experiment, ranks: Ranks, num_envs: int, seed: int, device: str, learning: bool
) -> VecEnv:
    """The task on its simulator or made of Gymnasium environments, with its tensors on `device`."""
    env = _bare_env_on(experiment, ranks, num_envs, seed, device, learning)
    frames = int(experiment.task.get("history", 1))
    return env if frames == 1 else HistoryEnv(env, frames, experiment.task.get("historyTerms", ()))


def _bare_env_on(
    experiment: Experiment, ranks: Ranks, num_envs: int, seed: int, device: str, learning: bool
) -> VecEnv:
    if experiment.engine == "gymnasium":
        return _gym_env(experiment, ranks, num_envs, seed)
    made = f"task={experiment.task_name} could not be made"
    with boundary(made):
        task = class_of(experiment.task, experiment.trusted)
        scene = task.scene(experiment.task)
    physics = physics_settings(experiment.sim, ranks)
    with boundary(f"sim={experiment.sim.name} could not be made"):
        sim = sims.make(experiment.sim.name, scene, physics, num_envs, device, experiment.trusted)
    generator = torch.Generator(device=device).manual_seed(seed)
    with boundary(made):
        env = TaskEnv(sim, task(experiment.task, sim, generator), learning=learning)
    cameras = cameras_of(experiment.task)
    if cameras:
        return _with_cameras(env, cameras, ranks.threads(experiment.sim.num_threads))
    if experiment.task.get("skills") is None or not asks_for_skills(experiment):
        return env
    skills = load_skills(experiment, sim.device)
    env.task.drive_as(skills.control)
    return SkillEnv(env, skills, int(experiment.task["skillSteps"]))


def _with_cameras(env: TaskEnv, cameras: Sequence[Camera], threads: int) -> VecEnv:
    """The env with pictures, drawn by as many threads as physics has: neither waits for the other's cores."""
    from rlkit.media.cameras.painter import CameraPainter  # only here: MuJoCo's bindings come with it

    scene = env.sim.spec
    painter = CameraPainter(scene.alternatives or (scene.mjcf,), cameras, env.spec.num_envs, threads)
    return CameraEnv(env, cameras, painter)


def scene_of(experiment: Experiment) -> SceneSpec:
    """The scene of the task, without a simulator; raises SimulatorError, TaskError, or EnvError for Gymnasium's."""
    if experiment.engine == "gymnasium":
        raise EnvError(
            f"task={experiment.task_name} is made of Gymnasium environments, which have no scene of ours"
        )
    with boundary(f"task={experiment.task_name} could not be made"):
        return class_of(experiment.task, experiment.trusted).scene(experiment.task)


def _gym_env(experiment: Experiment, ranks: Ranks, num_envs: int, seed: int) -> VecEnv:
    """Gymnasium environments as the `env` and `task` sections ask for them."""
    from rlkit.env.gym.env import GymEnv  # only here: no other task needs gymnasium

    return GymEnv(
        num_envs=num_envs,
        seed=seed,
        task=experiment.task_name,
        vectorization=experiment.env.vectorization,
        processes=ranks.threads(experiment.sim.num_threads),
        **recipe_of(experiment),
    )


def build_learner(experiment: Experiment, env: VecEnv) -> Learner:
    """The learner for this env, which then shows what it asks for; all ranks begin with the same networks.

    One that learns from a teacher has it then, if it trains. Raises LearnerError, CheckpointError where the teacher
    does not fit, or EnvError for observations that there are not.
    """
    name, seed = str(experiment.train["learner"]), experiment.training.seed
    with boundary(f"train.learner={name} could not be made"):
        learner = learners.make(name, experiment.train, env.spec, seed=seed, trusted=experiment.trusted)
        give_teacher(experiment, learner, env.spec)
        env.ask(learner.groups)
        return learner


def physics_settings(sim: SimSettings, ranks: Ranks) -> PhysicsSettings:
    """The `sim` section as the simulator takes it; each rank of a machine gets its share of the cores."""
    return same_fields(PhysicsSettings, sim, num_threads=ranks.threads(sim.num_threads))
