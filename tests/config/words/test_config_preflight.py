from __future__ import annotations

import pytest

from rlkit.config import ConfigError
from rlkit.config.words.preflight import read_words

WRONG = [
    ("env.numEnv=3", "did you mean env.numEnvs=3?"),
    ("numEnv=3", "did you mean env.numEnvs=3?"),
    ("maxIterations=3", "did you mean training.maxIterations=3?"),
    ("train.learning_rat=0.1", "did you mean train.learning_rate=0.1?"),
    ("task.rewardWeights.aliv=1", "did you mean task.rewardWeights.alive=1?"),
    ("task.box.size=0.1", "it belongs to task=BoxGrasping"),
    ("+env.numEnv=3", "nothing reads; did you mean env.numEnvs=3?"),
    ("+foo=3", "nothing reads"),
    ("~env.numEnvs", "cannot be removed"),
    ("~physics", "cannot be left out"),
    ("task=BoxGraspin", "did you mean task=BoxGrasping?"),
    ("task=Quadruped", "options are BaseTask, BoxGrasping"),
    (
        "task=my_package.lift:Lift",
        "there is no module my_package.lift: my_package is neither installed here nor in this folder",
    ),
    ("task=my_package/lift.py", "a Gymnasium environment of your own is task=Gym env.id=<module>:<Name>-v0"),
    ("total_timesteps=1e6", "did you mean training.maxSteps=1000000?"),
    ("sim=fast", "write physics=fast"),
    ("physics.fast", "write physics=fast"),
    ("physics/fast", "write physics=fast"),
    ("physics.fast=true", "write physics=fast"),
    ("physics", "write physics=<option>; options are accurate, default, fast"),
    ("config=train_headles", "did you mean config=train_headless?"),
    ("-cn nope", "there are config, debug, isaacgym_run, "),
    ("config=config,debug", "one root configuration at a time"),
    ("config=debug -cn test_render", "two root configurations"),
    ("numEnvs", "a value is missing"),
    ("Reach", "Reach: to choose an option write task=Reach"),
    ("numEnvs = 64", "write numEnvs=64"),
    ("numEnvs =64", "write numEnvs=64"),
    ("numEnvs= 64", "write numEnvs=64"),
    ("seed 5", "write seed=5"),
    ("--num_envs 64", "settings have no dashes: write num_envs=64"),
    ("--num_envs=64", "settings have no dashes: write num_envs=64"),
    ("-cn", "needs a value"),
    ("task.name=BoxGrasping", "write task=BoxGrasping"),
    ("task.name=" + "x" * 300, "write task=xxx"),
    ("training=3", "is a section"),
    ("numEnvs=abc", "needs int in [1, 1000000] or auto, got 'abc'"),
    ("numEnvs=0", "got 0"),
    ("numEnvs=64.0", "write 64"),
    ("numEnvs=64,128", "several values need a sweep: add -m"),
    ("logLevel=warn", "did you mean warning?"),
    ("device=gpu", "auto or cpu or cuda or cuda:N"),
    ("device=", "is a shell variable unset?"),
    ("render=yes", "write true"),
    ("train.gamma=1.2", "float in (0, 1]"),
    ("train.lr_schedule=adaptiv", "did you mean adaptive?"),
    ("train.units=[]", "list of int >= 1"),
    ("train.units=[64,0]", "list of int >= 1"),
    ("task.initialPose.handPosition=[1,2]", "list of 3 float"),
    ("+defaults=[config,a/b/c]", "cannot read 'a/b/c'"),
    ("-m numEnvs=8,0", "got 0"),
    ("task.engine=gymnasium task=Gym", "as task=Gym"),
    ("env.ids=HalfCheetah-v5", "write [HalfCheetah-v5]"),
    ("env.kwargs=3", "as env.kwargs.<name>=<value>"),
    ("env.kwargs.gravity", "write env.kwargs.gravity=<value>"),
    ("env.kwarg.gravity=1", "there is no setting env.kwarg.gravity"),
    ("train=FastTD3 train.num_update=3", "did you mean train.num_updates=3?"),
    ("train=FastTD3 train.e_clip=0.1", "there is no setting train.e_clip"),
    ("train=FastTD3 train.v_min=low", "needs float, got 'low'"),
    ("train=FastTD3 train.amp=yes", "write true"),
    ("train=FastTD", "did you mean train=FastTD3?"),
    ("-m task=BaseTask,BoxGraspin", "did you mean task=BoxGrasping?"),
]


@pytest.mark.parametrize(("line", "message"), WRONG, ids=[line[:60] for line, _ in WRONG])
def test_one_mistake_gives_one_message_that_helps(line, message):
    with pytest.raises(ConfigError) as caught:
        read_words(line.split())
    assert len(caught.value.messages) == 1, caught.value.report()
    assert message in caught.value.messages[0]
    assert "x" * 250 not in caught.value.messages[0]


def test_several_mistakes_come_together():
    with pytest.raises(ConfigError) as caught:
        read_words(["numEnv=3", "task=BoxGraspin", "logLevel=warn", "--seed", "3"])
    assert len(caught.value.messages) == 4
    assert caught.value.report().startswith("error: 4 mistakes in this request\n  1. ")


def rewritten(*words: str) -> list[str]:
    return list(read_words(words).argv)


def test_aliases_and_spellings_become_full_names():
    assert rewritten("numEnvs=8", "maxIter=2", "logLevel=debug") == [
        "env.numEnvs=8",
        "training.maxIterations=2",
        "logging.logLevel=debug",
    ]
    assert rewritten("num_envs=8", "env.num_envs=8", "env.numEnvs=8") == ["env.numEnvs=8"] * 3
    assert rewritten("train.learningRate=0.1") == ["train.learning_rate=0.1"]
    assert rewritten("task.reward_weights.alive=1") == ["task.rewardWeights.alive=1"]


def test_older_spellings_of_train_reach_their_sections():
    assert rewritten("train.seed=1", "train.test=true", "train.torch_deterministic=true") == [
        "training.seed=1",
        "training.test=true",
        "training.torchDeterministic=true",
    ]
    assert rewritten("train.reloadInterval=3", "train.logging.logLevel=info") == [
        "testing.reloadInterval=3",
        "logging.logLevel=info",
    ]


def test_options_stand_before_overrides_and_launcher_words_are_dropped():
    assert rewritten("task=BoxGrasping", "-cn", "test_render", "numEnvs=4", "--local-rank=1") == [
        "--config-name=test_render",
        "task=BoxGrasping",
        "env.numEnvs=4",
    ]
    assert rewritten("config=debug", "--local_rank", "0", "-m", "seed=1,2") == [
        "--multirun",
        "--config-name=debug",
        "training.seed=1,2",
    ]


def test_info_takes_its_own_words_alone():
    assert rewritten("--info", "searchpath", "numEnvs=8") == ["--info=searchpath", "env.numEnvs=8"]
    assert rewritten("numEnvs=8", "-i") == ["--info=all", "env.numEnvs=8"]
    assert rewritten("--info=plugins") == ["--info=plugins"]


@pytest.mark.parametrize(
    "word",
    [
        "+defaults=[config,/physics/fast]",
        "defaults=[config,/physics/fast]",
        "+defaults=config,/physics/fast",
        "+defaults=[config, override /physics: fast]",
        "++defaults=['config','/physics/fast']",
        "+physics=fast",
        "/physics=fast",
    ],
)
def test_every_spelling_of_a_physics_choice(word):
    assert rewritten(word)[-1] == "physics=fast"


def test_free_text_is_quoted_for_hydra(monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert rewritten("checkpoint=runs/a b=c,d.pth") == ["training.checkpoint='runs/a b=c,d.pth'"]
    assert rewritten("checkpoint=~/a.pth") == ["training.checkpoint=/home/someone/a.pth"]
    assert rewritten("checkpoint=it's") == ["training.checkpoint='it\\'s'"]
    assert rewritten("checkpoint=null") == ["training.checkpoint=null"]
    assert rewritten("logging.experimentName=123") == ["logging.experimentName='123'"]
    assert rewritten("-m", "checkpoint=a b,c") == ["--multirun", "training.checkpoint='a b',c"]


def test_what_goes_to_gymnasium_keeps_its_name_and_its_type():
    assert rewritten("env.kwargs.some_name=2.0", "env.kwargs.xmlFile=/a b/c=d.xml", "task=Gym")[:2] == [
        "++env.kwargs.some_name=2.0",
        "++env.kwargs.xmlFile='/a b/c=d.xml'",
    ]
    assert rewritten("env.kwargs.a.b=[1,2]", "env.kwargs={c: 1}") == [
        "++env.kwargs.a.b=[1,2]",
        "++env.kwargs={c: 1}",
    ]


def test_sweep_functions_are_left_to_hydra():
    words = ["-m", "numEnvs=choice(8,16)", "seed=range(1,3)", "task=glob(Box*)"]
    assert rewritten(*words)[1:] == [
        "env.numEnvs=choice(8,16)",
        "training.seed=range(1,3)",
        "task=glob(Box*)",
    ]
