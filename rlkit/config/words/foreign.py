"""What IsaacGymEnvs, rl_games, RoboVerse, ProtoMotions, Stable-Baselines3, CleanRL and rsl_rl call a setting -> ours.

One table; docs and refusals read it. A word is looked up without capitals, `_` and `-`, by its last part.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

from rlkit.packages import launched


def plain(word: str) -> str:
    """`--train.max_Iterations` -> maxiterations."""
    return re.sub(r"[-_]", "", word.rpartition(".")[2]).lower()


def _not(value: str) -> str:
    """headless=True is render=false."""
    return {"true": "false", "1": "false", "false": "true", "0": "true", "": "false"}.get(
        value.lower(), value
    )


def _switch(value: str) -> str:
    """What others write for true and false."""
    return {"1": "true", "0": "false", "": "true", "eval": "true", "train": "false"}.get(
        value.lower(), value.lower()
    )


def _device(value: str) -> str:
    """0 is cuda:0, gpu is cuda."""
    if value.isdigit():
        return f"cuda:{value}"
    return {"gpu": "cuda", "-1": "cpu"}.get(value.lower(), value.lower())


def _resume(value: str) -> str:
    return (
        "auto" if value.lower() in ("", "1", "true") else "null" if value.lower() in ("0", "false") else value
    )


def _listed(value: str) -> str:
    """A width alone is a list of one."""
    return f"[{value}]" if value.isdigit() else value


def _tracker(value: str) -> str:
    """A switch of W&B, or which of several."""
    return {"true": "wandb", "1": "wandb", "": "wandb", "mlflow": "mlflow", "trackio": "trackio"}.get(
        value.lower(), "wandb" if value.lower() == "wandb" else "none"
    )


def _named(name: str, value: str) -> str:
    """A switch of one tracker."""
    return "none" if value.lower() in ("false", "0", "none") else name


def _alone(value: str) -> str:
    """The one item of a list, without capitals."""
    return value.strip("[]'\"").lower()


class Foreign(NamedTuple):
    """ours: settings (or groups) that mean it, the first that the request has counts; says: what there is instead.

    value: ours for what is written there.
    """

    ours: str
    value: Callable[[str], str] = str
    says: str = ""


def _table(rows: dict[str, Foreign | str]) -> dict[str, Foreign]:
    """A row that only names our settings is their names."""
    meanings = {words: row if isinstance(row, Foreign) else Foreign(row) for words, row in rows.items()}
    return {plain(word): meaning for words, meaning in meanings.items() for word in words.split()}


_RUNS = "every run writes metrics.jsonl and TensorBoard files into its folder: tensorboard --logdir runs_all"
_RANKS = f"several GPUs are one command: torchrun --nproc-per-node=2 {launched()}"

FOREIGN = _table(
    {
        "num_envs n_envs nenvs num_actors num_train_envs envs": "env.numEnvs",
        "num_eval_envs n_eval_envs n_eval_episodes eval_episodes num_eval_episodes": "training.evalEnvs",
        "headless no_render": Foreign("env.render", _not),
        "render show visualize gui": Foreign("env.render", _switch),
        "rl_device sim_device device_rank cuda_device gpu gpu_id device_id compute_device_id cuda": Foreign(
            "env.device", _device
        ),
        "graphics_device graphics_device_id": "env.graphicsDeviceId",
        "pipeline use_gpu use_gpu_pipeline physics_engine": Foreign(
            "", says="follows from sim=… and device=…"
        ),
        "simulator sim_type backend": "sim",
        "sim_dt timestep physics_dt": "sim.dt",
        "control_dt policy_dt control_period": "task.controlPeriod",
        "decimation control_decimation control_frequency_inv": Foreign(
            "task.decimation", says="task.controlPeriod is the time between two actions, in seconds"
        ),
        "max_iterations num_iterations n_iterations num_learning_iterations iterations": "training.maxIterations",
        "max_epochs epochs": "training.maxIterations",
        "total_timesteps num_timesteps n_timesteps total_steps max_timesteps max_frames env_steps max_steps": Foreign(
            "training.maxSteps",
            says="a training ends after maxIter=… iterations of train.horizon_length × numEnvs steps",
        ),
        "score_to_win reward_threshold stop_reward": Foreign(
            "", says='until="return>=100" ends a training when it is good enough'
        ),
        "save_interval save_freq save_frequency checkpoint_freq save_steps": Foreign(
            "training.checkpointSteps training.checkpointInterval"
        ),
        "eval_interval eval_freq eval_frequency": "training.evalSteps training.evalInterval",
        "log_interval log_freq print_freq logging_freq": "logging.logInterval",
        "verbose log_level": "logging.logLevel",
        "wandb use_wandb wandb_activate enable_wandb with_wandb track logger log_with report_to": Foreign(
            "logging.tracker", _tracker
        ),
        "use_mlflow mlflow": Foreign("logging.tracker", lambda value: _named("mlflow", value)),
        "use_trackio trackio": Foreign("logging.tracker", lambda value: _named("trackio", value)),
        "wandb_project wandb_project_name log_project_name": "logging.trackerProject",
        "wandb_entity wandb_team": "logging.trackerEntity",
        "wandb_group": "logging.trackerGroup",
        "wandb_tags": Foreign("logging.trackerTags", lambda value: f"[{value.strip('[]')}]"),
        "wandb_notes": "logging.trackerNotes",
        "wandb_mode": "logging.trackerMode",
        "mlflow_tracking_uri tracking_uri": "logging.trackerUrl",
        "use_tensorboard tensorboard tensorboard_log tensorboard_logdir": Foreign(
            "", says=f"{_RUNS}; leave the word out"
        ),
        "log_dir logdir output_dir output train_dir model_dir save_dir traj_dir results_dir": Foreign(
            "", says="runs go to runs_all/ and are linked in runs/; logging.experimentName=… names one"
        ),
        "experiment exp_name experiment_name run_name full_experiment_name": "logging.experimentName",
        "wandb_name wandb_run_name": "logging.experimentName",
        "capture_video record_video save_video video record": Foreign("env.recordVideo", _switch),
        "capture_video_freq capture_video_interval video_freq video_interval": "training.videoInterval",
        "save_traj save_trajectory save_trajectories": Foreign("testing.saveTrajectories", _switch),
        "multi_gpu distributed num_gpus n_gpus ngpu gpus": Foreign("", says=_RANKS),
        "checkpoint_path load_path load_checkpoint load_run resume_path model_path load": "training.checkpoint",
        "resume": Foreign("training.resume", _resume),
        "init_from pretrained pretrained_path warm_start": "training.initFrom",
        "play eval evaluate inference test_only train_or_eval": Foreign("training.test", _switch),
        "deterministic deterministic_eval": Foreign("testing.stochastic", _not),
        "num_episodes games_num n_episodes": "testing.gamesNum",
        "torch_deterministic": Foreign("training.torchDeterministic", _switch),
        "env_id env_name gym_id gym": "env.id",
        "episode_length max_episode_length max_episode_steps": "task.episodeLength",
        "robot robots robot_name embodiment": Foreign(
            "task.robot",
            _alone,
            says="a robot belongs to its task: task=HumanoidWalk is a Unitree H1, or with task.robot=g1 a G1;"
            " docs/tasks.md lists them",
        ),
        "scene": Foreign("", says="a scene belongs to its task: docs/tasks.md lists them"),
        "motion_file motion_files motions motion_path": "task.motion",
        "algo algorithm agent rl_algo": "train",
        "cfg config_file config_name experiment_path": "config",
        "learning_rate lr actor_lr actor_learning_rate": "train.learning_rate train.actor_learning_rate",
        "critic_lr critic_learning_rate": "train.critic_learning_rate",
        "n_steps num_steps_per_env num_rollout_steps rollout_length horizon": "train.horizon_length",
        "n_epochs num_learning_epochs update_epochs ppo_epochs": "train.mini_epochs",
        "batch_size mini_batch_size": "train.batch_size train.minibatch_size",
        "num_mini_batches n_minibatches n_mini_batches": "train.num_minibatches",
        "buffer_size replay_size memory_size": Foreign(
            "train.buffer_total",
            says="only train=FastTD3, FastSAC, FlashSAC, TD3 and SAC keep a replay buffer",
        ),
        "learning_starts warmup_steps": "train.learning_starts_total",
        "discount": "train.gamma",
        "gae_lambda lam gae_lam": "train.tau",
        "clip_range clip_param clip_coef ppo_clip": "train.e_clip",
        "ent_coef entropy_coefficient": "train.entropy_coef",
        "vf_coef value_loss_coef": "train.critic_coef",
        "max_grad_norm": "train.max_grad_norm train.grad_norm",
        "desired_kl target_kl": "train.kl_threshold",
        "net_arch hidden_dims hidden_dim hidden_layers actor_hidden_dim actor_hidden_dims": Foreign(
            "train.units train.actor_units", _listed
        ),
        "critic_hidden_dim critic_hidden_dims": Foreign("train.critic_units", _listed),
        "num_updates gradient_steps utd utd_ratio": "train.num_updates",
        "policy_freq policy_delay policy_frequency": "train.policy_frequency",
        "target_policy_noise": "train.policy_noise",
        "target_noise_clip": "train.noise_clip",
        "use_compile torch_compile": Foreign("train.compile train.torch_compile", _switch),
        "n_threads cpu_threads": "training.threads",
    }
)


def meaning(word: str) -> Foreign | None:
    """What another program's word means here, None where it is unknown."""
    return FOREIGN.get(plain(word))
