"""The settings of each learner, flat under `train`: one line a setting, under the learner's own names."""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple


class Key(NamedTuple):
    """One setting: its name in the YAML, its type (see types.py), its unit, what it means."""

    name: str
    type: str
    unit: str
    meaning: str


PPO_KEYS: Tuple[Key, ...] = (
    Key("train.learner", "ppo", "", "the learner that reads this section"),
    Key("train.horizon_length", "int >= 1", "steps", "steps of every environment in one iteration"),
    Key("train.num_minibatches", "int >= 1 or null", "", "minibatches, if minibatch_size is null"),
    Key("train.minibatch_size", "int >= 2 or null", "samples", "divides horizon_length x env.numEnvs"),
    Key("train.mini_epochs", "int >= 1", "", "passes over the data of one iteration"),
    Key("train.learning_rate", "float in (0, 1]", "", "learning rate at the start"),
    Key("train.lr_schedule", "adaptive|constant", "", "adaptive follows the policy's change (KL)"),
    Key("train.kl_threshold", "float > 0", "nats", "policy change that the adaptive schedule aims at"),
    Key("train.schedule_type", "legacy|standard", "", "adapt after every minibatch or after every epoch"),
    Key("train.gamma", "float in (0, 1]", "", "discount of the reward"),
    Key("train.tau", "float in [0, 1]", "", "lambda of generalised advantage estimation"),
    Key("train.e_clip", "float in (0, 1)", "", "clip range of the policy ratio"),
    Key("train.clip_value", "bool", "", "clip the value loss too"),
    Key("train.entropy_coef", "float >= 0", "", "weight of the entropy bonus"),
    Key("train.critic_coef", "float >= 0", "", "weight of the value loss"),
    Key("train.bounds_loss_coef", "float >= 0", "", "weight of the penalty on actions beyond the bounds"),
    Key("train.truncate_grads", "bool", "", "clip the gradient to grad_norm"),
    Key("train.grad_norm", "float > 0", "", "largest norm of the gradient"),
    Key("train.normalize_input", "bool", "", "normalise observations by running statistics"),
    Key("train.normalize_value", "bool", "", "normalise returns by running statistics"),
    Key("train.normalize_advantage", "bool", "", "normalise advantages in each batch"),
    Key("train.value_bootstrap", "bool", "", "at a time-out, count the value of the last state"),
    Key("train.reward_scale", "float > 0", "", "factor on the reward that the learner sees"),
    Key("train.reward_normalization", "bool", "", "scale rewards by the spread of their task's returns"),
    Key("train.units", "list of int >= 1", "", "widths of the hidden layers"),
    Key("train.activation", "elu|relu|tanh|sigmoid|selu|swish|gelu|softplus|None", "", "of hidden layers"),
    Key("train.separate", "bool", "", "separate networks for policy and value"),
    Key("train.fixed_sigma", "bool", "", "the spread of the actions does not depend on the state"),
    Key("train.sigma_init", "float in [-10, 2]", "", "log of the actions' first standard deviation"),
    Key("train.mixed_precision", "bool", "", "16-bit arithmetic in the networks (CUDA only)"),
    Key("train.torch_compile", "bool", "", "compile the networks (CUDA only)"),
)
FAST_TD3_KEYS: Tuple[Key, ...] = (
    Key("train.learner", "fast_td3", "", "the learner that reads this section"),
    Key("train.horizon_length", "int >= 1", "steps", "steps of every environment in one iteration"),
    Key("train.learning_starts", "int >= 0", "steps", "steps of every environment before learning starts"),
    Key(
        "train.learning_starts_total",
        "int >= 0 or null",
        "transitions",
        "the same of all environments together; sets learning_starts",
    ),
    Key("train.warmup", "policy|random", "", "who acts until then"),
    Key("train.actor_starts", "int >= 0", "steps", "steps after that before the actor learns too"),
    Key(
        "train.num_updates",
        "int >= 1 or auto",
        "",
        "critic updates a step of all environments; auto: one a transition",
    ),
    Key("train.policy_frequency", "int >= 1", "", "critic updates for each actor update"),
    Key("train.batch_size", "int >= 1 or auto", "transitions", "auto: 32768 on CUDA, 1024 on the CPU"),
    Key(
        "train.buffer_size",
        "int >= 2 or auto",
        "steps",
        "steps kept of every environment; auto: the whole run, at most the larger of 10240 and 1000000 / numEnvs",
    ),
    Key(
        "train.buffer_total",
        "int >= 2 or null",
        "transitions",
        "the same of all environments together; sets buffer_size",
    ),
    Key("train.buffer_dtype", "float32|bfloat16", "", "what observations are stored in"),
    Key("train.buffer_device", "auto|cpu", "", "where they are stored: with the learner, or in main memory"),
    Key("train.save_buffer", "bool", "", "save the replay with the last checkpoint, for an exact resume"),
    Key("train.gamma", "float in (0, 1]", "", "discount of the reward"),
    Key(
        "train.num_steps", "int in [1, 1000]", "steps", "rewards summed before bootstrapping (n-step returns)"
    ),
    Key("train.tau", "float in (0, 1]", "", "share of the critic that its target takes on in each update"),
    Key("train.num_atoms", "int >= 1", "", "atoms of the return's distribution; 1: a plain critic"),
    Key(
        "train.v_min",
        "float",
        "",
        "lowest return of the distribution: of scaled rewards, where reward_normalization is on",
    ),
    Key("train.v_max", "float", "", "highest return of the distribution: likewise"),
    Key("train.use_cdq", "bool", "", "clipped double Q: the lower of two critics is the target"),
    Key("train.target_actor", "bool", "", "a slow copy of the actor gives the target's actions"),
    Key("train.policy_noise", "float >= 0", "", "noise on the target's actions, standard deviation"),
    Key("train.noise_clip", "float >= 0", "", "largest noise on the target's actions, each way"),
    Key("train.std_min", "float >= 0", "", "smallest standard deviation of the exploration noise"),
    Key("train.std_max", "float >= 0", "", "largest; every environment draws its own for each episode"),
    Key("train.actor_learning_rate", "float in (0, 1]", "", "learning rate of the actor at the start"),
    Key("train.critic_learning_rate", "float in (0, 1]", "", "learning rate of the critic at the start"),
    Key("train.actor_learning_rate_end", "float in [0, 1]", "", "and after schedule_steps"),
    Key("train.critic_learning_rate_end", "float in [0, 1]", "", "and after schedule_steps"),
    Key("train.lr_schedule", "cosine|linear|constant", "", "how the learning rates get there"),
    Key("train.schedule_steps", "int >= 1 or auto", "steps", "auto: all steps of the run"),
    Key("train.weight_decay", "float >= 0", "", "weight decay of AdamW"),
    Key("train.adam_beta2", "float in (0, 1)", "", "memory of AdamW's second moment"),
    Key("train.max_grad_norm", "float >= 0", "", "largest norm of the gradients; 0: any"),
    Key("train.obs_normalization", "bool", "", "normalise observations by running statistics"),
    Key("train.reward_normalization", "bool", "", "scale rewards by the spread of their task's returns"),
    Key("train.network", "mlp|layer_norm|simba", "", "the networks: plain, with LayerNorm, or SimbaV2's"),
    Key("train.actor_units", "list of int >= 1", "", "widths of the hidden layers; simba: of its blocks"),
    Key("train.critic_units", "list of int >= 1", "", "widths of the hidden layers; simba: of its blocks"),
    Key("train.activation", "relu|silu|elu|gelu|tanh", "", "of hidden layers"),
    Key("train.norm_order", "before|after", "", "LayerNorm before or after the activation"),
    Key("train.action_squash", "tanh|clip", "", "how the actor's output is kept in [-1, 1]"),
    Key("train.init_scale", "float >= 0", "", "scale of the actor's last layer at the start"),
    Key("train.symmetry", "bool", "", "learn from mirrored transitions too, where the task has a mirror"),
    Key(
        "train.amp",
        "bool or auto",
        "",
        "16-bit arithmetic; auto: on CUDA, and on a CPU where it is timed to be quicker",
    ),
    Key("train.amp_dtype", "bf16|fp16", "", "which one; fp16 on CUDA alone"),
    Key("train.compile", "bool", "", "compile the losses"),
    Key("train.cuda_graph", "bool", "", "run a whole turn of updates as one CUDA graph"),
)

LEARNER_KEYS: Dict[str, Tuple[Key, ...]] = {"ppo": PPO_KEYS, "fast_td3": FAST_TD3_KEYS}
