"""The settings of PPO, translated to rl_games' nested parameters."""

from __future__ import annotations

from typing import Any, Mapping

from rlkit.env.api import EnvSpec
from rlkit.learners.networks.own import Inputs, inputs_of, is_own
from rlkit.learners.networks.pixels import feature_columns
from rlkit.learners.ppo.rates import Rates
from rlkit.learners.ppo.settings import Settings
from rlkit.learners.ppo.trunk import encoder_params, trunk_params


def _network(settings: Settings, inputs: Inputs, *, separate: bool) -> dict[str, Any]:
    own = {}
    if is_own(settings.network):
        own = trunk_params(settings.network, settings.network_settings, inputs)
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
        **({} if settings.memory == "none" else {"rnn": _memory(settings)}),
        **own,
    }


def _memory(settings: Settings) -> dict[str, Any]:
    return {"name": settings.memory, "units": settings.memory_units, "layers": settings.memory_layers}


def _central_value(settings: Settings, minibatch: int, inputs: Inputs) -> dict[str, Any]:
    """The critic of its own that an asymmetric task gets: it sees `obs["critic"]`."""
    network = _network(settings, inputs, separate=False)
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


def _actor_inputs(settings: Settings, spec: EnvSpec) -> Inputs:
    """What the hidden layers are given: behind convolutions these features."""
    if not spec.images:
        return inputs_of(spec, "actor")
    columns = feature_columns(settings.cnn, spec)
    return Inputs("actor", max(part.stop for part in columns.values()), columns)


def rl_games_params(
    settings: Settings, spec: EnvSpec, env_info: Mapping[str, Any], minibatch: int
) -> dict[str, Any]:
    """The nested `params` that rl_games' agent is built from; minibatch: samples of one gradient step."""
    same = (
        "horizon_length mini_epochs learning_rate schedule_type kl_threshold gamma tau e_clip "
        "clip_value entropy_coef critic_coef bounds_loss_coef truncate_grads grad_norm normalize_input "
        "normalize_value normalize_advantage value_bootstrap mixed_precision torch_compile"
    )
    config: dict[str, Any] = {key: getattr(settings, key) for key in same.split()}
    config.update(
        lr_schedule="adaptive" if settings.lr_schedule == "adaptive" else None,
        rates=Rates(settings),  # the others, which our agent follows
        name=spec.task,
        full_experiment_name=spec.task,
        env_name=spec.task,
        env_info=dict(env_info),
        num_actors=spec.num_envs,
        minibatch_size=minibatch,
        # Read for recurrent networks only, yet checked for all: 1 divides every batch.
        seq_length=1 if settings.memory == "none" else settings.sequence_length,
        reward_shaper=lambda reward: reward * settings.reward_scale,
        device=str(spec.device),
        device_name=str(spec.device),
        print_stats=False,
        # With a critic of its own, the actor's network needs no second one that sees less.
        use_experimental_cv=not spec.asymmetric,
    )
    if spec.asymmetric:
        config["central_value_config"] = _central_value(settings, minibatch, inputs_of(spec, "critic"))
    separate = settings.separate and not spec.asymmetric
    network = _network(settings, _actor_inputs(settings, spec), separate=separate)
    if spec.images:
        network.update(encoder_params(settings.cnn, spec))
    return {"model": {"name": "continuous_a2c_logstd"}, "network": network, "config": config}
