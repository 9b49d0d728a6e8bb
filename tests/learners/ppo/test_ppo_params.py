from __future__ import annotations

from benchmarks.point_mass import PointMass
from rlkit.learners.ppo.learner import PPO
from rlkit.learners.ppo.params import rl_games_params
from rlkit.learners.ppo.settings import Settings
from rlkit.learners.settings import read_settings


def test_minibatches_by_count_or_by_size(train):
    # 8 steps x 16 envs = 128 samples
    spec = PointMass(16).spec
    assert "in 4 minibatches of 32," in PPO(train(num_minibatches=4), spec, seed=0).describe()[0]
    settings = train(minibatch_size=64, num_minibatches=4)
    assert "in 2 minibatches of 64," in PPO(settings, spec, seed=0).describe()[0]


def test_an_asymmetric_task_gets_one_critic_not_two(train):
    spec = PointMass(16, asymmetric=True).spec
    params = rl_games_params(read_settings(Settings, train(separate=True)), spec, {}, 64)
    assert params["network"]["separate"] is False
    assert params["config"]["use_experimental_cv"] is False
    assert params["config"]["central_value_config"]["minibatch_size"] == 64
