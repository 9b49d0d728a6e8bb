"""The settings of PPO, under rl_games' own names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from rlkit.learners.settings import LearnerSettings, setting


@dataclass(frozen=True)
class Settings(LearnerSettings):
    """The keys of `train`; docs/learners.md says more of those that matter most."""

    num_minibatches: int | None = setting("int >= 1 or null", "", "minibatches, if minibatch_size is null")
    minibatch_size: int | None = setting(
        "int >= 2 or null", "samples", "divides horizon_length x env.numEnvs"
    )
    mini_epochs: int = setting("int >= 1", "", "passes over the data of one iteration")
    learning_rate: float = setting("float in (0, 1]", "", "learning rate at the start")
    learning_rate_end: float = setting(
        "float in [0, 1]", "", "and after schedule_steps, where it has a way there"
    )
    lr_schedule: str = setting(
        "adaptive|constant|linear|cosine",
        "",
        "adaptive follows the policy's change (KL), the others the steps",
    )
    schedule_steps: int = setting("int >= 1 or auto", "steps", "auto: all steps of the run")
    kl_threshold: float = setting("float > 0", "nats", "policy change that the adaptive schedule aims at")
    schedule_type: str = setting("legacy|standard", "", "adapt after every minibatch or after every epoch")
    gamma: float = setting("float in (0, 1]", "", "discount of the reward")
    tau: float = setting("float in [0, 1]", "", "lambda of generalised advantage estimation")
    e_clip: float = setting("float in (0, 1)", "", "clip range of the policy ratio")
    clip_value: bool = setting("bool", "", "clip the value loss too")
    entropy_coef: float = setting("float >= 0", "", "weight of the entropy bonus at the start")
    entropy_coef_end: float = setting("float >= 0", "", "and after schedule_steps, where it has a way there")
    entropy_schedule: str = setting("constant|linear|cosine", "", "how it gets there")
    critic_coef: float = setting("float >= 0", "", "weight of the value loss")
    symmetry: bool = setting("bool", "", "learn from every sample and its mirror image")
    mirror_loss_coef: float = setting(
        "float >= 0", "", "weight of what the policy does otherwise in the mirror; 0: none"
    )
    bounds_loss_coef: float = setting("float >= 0", "", "weight of the penalty on actions beyond the bounds")
    truncate_grads: bool = setting("bool", "", "clip the gradient to grad_norm")
    grad_norm: float = setting("float > 0", "", "largest norm of the gradient")
    normalize_input: bool = setting("bool", "", "normalise observations by running statistics")
    normalize_value: bool = setting("bool", "", "normalise returns by running statistics")
    normalize_advantage: bool = setting("bool", "", "normalise advantages in each batch")
    value_bootstrap: bool = setting("bool", "", "at a time-out, count the value of the last state")
    reward_scale: float = setting("float > 0", "", "factor on the reward that the learner sees")
    reward_normalization: bool = setting("bool", "", "scale rewards by the spread of their task's returns")
    network: str = setting(
        "mlp or network", "", "the networks: plain, or a class of yours, as my_project.nets:Net"
    )
    network_settings: Mapping[str, Any] = setting("any", "", "what your class takes by this name")
    cnn: str | tuple[tuple[int, ...], ...] = setting(
        "auto|nature|impala or list of list of 3 int >= 1",
        "",
        "convolutions where an observation is an image: by name, or [filters,kernel,stride] a layer",
    )
    units: tuple[int, ...] = setting("list of int >= 1", "", "widths of the hidden layers")
    activation: str = setting("elu|relu|tanh|sigmoid|selu|swish|gelu|softplus|None", "", "of hidden layers")
    separate: bool = setting("bool", "", "separate networks for policy and value")
    memory: str = setting("none|gru|lstm", "", "layers behind the networks that remember their episode")
    memory_units: int = setting("int >= 1", "", "numbers that each of them remembers")
    memory_layers: int = setting("int >= 1", "", "how many of them")
    sequence_length: int = setting(
        "int >= 2", "steps", "steps that a gradient looks back in memory at most; divides horizon_length"
    )
    fixed_sigma: bool = setting("bool", "", "the spread of the actions does not depend on the state")
    sigma_init: float = setting("float in [-10, 2]", "", "log of the actions' first standard deviation")
    mixed_precision: bool = setting("bool", "", "16-bit arithmetic in the networks (CUDA only)")
    torch_compile: bool = setting("bool", "", "compile the networks (CUDA only)")
