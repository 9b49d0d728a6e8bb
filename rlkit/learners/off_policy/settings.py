"""The settings that all learners with a replay of transitions have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from rlkit.learners.settings import LearnerSettings, setting


@dataclass(frozen=True)
class OffPolicySettings(LearnerSettings):
    """The keys of `train`; every `auto` is a value before it comes here, but for `buffer_device` and `amp`."""

    learning_starts: int = setting("int >= 0", "steps", "steps of every environment before learning starts")
    learning_starts_total: int | None = setting(
        "int >= 0 or null", "transitions", "the same of all environments together; sets learning_starts"
    )
    warmup: str = setting("policy|random", "", "who acts until then")
    actor_starts: int = setting("int >= 0", "steps", "steps after that before the actor learns too")
    num_updates: int = setting(
        "int >= 1 or auto", "", "critic updates a step of all environments; auto: one a transition"
    )
    policy_frequency: int = setting("int >= 1", "", "critic updates for each actor update")
    batch_size: int = setting(
        "int >= 1 or auto",
        "transitions",
        "auto: 32768 on CUDA (FastSAC: 8192, FlashSAC: 2048), 1024 on the CPU",
    )
    buffer_size: int = setting(
        "int >= 2 or auto",
        "steps",
        "steps kept of every environment; auto: the whole run, at most the larger of 10240 and 1000000 / numEnvs",
    )
    buffer_total: int | None = setting(
        "int >= 2 or null", "transitions", "the same of all environments together; sets buffer_size"
    )
    buffer_dtype: str = setting("float32|bfloat16", "", "what observations are stored in")
    buffer_device: str = setting("auto|cpu", "", "where they are stored: with the learner, or in main memory")
    save_buffer: bool = setting("bool", "", "save the replay with the last checkpoint, for an exact resume")
    gamma: float = setting("float in (0, 1]", "", "discount of the reward")
    num_steps: int = setting(
        "int in [1, 1000]", "steps", "rewards summed before bootstrapping (n-step returns)"
    )
    tau: float = setting("float in (0, 1]", "", "share of the critic that its target takes on in each update")
    num_atoms: int = setting("int >= 1", "", "atoms of the return's distribution; 1: a plain critic")
    v_min: float = setting(
        "float", "", "lowest return of the distribution: of scaled rewards, where reward_normalization is on"
    )
    v_max: float = setting("float", "", "highest return of the distribution: likewise")
    use_cdq: bool = setting("bool", "", "clipped double Q: the lower of two critics is the target")
    actor_learning_rate: float = setting("float in (0, 1]", "", "learning rate of the actor at the start")
    critic_learning_rate: float = setting("float in (0, 1]", "", "learning rate of the critic at the start")
    actor_learning_rate_end: float = setting("float in [0, 1]", "", "and after schedule_steps")
    critic_learning_rate_end: float = setting("float in [0, 1]", "", "and after schedule_steps")
    lr_schedule: str = setting("cosine|linear|constant", "", "how the learning rates get there")
    schedule_steps: int = setting("int >= 1 or auto", "steps", "auto: all steps of the run")
    weight_decay: float = setting("float >= 0", "", "weight decay of AdamW")
    adam_beta2: float = setting("float in (0, 1)", "", "memory of AdamW's second moment")
    max_grad_norm: float = setting("float >= 0", "", "largest norm of the gradients; 0: any")
    obs_normalization: bool = setting("bool", "", "normalise observations by running statistics")
    reward_normalization: bool = setting("bool", "", "scale rewards by the spread of their task's returns")
    network: str = setting(
        "mlp|layer_norm|simba or network",
        "",
        "the networks: plain, with LayerNorm, SimbaV2's, or a class of yours, as my_project.nets:Net",
    )
    network_settings: Mapping[str, Any] = setting("any", "", "what your class takes by this name")
    actor_units: tuple[int, ...] = setting(
        "list of int >= 1", "", "widths of the hidden layers; simba, flash: of the blocks"
    )
    critic_units: tuple[int, ...] = setting(
        "list of int >= 1", "", "widths of the hidden layers; simba, flash: of the blocks"
    )
    activation: str = setting("relu|silu|elu|gelu|tanh", "", "of hidden layers")
    norm_order: str = setting("before|after", "", "LayerNorm before or after the activation")
    init_scale: float = setting("float >= 0", "", "scale of the actor's last layer at the start")
    symmetry: bool = setting("bool", "", "learn from mirrored transitions too, where the task has a mirror")
    amp: bool | str = setting(
        "bool or auto", "", "16-bit arithmetic; auto: on CUDA, and on a CPU where it is timed to be quicker"
    )
    amp_dtype: str = setting("bf16|fp16", "", "which one; fp16 on CUDA alone")
    compile: bool = setting("bool", "", "compile the losses")
    cuda_graph: bool = setting("bool", "", "run a whole turn of updates as one CUDA graph")
    overlap: bool = setting(
        "bool",
        "",
        "make a step's updates while the envs take it, from what the replay held before: on the CPU, with sim=mujoco"
        " and one process",
    )

    @property
    def scalar(self) -> bool:
        """Whether the critics give one value (squared error) instead of a distribution (cross-entropy)."""
        return self.num_atoms == 1

    @property
    def low_precision(self) -> bool:
        """Whether matrix products are in 16 bit: where nobody timed which is quicker, `auto` is 32 bit."""
        return self.amp is True
