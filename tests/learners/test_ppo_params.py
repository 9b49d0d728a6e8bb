from __future__ import annotations

import pytest

from rlkit.env.dummy import PointMass
from rlkit.learners.api import LearnerError
from rlkit.learners.ppo.params import minibatch_size, read_settings, rl_games_params


@pytest.fixture(scope="module")
def spec():
    return PointMass(16).spec


def test_numbers_written_as_text_are_numbers(train, spec):
    assert read_settings(train(learning_rate="3e-4"), spec).learning_rate == 3e-4


def test_everything_wrong_is_said_at_once(train, spec):
    settings = train(gama=0.9, lr_schedule="adaptiv", horizon_length=2.5, normalize_input="yes")
    del settings["tau"]
    with pytest.raises(LearnerError) as error:
        read_settings(settings, spec)
    message = str(error.value)
    assert "train.gama: PPO has no such setting" in message
    assert "train.lr_schedule='adaptiv'; allowed: adaptive, constant" in message
    assert "train.horizon_length=2.5 is not of type int" in message
    assert "train.normalize_input='yes' is not of type bool" in message
    assert "train.tau is missing" in message
    assert "horizon_length, mini_epochs" in message  # the list of what is allowed


@pytest.mark.parametrize("key", ["mixed_precision", "torch_compile"])
def test_what_the_cpu_cannot_do_is_refused(train, spec, key):
    with pytest.raises(LearnerError, match=f"train.{key}=true works on CUDA only"):
        read_settings(train(**{key: True}), spec)


def test_minibatches_by_count_or_by_size(train, spec):
    # 8 steps x 16 envs = 128 samples
    assert minibatch_size(read_settings(train(num_minibatches=4), spec), 16) == 32
    assert minibatch_size(read_settings(train(minibatch_size=64, num_minibatches=4), spec), 16) == 64


@pytest.mark.parametrize("changes", [{"minibatch_size": 60}, {"num_minibatches": 3}, {"minibatch_size": 1}])
def test_minibatches_that_do_not_divide_name_what_does(train, spec, changes):
    with pytest.raises(LearnerError, match=r"the 128 samples .* nearest first: (64, 32|32, 64|2, 4)"):
        minibatch_size(read_settings(train(**changes), spec), 16)


def test_an_asymmetric_task_gets_one_critic_not_two(train):
    spec = PointMass(16, asymmetric=True).spec
    params = rl_games_params(read_settings(train(separate=True), spec), spec, {}, 64)
    assert params["network"]["separate"] is False
    assert params["config"]["use_experimental_cv"] is False
    assert params["config"]["central_value_config"]["minibatch_size"] == 64
