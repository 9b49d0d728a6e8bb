"""The settings of a request but for its task and its learner: a section a class, a setting a field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from rlkit.config.schema import ranking
from rlkit.config.schema.trackers import AUTO, MODES, NONE, TRACKERS
from rlkit.settings import setting
from rlkit.sims.facts import SIMULATORS


@dataclass(frozen=True)
class SimSettings:
    """How physics steps: `dt` [s] is one simulator step, cut into `substeps` integrator steps."""

    name: str = setting(
        f"{'|'.join(('auto', *SIMULATORS))} or simulator",
        "",
        "simulator; auto takes the one that fits the task best",
    )
    num_threads: int = setting("int >= 1 or auto", "", "physics threads; auto takes every core")
    dt: float = setting(
        "float in (0, 0.1]", "s", "one simulator step; task.controlPeriod is a multiple of it"
    )
    substeps: int = setting("int in [1, 64]", "", "integrator steps in each simulator step of dt")
    iterations: int = setting("int in [1, 1000]", "", "largest number of constraint solver iterations")
    ls_iterations: int = setting(
        "int in [1, 1000]", "", "largest number of line search iterations of the solver"
    )
    solver: str = setting("newton|cg", "", "constraint solver")
    cone: str = setting("pyramidal|elliptic", "", "friction cone; elliptic is exact, pyramidal is quicker")
    impratio: float = setting(
        "float in [0.01, 1000]", "", "stiffness of friction relative to that of contact"
    )
    integrator: str = setting("euler|implicit|implicitfast", "", "time integrator")
    max_contacts: int = setting(
        "int >= 0",
        "points",
        "contacts in an environment that every simulator but mujoco has room for; 0: as the scene needs",
        default=0,
    )


@dataclass(frozen=True)
class EnvSettings:
    """How many environments, and on which torch device they give their tensors; how they are shown.

    id, ids, kwargs, vectorization: of a task whose engine is Gymnasium.
    """

    num_envs: int = setting("int in [1, 1000000] or auto", "", "environments that step together")
    device: str = setting("auto or cpu or cuda or cuda:N", "", "where observations, policy and learning live")
    render: bool = setting(
        "bool or null", "", "show a viewer; null: in a test, and where a viewer is asked for"
    )
    viewer: str = setting(
        "auto|native|web", "", "a window, or a page for the browser; auto: a window with a display"
    )
    viewer_host: str = setting(
        "text", "", "address that the web viewer listens on; 0.0.0.0 lets other machines look"
    )
    viewer_port: int = setting("int in [0, 65535]", "", "its port; 0 takes a free one")
    record_video: bool = setting("bool", "", "render videos of recorded states into the run's videos/")
    video_width: int = setting("int in [64, 4096]", "pixels", "width of a video, or of each tile of a grid")
    video_height: int = setting("int in [64, 4096]", "pixels", "its height")
    camera: str | None = setting(
        "text or null", "", "camera of the model that films; null frames the scene by itself"
    )
    graphics_device_id: int = setting("int >= 0", "", "EGL device that draws videos")
    id: str | None = setting("text or null", "", "the Gymnasium environment of task=Gym, as HalfCheetah-v5")
    ids: tuple[str, ...] = setting(
        "[] or list of text", "", "several of them instead: each episode draws one"
    )
    kwargs: Mapping[str, Any] = setting(
        "any", "", "passed on to gymnasium.make, as env.kwargs.forward_reward_weight=2.0"
    )
    vectorization: str = setting("auto|sync|async", "", "Gymnasium environments in this process or in others")


@dataclass(frozen=True)
class TrainingSettings:
    """What the run is to do, whatever the learner; `seed` is the drawn one where -1 was asked.

    max_steps, checkpoint_steps, eval_steps [env-steps of all environments and ranks]: what holds where it is not None;
    the siblings in iterations then say what it comes to. until: a `rlkit.config.schema.condition` that ends it before.
    """

    seed: int = setting("int in [-1, 2147483647]", "", "seed of everything; -1 draws one and records it")
    max_iterations: int = setting("int >= 1", "iterations", "training stops after this many")
    max_steps: int | None = setting(
        "int >= 1 or null",
        "env-steps",
        "training stops at the end of the iteration that reaches so many, in place of maxIterations",
    )
    until: str | None = setting(
        "text or null", "", 'a condition that ends a training before, as "success>=0.9": docs/metrics.md'
    )
    test: bool = setting("bool", "", "test a trained policy instead of training one")
    checkpoint: str | None = setting(
        "path or null", "", "resume or test this: latest, a run, a folder or a file"
    )
    resume: str | None = setting(
        "auto|new or null",
        "",
        "auto: the same command again goes on in the same run folder; new: begin another run all the same",
    )
    init_from: str | None = setting(
        "path or null", "", "begin a new training with the weights of this run (as checkpoint=) or file"
    )
    torch_deterministic: bool = setting("bool", "", "ask torch for deterministic algorithms (slower)")
    checkpoint_interval: int = setting("int >= 1", "iterations", "how often a checkpoint is saved")
    checkpoint_steps: int | None = setting(
        "int >= 1 or null", "env-steps", "how often a checkpoint is saved, in place of checkpointInterval"
    )
    eval_interval: int = setting(
        "int >= 0 or auto",
        "iterations",
        "how often the policy is evaluated; 0 never; auto: as the learner, the task and the run's length suggest",
    )
    eval_steps: int | None = setting(
        "int >= 1 or null", "env-steps", "how often the policy is evaluated, in place of evalInterval"
    )
    eval_envs: int = setting(
        "int >= 1", "episodes", "episodes of an evaluation, each in an env of its own; scenarios share them"
    )
    video_interval: int = setting(
        "int >= 0 or auto",
        "iterations",
        "with env.recordVideo, how often an evaluation is filmed; auto: one in 100; 0: only the best, at the end",
    )
    threads: int | str = setting(
        "int >= 1 or auto",
        "",
        "torch threads; auto: the fewest that are quickest, timed at the start of a training; with CUDA every core",
    )
    best_by: str = setting(
        "text",
        "",
        "what the best policy is best by, ties by the next, minus where less is better: eval/success:-eval/error",
        default=ranking.USUAL,
    )


@dataclass(frozen=True)
class PolicyTestSettings:
    """How a policy is tested and what is recorded of it."""

    reload_interval: float = setting("float >= 0", "s", "look for a newer checkpoint this often; 0 never")
    games_num: int | None = setting(
        "int >= 1 or null", "episodes", "episodes in all; null counts episodesPerEnv"
    )
    episodes_per_env: int = setting("int >= 1", "episodes", "episodes that every environment plays")
    stochastic: bool = setting("bool", "", "act with the noise of training, not with the mean action")
    record_envs: int = setting(
        "int >= 0", "envs", "environments whose episodes are recorded, from the first on"
    )
    record_episodes: int | None = setting(
        "int >= 1 or null", "episodes", "of each of them, from the first on; null all"
    )
    save_trajectories: bool = setting("bool", "", "keep the recorded episodes in the run's trajectories/")
    trajectory_stride: int = setting(
        "int >= 1", "steps", "keep every which state; actions are always all kept"
    )
    trajectory_content: str = setting(
        "full|states|actions", "", "states: without observations; actions: without states"
    )
    video: str = setting(
        "episodes|grid", "", "a video for each recorded episode, or one of all envs side by side"
    )


@dataclass(frozen=True)
class LoggingSettings:
    """What is told while a run goes on, and which tracker hears of a training's numbers: docs/trackers.md."""

    log_level: str = setting("debug|info|warning|error", "", "how much the terminal and train.log are told")
    log_interval: int = setting("int >= 1", "iterations", "how often a progress line is printed")
    experiment_name: str | None = setting(
        "text or null", "", "name of the run; null: <Task>_<train|test>_<time>"
    )
    tracker: str = setting(
        "|".join((NONE, *TRACKERS)),
        "",
        "who else is told a training's metrics, beside metrics.jsonl and TensorBoard",
        default=NONE,
    )
    tracker_mode: str = setting(
        "|".join(MODES),
        "",
        "of wandb; auto: online with a key, offline without; disabled: no tracker for now",
        default=AUTO,
    )
    tracker_project: str = setting("text", "", "project, or experiment, that runs stand in", default="rlkit")
    tracker_entity: str | None = setting(
        "text or null", "", "team or user of wandb; null: your own", default=None
    )
    tracker_url: str | None = setting(
        "text or null",
        "",
        "server or folder of mlflow; null: MLFLOW_TRACKING_URI, without it mlruns/",
        default=None,
    )
    tracker_group: str | None = setting("text or null", "", "group that the run belongs to", default=None)
    tracker_tags: tuple[str, ...] = setting("[] or list of text", "", "tags of the run", default=())
    tracker_notes: str | None = setting("text or null", "", "what the run is about", default=None)
    tracker_system: bool = setting(
        "bool", "", "use of processors, memory and GPUs, as far as the tracker measures it", default=True
    )
    tracker_videos: bool = setting(
        "bool", "", "videos of evaluations too, with env.recordVideo", default=True
    )
    tracker_checkpoint: bool = setting("bool", "", "the best checkpoint too, at the end", default=False)


@dataclass(frozen=True)
class WorkspaceSettings:
    """How many runs the window runs/ shows."""

    max_recent_runs: int | None = setting(
        "int >= 1 or null", "runs", "runs linked in runs/, both kinds together"
    )
    max_train_runs: int = setting("int >= 1", "runs", "training runs linked in runs/")
    max_test_runs: int = setting("int >= 1", "runs", "test runs linked in runs/")
    use_clean_workspace: bool = setting(
        "bool", "", "runs live in runs_all/, links in runs/; false: all there"
    )
    save_git_diff: bool = setting(
        "bool", "", "keep the uncommitted changes of the code in the run's git.diff"
    )


SECTION_CLASSES: dict[str, type[Any]] = {
    "sim": SimSettings,
    "env": EnvSettings,
    "training": TrainingSettings,
    "testing": PolicyTestSettings,
    "logging": LoggingSettings,
    "experiment": WorkspaceSettings,
}
