"""Observation groups by name: the critic's own terms, others that somebody asks for, and no cost where nobody does."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from puck import COURSES, Courses, courses_env
from torch import Tensor

from rlkit.config import compose
from rlkit.config.experiment import thaw
from rlkit.env.api import EnvError, VecEnv
from rlkit.env.transfer import DeviceEnv
from rlkit.learners import registry
from rlkit.learners.api import LearnerError
from rlkit.learners.off_policy.symmetry import Symmetry
from rlkit.runtime.checkpoints.env_spec import as_plain, spec_of
from rlkit.tasks.api import TaskError, observation

QUIET = {**COURSES["randomization"], "observationNoise": {}}
ZERO = torch.zeros(3, 1)
CRITIC = ["position", "left"]


class Seen(Courses):
    """Courses with more to see; `asked` counts how often each term was computed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked = {"position": 0, "left": 0, "height": 0}
        self.left_is = 6.0

    @observation(1)
    def position(self) -> Tensor:
        """In m."""
        self.asked["position"] += 1
        return self.sim.joint_pos

    @observation(2)
    def left(self) -> Tensor:
        """What is left of 6 m, and twice that."""
        self.asked["left"] += 1
        left = self.left_is - self.sim.joint_pos
        return torch.cat((left, 2.0 * left), dim=-1)

    @observation(1)
    def height(self) -> Tensor:
        """Always 3 m."""
        self.asked["height"] += 1
        return torch.full((self.num_envs, 1), 3.0)

    def mirror(self) -> Any:
        """Of all but the height."""
        return {"position": ([0], [-1.0]), "left": ([1, 0], [1.0, -1.0]), "actions": ([0], [-1.0])}


def seen_env(noise=False, **groups):
    randomization = COURSES["randomization"] if noise else QUIET
    return courses_env(3, task=Seen, groups=groups, randomization=randomization)


def asked(env: Any) -> dict[str, int]:
    return env.task.asked


def test_without_groups_the_critic_sees_the_policy_s_tensor_and_nothing_else_is_computed():
    for env in (seen_env(), courses_env(3, task=Seen, randomization=QUIET)):
        env.reset()
        obs, _, _, _, info = env.step(ZERO)
        assert obs["critic"] is obs["policy"] and info.final_obs["critic"] is info.final_obs["policy"]
        assert obs.keys() == {"policy", "critic"} and not env.spec.asymmetric
        assert asked(env) == {"position": 2, "left": 0, "height": 0}


def test_the_critic_s_own_terms_are_computed_with_the_shared_ones_once():
    env = seen_env(critic=CRITIC)
    assert dict(env.spec.obs_sizes) == {"policy": 1, "critic": 3} and env.spec.asymmetric
    assert env.reset()["critic"].tolist() == [[0.0, 6.0, 12.0]] * 3
    assert env.step(ZERO).obs["critic"].tolist() == [[1.0, 5.0, 10.0]] * 3
    assert asked(env) == {"position": 2, "left": 2, "height": 0}


def test_equally_many_numbers_of_other_terms_are_another_observation():
    env = seen_env(critic=["height"])
    assert env.spec.asymmetric and env.reset()["critic"].tolist() == [[3.0]] * 3


def test_a_group_is_computed_only_where_it_is_asked_for_and_final_obs_has_it_too():
    env = seen_env(style=["left", "height"], critic=CRITIC)
    assert "style" not in env.reset() and asked(env)["height"] == 0
    env.ask(("policy", "style"))
    assert env.reset().keys() == {"policy", "style"}
    step = [env.step(ZERO) for _ in range(5)][-1]
    assert torch.equal(step.info.final_obs["style"], step.obs["style"])
    obs, _, _, truncated, info = env.step(ZERO)  # 6 m: the walk is over
    assert truncated.all()
    assert info.final_obs["style"].tolist() == [[0.0, 0.0, 3.0]] * 3
    assert obs["style"].tolist() == [[6.0, 12.0, 3.0]] * 3
    env.ask(())
    before = dict(asked(env))
    assert env.step(ZERO).obs.keys() == {"policy"}
    assert asked(env) == {**before, "position": before["position"] + 1}


def test_a_group_that_there_is_not_is_refused_with_the_nearest():
    with pytest.raises(
        EnvError, match=r"asks for the observations 'stile'.*did you mean style\?; task.groups.stile"
    ):
        seen_env(style=["left"]).ask(("stile",))
    with pytest.raises(EnvError, match="Courses has no observations 'style'; it has policy, critic"):
        VecEnv.ask(seen_env(), ("style",))
    with pytest.raises(
        TaskError, match=r"task.groups.critic: Seen has no observation term 'lft'; did you mean left"
    ):
        seen_env(critic=["lft"])
    with pytest.raises(TaskError, match=r"task.groups.policy: what the policy sees is task.observations"):
        seen_env(policy=["left"])


def test_noise_is_on_the_policy_s_observation_alone():
    env = seen_env(noise=True, critic=CRITIC)
    obs = env.reset()
    assert not torch.equal(obs["policy"], torch.zeros(3, 1))
    assert obs["critic"].tolist() == [[0.0, 6.0, 12.0]] * 3


def test_a_number_that_is_not_finite_is_named_in_whatever_group_it_is():
    env = seen_env(critic=CRITIC)
    env.reset()
    task: Any = env.task
    task.left_is = float("nan")
    with pytest.raises(
        EnvError, match="task Courses: the observation term left is nan in env 0, 1, 2, in step 1"
    ):
        env.step(ZERO)


def test_groups_are_part_of_the_state_and_older_ones_have_none():
    env, other = seen_env(critic=CRITIC), seen_env(critic=CRITIC)
    env.reset()
    env.step(ZERO)
    state = env.state()
    for saved in (state, {name: value for name, value in state.items() if name != "groups"}):
        other.reset()
        other.load_state(saved)
        assert torch.equal(other.observe()["critic"], env.observe()["critic"])
    assert torch.equal(other.step(ZERO).obs["critic"], env.step(ZERO).obs["critic"])


def test_a_new_env_goes_on_with_the_groups_that_it_is_asked_for():
    env, new = seen_env(style=["left", "height"]), seen_env(style=["left", "height"])
    for each in (env, new):
        each.ask(("policy", "style"))
    env.reset()
    env.step(ZERO)
    new.load_state(env.state())  # before any reset of its own
    assert torch.equal(new.observe()["style"], env.observe()["style"])


def test_each_group_has_its_own_image_where_its_terms_have_one():
    env = seen_env(critic=["left", "position"], style=["position"], expert=["height"])
    mirror = env.spec.mirror
    assert mirror is not None and set(mirror.observations) == {"policy", "critic", "style"}
    assert mirror.observations["critic"] == ([1, 0, 2], [1.0, -1.0, -1.0])
    mirror = seen_env(critic=["height"]).spec.mirror
    assert mirror is not None and set(mirror.observations) == {"policy"}


def test_a_policy_may_see_what_has_no_image_but_not_learn_from_mirrored_samples():
    env = courses_env(3, task=Seen, randomization=QUIET, observations=["position", "height"])
    mirror = env.spec.mirror
    assert mirror is not None and not mirror.observations
    with pytest.raises(LearnerError, match=r"of all that the policy sees \(task.observations;"):
        Symmetry(env.spec)


def test_fast_td3_needs_the_critic_s_image_where_it_is_to_learn_from_mirrored_samples():
    with pytest.raises(LearnerError, match="no mirror image of all that the critic sees"):
        Symmetry(seen_env(critic=["height"]).spec)
    assert Symmetry(seen_env(critic=["left"]).spec).mirrored(
        "critic", torch.tensor([[1.0, 2.0]])
    ).tolist() == [[2, -1]]


def test_behind_a_transfer_all_groups_come_along():
    env, behind = seen_env(style=["height"]), DeviceEnv(seen_env(style=["height"]), torch.device("cpu"))
    for each in (env, behind):
        each.ask(("style",))
    assert env.reset().keys() == behind.reset().keys() == {"policy", "style"}
    one, other = env.step(ZERO), behind.step(ZERO)
    assert torch.equal(one.info.final_obs["style"], other.info.final_obs["style"])


def test_a_checkpoint_tells_the_groups():
    spec, _ = spec_of(as_plain(seen_env(critic=CRITIC)), torch.device("cpu"))
    assert spec.asymmetric and spec.observation_terms["critic"] == (("position", 1), ("left", 2))


@pytest.mark.slow
@pytest.mark.parametrize("critic", [CRITIC, ["left"], ["height"]])
@pytest.mark.parametrize(
    "words",
    [
        "train=PPO train.horizon_length=4 train.minibatch_size=12 train.units=[8]",
        "train=FastTD3 train.horizon_length=4 train.learning_starts=2 train.batch_size=4 train.buffer_size=20"
        " train.critic_units=[8] train.actor_units=[8] train.network=mlp",
    ],
    ids=["PPO", "FastTD3"],
)
def test_both_learners_take_a_critic_that_sees_other_things(words, critic):
    experiment = compose(["task=BaseTask", "device=cpu", "numEnvs=3", "task.episodeLength=6", *words.split()])
    train, env = thaw(experiment.train), seen_env(critic=critic, style=["height"])
    made = [registry.make(str(train["learner"]), train, env.spec, seed=1) for _ in range(2)]
    learner, other = made
    env.ask(learner.groups)
    obs = env.reset()
    assert obs.keys() == {"policy", "critic"}
    for _ in range(3):
        learner.iterate(env)
    state = learner.state(experience=False)
    assert state["sizes"] == {"policy": 1, "critic": env.spec.obs_sizes["critic"], "actions": 1}
    other.load(state)
    only_policy = {"policy": obs["policy"]}  # as in evaluations and tests
    assert torch.equal(other.policy()(only_policy), learner.policy()(only_policy))
