"""The flat `train` section, checked, and translated to rl_games' nested parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Callable, Mapping

from rlkit.env.spec import EnvSpec
from rlkit.learners.api import LearnerError

CHOICES = {
    "lr_schedule": ("adaptive", "constant"),
    "schedule_type": ("legacy", "standard"),
    "activation": ("relu", "tanh", "sigmoid", "elu", "selu", "swish", "gelu", "softplus", "None"),
}


@dataclass(frozen=True)
class Settings:
    """The keys of `train`, under rl_games' own names.

    minibatch_size counts samples; it may be null when num_minibatches says how many there are. sigma_init is
    the logarithm of the initial standard deviation. learning_rate is where `lr_schedule` starts.
    """

    horizon_length: int
    mini_epochs: int
    learning_rate: float
    lr_schedule: str
    schedule_type: str
    kl_threshold: float
    gamma: float
    tau: float
    e_clip: float
    clip_value: bool
    entropy_coef: float
    critic_coef: float
    bounds_loss_coef: float
    truncate_grads: bool
    grad_norm: float
    normalize_input: bool
    normalize_value: bool
    normalize_advantage: bool
    value_bootstrap: bool
    reward_scale: float
    reward_normalization: bool
    units: tuple[int, ...]
    activation: str
    separate: bool
    fixed_sigma: bool
    sigma_init: float
    mixed_precision: bool
    torch_compile: bool
    minibatch_size: int | None = None
    num_minibatches: int | None = None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != float(value) or int(value) < 1:
        raise ValueError("not a whole number of at least 1")
    return int(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": _whole,
    "int | None": lambda value: None if value is None else _whole(value),
    "float": float,
    "bool": _flag,
    "str": str,
    "tuple[int, ...]": lambda value: tuple(_whole(unit) for unit in value),
}


def read_settings(train: Mapping[str, Any], spec: EnvSpec) -> Settings:
    """Check the `train` section, alone and against `spec`; raises LearnerError with all that is wrong."""
    known = {field.name: str(field.type) for field in fields(Settings)}
    given = {key: value for key, value in train.items() if key != "learner"}
    wrong = [f"train.{key}: PPO has no such setting" for key in given if key not in known]
    values: dict[str, Any] = {}
    for key, kind in known.items():
        if key not in given:
            if not kind.endswith("None"):
                wrong.append(f"train.{key} is missing")
            continue
        try:
            values[key] = _READERS[kind](given[key])
        except (TypeError, ValueError):
            wrong.append(f"train.{key}={given[key]!r} is not of type {kind}")
    for key, allowed in CHOICES.items():
        if key in values and values[key] not in allowed:
            wrong.append(f"train.{key}={values[key]!r}; allowed: {', '.join(allowed)}")
    if spec.device.type == "cpu":
        for key in ("mixed_precision", "torch_compile"):
            if values.get(key):
                wrong.append(f"train.{key}=true works on CUDA only; on the CPU use train.{key}=false")
    if wrong:
        raise LearnerError("\n".join([*wrong, f"The settings of PPO are: {', '.join(known)}"]))
    return Settings(**values)


def minibatch_size(settings: Settings, num_envs: int) -> int:
    """Samples of one gradient step; raises LearnerError unless it divides horizon_length x num_envs."""
    batch = settings.horizon_length * num_envs
    if settings.minibatch_size is not None:
        size, said = settings.minibatch_size, f"train.minibatch_size={settings.minibatch_size}"
    elif settings.num_minibatches is not None:
        count = settings.num_minibatches
        size, said = (batch // count if batch % count == 0 else 0), f"train.num_minibatches={count}"
    else:
        raise LearnerError("Give train.minibatch_size (samples) or train.num_minibatches")
    if not 1 < size <= batch or batch % size:
        sizes = [n for n in range(2, batch + 1) if batch % n == 0]
        wanted = settings.minibatch_size or batch // (settings.num_minibatches or 1)
        near = sorted(sizes, key=lambda n: abs(n - wanted))[:3]
        raise LearnerError(
            f"{said} does not cut the {batch} samples of an iteration (horizon_length "
            f"{settings.horizon_length} x {num_envs} envs) into equal parts of 2 or more; "
            f"minibatch sizes that do, nearest first: {', '.join(map(str, near))}"
        )
    return size


def _network(settings: Settings, *, separate: bool) -> dict[str, Any]:
    return {
        "name": "actor_critic",
        "separate": separate,
        "space": {
            "continuous": {
                "mu_activation": "None",
                "sigma_activation": "None",
                "mu_init": {"name": "default"},
                "sigma_init": {"name": "const_initializer", "val": settings.sigma_init},
                "fixed_sigma": settings.fixed_sigma,
            }
        },
        "mlp": {
            "units": list(settings.units),
            "activation": settings.activation,
            "initializer": {"name": "default"},
        },
    }


def _central_value(settings: Settings, minibatch: int) -> dict[str, Any]:
    """The critic of its own that an asymmetric task gets: it sees `obs["critic"]`."""
    network = _network(settings, separate=False)
    del network["space"]
    return {
        "minibatch_size": minibatch,
        "mini_epochs": settings.mini_epochs,
        "learning_rate": settings.learning_rate,
        "clip_value": settings.clip_value,
        "e_clip": settings.e_clip,
        "normalize_input": settings.normalize_input,
        "truncate_grads": settings.truncate_grads,
        "grad_norm": settings.grad_norm,
        "network": {**network, "central_value": True},
    }


def rl_games_params(
    settings: Settings, spec: EnvSpec, env_info: Mapping[str, Any], minibatch: int
) -> dict[str, Any]:
    """The nested `params` that rl_games' agent is built from; minibatch: samples of one gradient step."""
    same = (
        "horizon_length mini_epochs learning_rate lr_schedule schedule_type kl_threshold gamma tau e_clip "
        "clip_value entropy_coef critic_coef bounds_loss_coef truncate_grads grad_norm normalize_input "
        "normalize_value normalize_advantage value_bootstrap mixed_precision torch_compile"
    )
    config: dict[str, Any] = {key: getattr(settings, key) for key in same.split()}
    config.update(
        name=spec.task,
        full_experiment_name=spec.task,
        env_name=spec.task,
        env_info=dict(env_info),
        num_actors=spec.num_envs,
        minibatch_size=minibatch,
        # Read for recurrent networks only, yet checked for all: 1 divides every batch.
        seq_length=1,
        reward_shaper=lambda reward: reward * settings.reward_scale,
        device=str(spec.device),
        device_name=str(spec.device),
        print_stats=False,
        # With a critic of its own, the actor's network needs no second one that sees less.
        use_experimental_cv=not spec.asymmetric,
    )
    if spec.asymmetric:
        config["central_value_config"] = _central_value(settings, minibatch)
    network = _network(settings, separate=settings.separate and not spec.asymmetric)
    return {"model": {"name": "continuous_a2c_logstd"}, "network": network, "config": config}
