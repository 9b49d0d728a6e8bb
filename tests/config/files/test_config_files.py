"""Files of conf/: what is wrong in them is refused with file and line; what is right is read as Hydra reads it."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlkit import yaml_text
from rlkit.config import ConfigError, compose, from_yaml
from rlkit.config.facts.machine import Machine
from rlkit.config.files import task_source
from rlkit.config.files.conf import Conf, find_conf
from rlkit.config.words.preflight import read_words

CPU = Machine(cores=2, simulators=frozenset({"mujoco", "gymnasium"}))
HEAD = "# @package _global_\n"


@pytest.fixture
def conf(tmp_path, monkeypatch):
    """A copy of conf/ with the task Mine on top of Reach, and its class, which reads `margin`."""
    folder = tmp_path / "conf"
    shutil.copytree(find_conf(), folder)
    tasks = tmp_path / "tasks"
    shutil.copytree(task_source.TASKS, tasks)
    (tasks / "mine.py").write_text(
        "from rlkit.tasks.reach import Reach\n"
        "class Mine(Reach):\n"
        "    def refresh(self):\n"
        "        super().refresh()\n"
        "        self.near = self.distance < self.config['margin']\n"
    )
    monkeypatch.setattr(task_source, "TASKS", tasks)
    monkeypatch.chdir(tmp_path)
    (folder / "train" / "MinePPO.yaml").write_text("defaults: [ReachPPO, _self_]\n")
    write(folder, "task/Mine", mine("  margin: 0.1\n"))
    return folder


def mine(lines: str) -> str:
    return f"{HEAD}defaults: [Reach, _self_]\ntask:\n  name: Mine\n{lines}"


def write(conf: Path, name: str, text) -> None:
    (conf / f"{name}.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())


def composed(conf: Path, *words: str):
    return compose(["task=Mine", *words], conf_dir=conf, machine=CPU)


def refused(conf: Path, *words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(conf, *words)
    return caught.value.report()


# --- values ---------------------------------------------------------------------------------------------


def test_a_tasks_own_default_is_never_refused_and_comes_back_from_the_runs_file(conf):
    own = (
        "  margin: 1e-3\n  tolerances: [1e-3, 2e-3]\n  names: []\n  limit: .inf\n  none: null\n  extra: {}\n"
        "  half: ${task.successDistance}\n  grid: [[1, 2], [3e-1, 4]]\n  text: '1e-3'\n  date: 2020-01-01\n"
        "  mixed: [1, a, null]\n  box: {size: large}\n  empty: ''\n"
    )
    write(conf, "task/Mine", mine(own))
    experiment = composed(conf)
    task = experiment.task
    assert (task["margin"], task["tolerances"], task["names"], task["none"]) == (1e-3, (1e-3, 2e-3), (), None)
    assert (task["limit"], task["half"], task["grid"]) == (math.inf, 0.02, ((1, 2), (0.3, 4)))
    assert (task["text"], task["date"], dict(task["box"]), dict(task["extra"])) == (
        "1e-3", "2020-01-01", {"size": "large"}, {},
    )  # fmt: skip
    assert from_yaml(experiment.to_yaml()).task == task
    typed = composed(
        conf, "task.margin=2", "task.names=[a,b]", "task.none=3", "task.extra.deep=1", "task.limit=5.0"
    ).task
    assert (typed["margin"], typed["names"], typed["none"]) == (2.0, ("a", "b"), 3)
    assert (dict(typed["extra"]), typed["limit"]) == ({"deep": 1}, 5.0)
    assert "task.margin=high: needs float" in refused(conf, "task.margin=high")


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_written_is_read_back(value):
    assert yaml_text.load(yaml_text.dump({"a": value})) == {"a": value}


@pytest.mark.parametrize(
    "text", ["1e-3", "1E5", ".5", "1_000", "0o17", "1:30", "yes", "2020-01-01", "~", "=", "0x1F"]
)
def test_the_reader_takes_values_as_omegaconf_does(text):
    from omegaconf import OmegaConf

    if text != "=":
        assert yaml_text.load(f"a: {text}") == OmegaConf.to_container(OmegaConf.create(f"a: {text}"))


@pytest.mark.slow
def test_every_file_of_the_project_reads_as_omegaconf_reads_it_and_every_setting_has_a_reader():
    from omegaconf import OmegaConf

    files = list(find_conf().rglob("*.yaml"))
    assert len(files) > 50
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert (yaml_text.load(text) or {}) == OmegaConf.to_container(OmegaConf.create(text)), file
    conf = Conf(find_conf())
    for task in conf.options("task"):
        engine = ["env.id=Pendulum-v1"] if task == "Gym" else []
        try:
            experiment = compose(
                [f"task={task}", *engine], machine=Machine(simulators=frozenset({"mujoco", "gymnasium"}))
            )
        except ConfigError as error:  # of packages that are not here
            assert "install" in error.report()
            continue
        assert not [note for note in experiment.notes if "reads no such setting" in note]


# --- keys -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        ("  sucessDistance: 0.1\n", 5, "did you mean successDistance?"),
        ("  success_distance: 0.1\n", 5, "did you mean successDistance?"),
        ("  episodeLenght: 10\n", 5, "did you mean episodeLength?"),
        ("  rewardWeight:\n    goal_distance: 2.0\n", 5, "did you mean rewardWeights?"),
        ("  goalSpace:\n    hihg: [0.3, 0.0, 0.1]\n", 6, "did you mean high?"),
        ("  goalSpace: 3\n", 5, "is a section: low, high stand below it"),
        ("  successDistance: {a: 1}\n", 5, "is one value here, no section"),
        ("  successDistance: near\n", 5, "needs float > 0, got 'near'"),
        ("rewardWeights: {goal_distance: 2.0}\n", 5, "did you mean rewardWeights, which stands below `task:`?"),
        ("reward: {goal_distance: 2.0}\n", 5, "did you mean rewardWeights"),
        ("train: {gamma: 0.9}\n", 5, "move them to conf/train/<Task>PPO.yaml"),
        ("training: {maxIteration: 5}\n", 5, "did you mean training.maxIterations?"),
        ("training: {maxIterations: many}\n", 5, "needs int >= 1, got 'many'"),
        ("env: 5\n", 5, "is a section"),
        ("  name: Mine\n", 5, "name stands here again (first in line 4)"),
    ],
)  # fmt: skip
def test_a_slip_in_a_tasks_file_is_named_with_its_line(conf, lines, line, message):
    write(conf, "task/Mine", mine(lines))
    report = refused(conf)
    assert f"conf/task/Mine.yaml, line {line}: " in report
    assert message in report
    assert compose(["task=Reach"], conf_dir=conf, machine=CPU).task_name == "Reach"


def test_a_setting_of_its_own_is_one_that_the_class_reads_and_one_that_nothing_reads_is_said(conf):
    write(conf, "task/Mine", mine("  margin: 0.1\n  colour: red\n"))
    assert [note for note in composed(conf).notes if "colour" in note and "margin" not in note]
    (task_source.TASKS / "mine.py").write_text(
        "from rlkit.tasks.reach import Reach\nclass Mine(Reach):\n"
        "    def refresh(self):\n        self.near = self.config['sucessDistance']\n"
    )
    write(conf, "task/Mine", mine("  sucessDistance: 0.1\n"))
    assert composed(conf).task["sucessDistance"] == 0.1


def test_what_a_class_reads_and_no_file_has_is_missing(conf):
    write(conf, "task/Mine", mine("  margn: 0.1\n"))
    assert (
        "task.margin: is missing, and class Mine reads it; write it in conf/task/Mine.yaml; is margn"
        in refused(conf)
    )
    write(conf, "task/Mine", f"{HEAD}task: {{name: Mine, episodeLength: 10}}\n")
    report = refused(conf)
    assert "task.controlPeriod: is missing" in report
    assert "task.rewardWeights: is missing; write `rewardWeights: {}` for none" in report
    write(conf, "task/Mine", f"{HEAD}task: {{name: Mine, rewardWeight: {{near: 1.0}}}}\n")
    assert "task.rewardWeights: is missing; is rewardWeight meant to be it?" in refused(conf)


def test_a_root_that_takes_what_there_is_none_of_is_named_with_its_line(conf):
    write(conf, "own", "# its own task\ndefaults: [config, override task: Mien, _self_]\n")
    with pytest.raises(ConfigError) as caught:
        compose(["config=own"], conf_dir=conf, machine=CPU)
    (message,) = caught.value.messages
    assert message.endswith("own.yaml, line 2: there is no conf/task/Mien.yaml; did you mean Mine?")
    assert compose(["config=own", "task=Mine"], conf_dir=conf, machine=CPU).task_name == "Mine"


def test_a_class_that_is_missing_or_no_python_is_said(conf):
    file = task_source.TASKS / "mine.py"
    assert task_source.problem("Mine") is None
    file.write_text("class Mien: ...\n")
    assert "has no class Mine; did you mean Mien?" in str(task_source.problem("Mine"))
    file.write_text("class Mine(\n")
    assert "mine.py, line 1: " in str(task_source.problem("Mine"))
    for damaged in (b"\xff\xfe\x00", b"x = 1\0\n", b"(" * 5000):
        file.write_bytes(damaged)
        assert "tasks/mine.py" in str(task_source.problem("Mine"))
    file.unlink()
    assert "write `class Mine` in tasks/mine.py" in str(task_source.problem("Mine"))


# --- damage ---------------------------------------------------------------------------------------------

_LAUGHS = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 20) if n else 1}]\n" for n in range(9))
DAMAGE = [
    ("a: 1\na: 2\n", ", line 2: a stands here again (first in line 1)"),
    ("a:\n\tb: 1\n", ", line 2: a tab"),
    ("x: käm\n".encode("latin-1"), ", line 1: is not UTF-8; save it as UTF-8"),
    ("x: 1\n".encode("utf-16"), ", line 1: is UTF-16; save it as UTF-8"),
    (f"\ufeff{HEAD}", ", line 1: begins with an invisible byte order mark"),
    (b"x: \x01\n", ", line 1: holds a control character"),
    ("x: " + "[" * 5000, ", line 1: nested more than 30 deep"),
    ("x: " + "{a: " * 400 + "1" + "}" * 400, ", line 1: nested more than 30 deep"),
    ("x: &x [*x]\n", ", line 1: an alias stands inside of what its own anchor names"),
    (_LAUGHS, "more than 50000 values"),
    ("x: !!python/object/apply:os.system [ls]\n", "plain values only"),
    ("defaults: 5\n", ", line 1: defaults is a list of files; write `defaults: ["),
    ("defaults: [{a: b, c: d}]\n", ", line 1: defaults is a list of files"),
    ("defaults: [Nowhere, _self_]\n", ", line 1: there is no conf/"),
    ("- 1\n- 2\n", ", line 1: holds no `name: value` lines"),
    ("a: [1\n", "close each [ and {"),
    ("a: b: c\n", ", line 1: is not valid YAML"),
    ("on: 1\n", "the key on is read as true or false"),
    ("a: 1\n---\nb: 2\n", "expected a single document"),
    (f"x: {'9' * 5000}\n", "a number of 5000 digits"),
    ("x: 1\n" * 300_000, "a configuration has at most"),
]  # fmt: skip
FILES = [
    "task/Mine",
    "task/Reach",
    "train/MinePPO",
    "train/PPO",
    "sim/auto",
    "env/default",
    "physics/default",
    "own",
]


@pytest.mark.parametrize(("text", "message"), DAMAGE, ids=[message for _, message in DAMAGE])
def test_damage_is_one_refusal_with_file_and_line_in_every_kind_of_file(conf, text, message):
    write(conf, "own", "defaults: [config, _self_]\n")
    for name in FILES:
        before = (conf / f"{name}.yaml").read_bytes()
        write(conf, name, text)
        with pytest.raises(ConfigError) as caught:
            read_words(["task=Mine", "config=own"], conf)
        assert len(caught.value.messages) == 1, caught.value.report()
        assert caught.value.messages[0].startswith(f"conf/{name}.yaml"), caught.value.report()
        assert message in caught.value.messages[0]
        write(conf, name, before)
    write(conf, "task/Mine", text)  # a broken file speaks for no other request, and lists leave it out
    read_words(["task=Reach"], conf)
    with pytest.raises(ConfigError) as caught:
        read_words(["task=Nowhere"], conf)
    assert "BoxGrasping" in caught.value.report() and "Mine" not in caught.value.report()


def test_what_is_no_file_is_said(conf):
    for make, message in (
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.symlink_to("nowhere"), "is a link to a file that is not there"),
        (lambda path: path.symlink_to(path.name), "cannot be read"),
        (os.mkfifo, "is no plain file"),
    ):
        path = conf / "task" / "Mine.yaml"
        path.unlink() if not path.is_dir() else path.rmdir()
        make(path)
        assert message in refused(conf)


def test_files_that_build_on_one_another_in_a_ring_are_refused(conf):
    write(conf, "task/A", f"{HEAD}defaults: [Mine, _self_]\ntask: {{name: A}}\n")
    write(conf, "task/Mine", f"{HEAD}defaults: [A, _self_]\ntask: {{name: Mine}}\n")
    assert "builds on this file in turn" in refused(conf)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "task/Mine",
            "defaults: [Reach, _self_]\ntask: {name: Mine}\n",
            "write `# @package _global_` as its first line",
        ),
        ("physics/default", "dt: 0.01\n", "write `# @package sim` as its first line"),
        ("train/MinePPO", "train:\n  gamma: 0.9\n", "move what is below it to the left"),
        ("train/MinePPO", "params:\n  seed: ${...seed}\n  config:\n    gamma: 0.9\n", "they stand flat"),
        ("train/MinePPO", "config: {gamma: 0.9}\n", "as `gamma: 0.9`"),
        ("train/MinePPO", "defaults: [BaseTaskPPO, _self_]\nseed: 3\n", "the seed is training.seed"),
        (
            "train/MinePPO",
            "defaults: [BaseTaskPPO, _self_]\nlearning_rat: 1e-3\n",
            "did you mean train.learning_rate?",
        ),
        ("own", "defaults: [config, _self_]\nnumEnvs: 4\n", "no such section"),
        ("own", "defaults: [config, _self_]\nenv: {num_envs: 4}\n", "did you mean env.numEnvs?"),
        ("own", "defaults: [config, _self_]\ntask: {episodeLenght: 4}\n", "did you mean episodeLength?"),
    ],
)
def test_a_layout_of_another_program_is_told_apart(conf, name, text, message):
    write(conf, "own", "defaults: [config, _self_]\n")
    write(conf, name, text)
    report = refused(conf, "config=own")
    assert f"conf/{name}.yaml, line " in report
    assert message in report


@pytest.mark.slow
def test_a_folder_of_ones_own_is_read_alike(conf, tmp_path):
    mine_dir = tmp_path / "confs"
    (mine_dir / "task").mkdir(parents=True)
    write(mine_dir, "task/Mine", mine("  sucessDistance: 0.1\n"))
    report = refused(conf, "--config-dir", str(mine_dir))
    assert "confs/task/Mine.yaml, line 5: task.sucessDistance: did you mean successDistance?" in report
