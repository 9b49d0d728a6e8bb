"""A test or a resume of a run takes the run's own settings, and the words typed now win."""

from __future__ import annotations

import copy
import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlkit.config import ConfigError, Experiment, compose, from_file, from_yaml
from rlkit.config.facts.machine import Machine
from rlkit.config.files.conf import find_conf
from rlkit.config.words.command_line import conf_of, parse
from rlkit.config.words.inherit import asked_checkpoints, asks_for_test, read_base
from rlkit.sims.facts import USABLE

HERE = Machine(cores=2, simulators=frozenset(USABLE))
GPU = Machine(cores=16, cuda_devices=1, simulators=frozenset(USABLE))
TEST = ["test=true", "checkpoint=x"]
RESUME = ["checkpoint=x"]
MADE_WITH = [
    "task=BoxGrasping", "numEnvs=512", "train.units=[32,32]", "task.box.size=0.06", "physics=fast", "seed=9",
    "sim.numThreads=1", "device=cpu", "maxIter=77",
]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


@pytest.fixture
def config(file: Path) -> Path:
    file.write_text(compose(MADE_WITH, machine=HERE).to_yaml())
    return file


def on_top(words: list[str], config: Path, machine: Machine = HERE, **more: Any) -> Experiment:
    return compose(words, machine=machine, base=read_base(config), **more)


def changed(config: Path, **sections: dict[str, Any]) -> None:
    """Write other values into a config.yaml, as by hand."""
    content = yaml.safe_load(config.read_text())
    for name, values in sections.items():
        content.setdefault(name, {}).update(values)
    config.write_text(yaml.safe_dump(content))


def test_a_test_takes_what_the_policy_depends_on_and_leaves_the_rest(config: Path) -> None:
    experiment = on_top([*TEST, "device=cpu"], config)
    assert experiment.task_name == "BoxGrasping" and experiment.task["box"]["size"] == 0.06
    assert experiment.train["units"] == (32, 32) and experiment.sim.substeps == 1
    assert experiment.env.num_envs == 64 and experiment.training.seed == 42
    assert experiment.sim.num_threads == 2
    assert experiment.training.max_iterations == 600  # as the task's file says
    assert experiment.choices["physics"] == "fast" and experiment.choices["train"] == "BaseTaskPPO"


def test_a_resume_takes_everything(config: Path) -> None:
    experiment = on_top([*RESUME, "maxIter=100"], config)
    assert experiment.env.num_envs == 512 and experiment.training.seed == 9
    assert experiment.training.max_iterations == 100
    assert experiment.training.checkpoint == "x" and not experiment.training.test
    assert experiment.sim.num_threads == 1
    assert {"task=BoxGrasping", "train.units=[32,32]", "training.maxIterations=100"} < set(
        experiment.overrides
    )


def test_words_typed_now_win_in_any_spelling(config: Path) -> None:
    words = [
        *RESUME,
        "env.num_envs=8",
        "train.seed=1",
        "task.box.size=0.04",
        "task.episodeLength=${env.numEnvs}",
    ]
    experiment = on_top(words, config)
    assert experiment.env.num_envs == 8 and experiment.training.seed == 1
    assert experiment.task["box"]["size"] == 0.04
    assert experiment.task["episodeLength"] == 8
    reads_the_run = on_top(
        [*TEST, "numEnvs=${task.cpuNumEnvs}", "task.successDuration=${task.box.size}"], config
    )
    assert reads_the_run.task["successDuration"] == 0.06


@pytest.mark.slow
def test_typed_groups_replace_what_they_choose_and_nothing_else(file: Path) -> None:
    made = [
        "task=BoxGrasping",
        "sim=mjx",
        "sim.dt=0.004",
        "sim.maxContacts=99",
        "train.gamma=0.5",
        "task.box.size=0.06",
    ]
    file.write_text(compose(made, machine=HERE).to_yaml())
    same = on_top(TEST, file)
    assert (same.sim.name, same.sim.dt, same.sim.max_contacts) == ("mjx", 0.004, 99)

    on_warp = on_top([*TEST, "sim=warp"], file)
    assert (on_warp.sim.name, on_warp.sim.max_contacts, on_warp.sim.dt) == ("warp", 99, 0.004)
    fast = on_top([*TEST, "physics=fast"], file)
    assert (fast.sim.name, fast.sim.dt, fast.sim.substeps, fast.choices["physics"]) == (
        "mjx",
        0.01,
        1,
        "fast",
    )
    back = on_top([*TEST, "physics=accurate"], file)  # the one that the run was made with, without its own dt
    assert back.sim.dt == compose(["task=BoxGrasping"], machine=HERE).sim.dt
    own = on_top([*RESUME, "physics=fast", "sim.dt=0.005"], file)
    assert (own.sim.dt, own.sim.substeps) == (0.005, 1)

    train = on_top([*RESUME, "train=BaseTaskPPO"], file)
    assert (train.train["gamma"], train.task["box"]["size"]) == (0.97, 0.06)
    other = on_top([*RESUME, "train=FastTD3"], file)
    assert other.train["learner"] == "fast_td3" and "e_clip" not in other.train
    task = on_top([*TEST, "task=BoxGrasping"], file)
    assert task.task["box"]["size"] == 0.06  # the run's own task: it only says which run is meant
    with pytest.raises(ConfigError, match="is of task BoxGrasping, not of BaseTask; write task=BoxGrasping"):
        on_top([*TEST, "task=BaseTask"], file)


def test_a_typed_root_stands_above_the_run_and_what_it_is_built_on_below(config: Path) -> None:
    shown = on_top(["config=test_render", "device=cpu"], config)
    assert shown.training.test and shown.env.num_envs == 4 and shown.env.render
    assert shown.sim.dt == 0.01 and shown.task["box"]["size"] == 0.06
    quick = on_top([*RESUME, "config=debug"], config)
    assert (quick.training.max_iterations, quick.env.num_envs, quick.training.seed) == (5, 4, 9)
    assert quick.train["units"] == (32, 32)


@pytest.mark.parametrize("still_there", [True, False])
def test_what_only_the_root_in_the_users_folder_set_is_taken_from_the_run(
    tmp_path: Path, file: Path, still_there: bool
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    root = folder / "mine.yaml"
    root.write_text(
        "defaults: [config, override task: Reach, override sim: mujoco, _self_]\n".replace(
            ", override", ", {override"
        )
        .replace(": Reach,", ": Reach},")
        .replace(": mujoco,", ": mujoco},")
        + "task: {episodeLength: 40}\ntrain: {gamma: 0.9}\nenv: {numEnvs: 6}\ntraining: {maxIterations: 3}\n"
    )
    words = [f"--config-dir={folder}", "config=mine"]
    file.write_text(compose(words, machine=HERE).to_yaml())
    root.write_text("defaults: [config, _self_]\ntask: {episodeLength: 50}\n")
    if not still_there:
        root.unlink()
    test = on_top(TEST, file)
    assert (test.task_name, test.task["episodeLength"], test.train["gamma"]) == ("Reach", 40, 0.9)
    assert test.env.num_envs == 64
    resume = on_top(RESUME, file)
    assert (resume.task["episodeLength"], resume.env.num_envs, resume.training.max_iterations) == (40, 6, 3)
    assert resume.config_name == "mine"
    if still_there:
        assert on_top([*TEST, *words], file).task["episodeLength"] == 50


def test_what_was_left_to_the_program_is_worked_out_anew_but_for_a_drawn_seed(file: Path) -> None:
    made = compose(["task=Reach", "seed=-1", "train=ReachFastTD3", "train.batch_size=auto"], machine=GPU)
    assert made.env.device == "cuda:0"
    file.write_text(made.to_yaml())
    for words in (TEST, RESUME):
        here = on_top(words, file)
        assert here.env.device == "cpu" and here.asked["train.batch_size"] == "auto"
    assert on_top(RESUME, file).training.seed == made.training.seed
    assert on_top(TEST, file).training.seed == 42


def test_files_of_the_run_that_are_gone_are_not_missed(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    shutil.copytree(find_conf(), folder)
    for gone in ("task/BoxGrasping", "train/BaseTaskPPO", "physics/fast"):
        (folder / f"{gone}.yaml").unlink()
    (folder / "task" / "Reach.yaml").write_text("broken: [")  # and speaks for nobody else
    changed(config, task={"own": {"key": 1}})
    experiment = on_top([*TEST, "task.own.key=2", "task.box.mass=0.3"], config, conf_dir=folder)
    task = experiment.task
    assert (experiment.task_name, task["own"]["key"], task["box"]["size"], task["box"]["mass"]) == (
        "BoxGrasping",
        2,
        0.06,
        0.3,
    )
    assert experiment.train["units"] == (32, 32) and experiment.sim.substeps == 1
    with pytest.raises(ConfigError, match=r"there is no setting task\.box\.sizes"):
        on_top([*TEST, "task.box.sizes=0.03"], config, conf_dir=folder)


def test_settings_that_came_since_are_as_the_files_of_today_have_them(config: Path) -> None:
    content = yaml.safe_load(config.read_text())
    for section, key in (
        ("sim", "maxContacts"),
        ("train", "grad_norm"),
        ("training", "threads"),
        ("task", "box"),
    ):
        del content[section][key]
    config.write_text(yaml.safe_dump(content))
    experiment = on_top(RESUME, config)
    assert (experiment.sim.max_contacts, experiment.train["grad_norm"]) == (0, 1.0)
    assert experiment.task["box"]["size"] == 0.05
    assert from_yaml(config.read_text()).train["grad_norm"] == 1.0


# --- a run that is somebody else's ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "word",
    ["--experimental-rerun=x", "-m", "-cd=/", "hydra.launcher._target_=os.system", "hydra/launcher=x", "~task",
     "+defaults=[x]", "--config-path=/", "--info", "env.id=evil:X", "config=evil", "--package=x"],
)  # fmt: skip
def test_words_of_a_run_are_never_words_of_this_command_line(config: Path, word: str) -> None:
    plain = on_top(TEST, config)
    changed(config, composed={"overrides": [word], "config": "--help"})
    again = on_top(TEST, config)
    assert dataclasses.replace(again, overrides=()) == dataclasses.replace(plain, overrides=())
    assert again.config_name == "config" and not [w for w in again.overrides if w.startswith("-")]


def test_settings_that_there_are_not_are_named_and_left(config: Path) -> None:
    changed(config, hydra={"launcher": {"_target_": "os.system"}}, training={"_target_": "os.system"})
    experiment = on_top(TEST, config)
    (note,) = [note for note in experiment.notes if "no such settings" in note]
    assert note.endswith("hydra, training._target_")
    assert "_target_" not in experiment.to_yaml()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "values", "said"),
    [
        ("train", {"units": "os.system"}, "train.units needs"),
        ("env", {"numEnvs": "8"}, "env.numEnvs needs"),
        ("sim", {"name": "--help"}, "sim.name needs"),
        ("task", {"name": "../evil"}, "task.name must be"),
        ("task", {"episodeLength": {"_target_": "os.system"}}, "task.episodeLength"),
        ("task", {"packages": "evil"}, "task.packages needs"),
        ("training", {"maxIterations": None}, "training.maxIterations needs"),
        ("composed", {"choices": {"task": "../evil"}}, "is no name of a file"),
        ("composed", {"asked": {"env.numEnvs": ["evil"]}}, "env.numEnvs needs"),
    ],
)
def test_values_of_a_wrong_type_are_refused_with_the_file(
    config: Path, section: str, values: dict[str, Any], said: str
) -> None:
    changed(config, **{section: values})
    with pytest.raises(ConfigError, match=said) as caught:
        on_top(TEST, config)
    assert str(config) in caught.value.report()


def test_a_text_of_a_run_is_no_interpolation(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    changed(config, env={"camera": "${oc.env:TOKEN}"}, task={"install": "\\${sim.name} '\" ${"})
    experiment = on_top(RESUME, config)
    assert experiment.env.camera == "${oc.env:TOKEN}"
    assert experiment.task["install"] == "\\${sim.name} '\" ${"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no config.yaml that rlkit wrote"),
        ("a: [", "cannot be read"),
        ("task: {}\n", "is no config.yaml that rlkit wrote"),
        ("a: !!python/object/apply:os.system [touch planted]", "cannot be read"),
        (
            "a0: &a0 [x, x, x, x]\n"
            + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 9)),
            "more than 50000 values",
        ),
        ("a: " + "[" * 5000, "nested more than"),
        ('a: "\\e]0;planted\\a"', "holds control characters"),
        ("a: " + "x" * (5 << 20), "at most 4,194,304 are read"),
        ("\xff", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_and_not_passed_over(file: Path, content: str, said: str) -> None:
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=said) as caught:
        read_base(file)
    assert str(file) in caught.value.report()


def test_a_named_pipe_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    for read in (read_base, from_file):
        with pytest.raises(ConfigError, match="it is a named pipe, not a file"):
            read(file)


@pytest.mark.slow
@pytest.mark.parametrize("odd", [5, None, "text", [], [{}], {}, {"a": [1]}])
def test_whatever_stands_in_a_file_it_is_read_or_refused(config: Path, odd: Any) -> None:
    whole = yaml.safe_load(config.read_text())
    places = [
        *((section,) for section in whole),
        *(("composed", key) for key in whole["composed"]),
        ("train", "learner"),
        ("env", "kwargs"),
        ("task", "name"),
        ("composed", "choices", "sim"),
        ("composed", "asked", "sim.name"),
    ]
    for place in places:
        content = copy.deepcopy(whole)
        holder = content
        for key in place[:-1]:
            holder = holder[key]
        holder[place[-1]] = odd
        config.write_text(yaml.safe_dump(content))
        for read in (read_base, from_file):
            try:
                read(config)
            except ConfigError as error:
                assert str(config) in error.report(), place
    del whole["env"]["kwargs"]  # as in runs from before there was such a section
    config.write_text(yaml.safe_dump(whole))
    assert from_file(config).env.kwargs == {}


# --- what is asked for ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["checkpoint='a b/c=d.pth'", "task=BaseTask"], [("a b/c=d.pth", "BaseTask")]),
        (["checkpoint=a b/c=d.pth"], [("a b/c=d.pth", None)]),
        (["training.checkpoint=latest"], [("latest", None)]),
        (["train.checkpoint=latest:best"], [("latest:best", None)]),
        (["checkpoint=null"], []),
        (["checkpoint="], []),
        (["task=BoxGrasping"], []),
        (["checkpoint=a,b"], [("a,b", None)]),
        (["-m", "checkpoint=a,'b,c'"], [("a", None), ("b,c", None)]),
        (["-m", "checkpoint=latest", "task=A,B"], [("latest", "A"), ("latest", "B")]),
        (["-cn", "test_render"], [("latest", None)]),
        (["-cn", "test_render", "checkpoint=mine"], [("mine", None)]),
    ],
)
def test_what_is_asked_for_is_read_as_typed(words: list[str], asked: list[tuple[str, str | None]]) -> None:
    line = parse(words)
    assert asked_checkpoints(line, conf_of(line)) == asked


def test_a_root_configuration_may_ask_for_the_test() -> None:
    def test(*words: str) -> bool:
        line = parse(words)
        return asks_for_test(line, conf_of(line))

    assert test("-cn", "test_render") and test("config=test_render")
    assert not test("-cn", "test_render", "test=false")
    assert test("training.test=true") and not test()
