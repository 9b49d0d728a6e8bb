"""Hints: words of other programs become ours, and whatever is suggested passes the very same checks."""

from __future__ import annotations

import re

import pytest
from test_config_preflight import WRONG

from rlkit.config import ConfigError
from rlkit.config.schema import keys
from rlkit.config.words import foreign
from rlkit.config.words.preflight import read_words

LEARNERS = {"ppo": [], "fast_td3": ["train=FastTD3"]}

HINTS = [
    ("headless=True", "render=false"),
    ("headless=False", "render=true"),
    ("--headless", "render=false"),
    ("device=gpu", "cuda"),
    ("numEnvs: 4", "numEnvs=4"),
    ("numEnvs:4", "numEnvs=4"),
    ("--numEnvs 4", "numEnvs=4"),
    ("--task=Reach", "task=Reach"),
    ("--task Reach", "task=Reach"),
    ("num_actors=64", "numEnvs=64"),
    ("task.env.numActors=64", "numEnvs=64"),
    ("max_iterations=5", "training.maxIterations=5"),
    ("max_epochs=5", "maxIter=5"),
    ("train.params.config.max_epochs=5", "maxIter=5"),
    ("rl_device=cuda:0", "device=cuda:0"),
    ("sim_device=0", "device=cuda:0"),
    ("device_rank=-1", "device=cpu"),
    ("graphics_device_id=1", "env.graphicsDeviceId=1"),
    ("simulator=mjx", "sim=mjx"),
    ("algo=PPO", "train=PPO"),
    ("learning_rate=3e-4", "train.learning_rate=3e-4"),
    ("train=FastTD3 lr=3e-4", "train.actor_learning_rate=3e-4"),
    ("train=FastTD3 buffer_size=100000", "train.buffer_total=100000"),
    ("train=FastTD3 actor_hidden_dim=512", "train.actor_units=[512]"),
    ("hidden_dims=[64,64]", "train.units=[64,64]"),
    ("capture_video=True", "env.recordVideo=true"),
    ("play=True", "test=true"),
    ("resume=True", "training.resume=auto"),
    ("exp_name=mine", "logging.experimentName=mine"),
    ("task=HumanoidWalk robots=[G1]", "task.robot=g1"),
    ("use_wandb=true", "logging.tracker=wandb"),
    ("wandb_activate=True", "logging.tracker=wandb"),
    ("--use-wandb", "logging.tracker=wandb"),
    ("use_wandb=False", "logging.tracker=none"),
    ("logger=mlflow", "logging.tracker=mlflow"),
    ("logger=tensorboard", "logging.tracker=none"),
    ("wandb_project=hands", "logging.trackerProject=hands"),
    ("wandb_mode=offline", "logging.trackerMode=offline"),
    ("wandb_tags=[a,b]", "logging.trackerTags=[a,b]"),
    ("wandb_name=mine", "logging.experimentName=mine"),
]
REPLACED = [
    ("use_tensorboard=true", "tensorboard --logdir runs_all"),
    ("multi_gpu=True", "torchrun --nproc-per-node=2 train.py"),
    ("pipeline=gpu", "follows from sim=… and device=…"),
    ("robots=[h1]", "a robot belongs to its task"),
    ("score_to_win=100", 'until="return>=100" ends a training'),
    ("buffer_size=1000", "only train=FastTD3, FastSAC, FlashSAC, TD3 and SAC keep a replay buffer"),
    ("env=HalfCheetah-v5", "write task=Gym env.id=HalfCheetah-v5"),
]


def message(line: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_words(line.split())
    assert len(caught.value.messages) == 1, caught.value.report()
    return caught.value.messages[0]


def suggestions(text: str) -> list[str]:
    """The words name=value that a message says to write, without placeholders such as <int>."""
    said = re.findall(r"(?:did you mean|write|or) ([\w.]+=(?:\[[^\]]*\]|[^\s;?]+))", text)
    return [word for word in said if "<" not in word and "…" not in word]


@pytest.mark.parametrize(("line", "ours"), HINTS, ids=[line for line, _ in HINTS])
def test_a_word_of_another_program_becomes_ours(line, ours):
    assert re.search(rf"(did you mean|write) {re.escape(ours)}(\?|$| or)", message(line)), message(line)


@pytest.mark.parametrize(("line", "says"), REPLACED)
def test_what_there_is_instead_is_said(line, says):
    assert says in message(line)


@pytest.mark.parametrize("line", [line for line, _ in (*WRONG, *HINTS)])
def test_what_is_suggested_is_accepted(line):
    """In the place of the wrong word, beside the right ones."""
    kept = [word for word in line.split() if re.match(r"(task|train)=\w+$", word) and not _is_wrong(word)]
    for suggestion in suggestions(message(line)):
        read_words([*kept, suggestion])


def _is_wrong(word: str) -> bool:
    try:
        read_words([word])
    except ConfigError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("words", LEARNERS.values(), ids=LEARNERS)
@pytest.mark.parametrize("value", ["true", "3", "0.5", "cuda:0", "name", "[64,64]", ""])
def test_every_word_of_the_table_is_answered_by_what_exists_and_takes_the_value(words, value):
    names = {key.name for key in keys.COMMON_KEYS} | set(keys.GROUPS) | {"config"}
    names |= {key.name for lines in keys.LEARNER_KEYS.values() for key in lines}
    for word, meaning in foreign.FOREIGN.items():
        assert meaning.says or set(meaning.ours.split()) & names, word
        try:
            read_words([*words, f"x.{word}={value}"])
        except ConfigError as error:
            for suggestion in suggestions(error.report()):
                read_words([*words, suggestion])


def test_a_root_configuration_that_there_is_none_of_lists_those_there_are():
    assert "there are config, debug" in message("config=no_such")
    assert "did you mean config=debug? There are config, debug" in message("config=debu")
