"""A test or a resume of a run takes the run's own settings, and the words typed now win."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlkit.config import compose
from rlkit.config.inherit import asked_checkpoint, asks_for_test, inherited

MADE_WITH = [
    "task=BoxGrasping", "numEnvs=512", "train.units=[32,32]", "task.box.size=0.06", "physics=fast", "seed=9",
    "sim.numThreads=1", "device=cpu", "maxIter=77",
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(compose(MADE_WITH).to_yaml())
    return path


def test_a_test_takes_what_the_policy_depends_on_and_leaves_the_rest(config: Path) -> None:
    words = inherited(["test=true", "checkpoint=x", "device=cpu"], config, test=True)
    experiment = compose(words)
    assert experiment.task_name == "BoxGrasping" and experiment.task["box"]["size"] == 0.06
    assert experiment.train["units"] == (32, 32) and experiment.sim.substeps == 1
    assert experiment.env.num_envs == 64 and experiment.training.seed == 42


def test_a_resume_takes_everything(config: Path) -> None:
    experiment = compose(inherited(["checkpoint=x", "maxIter=100"], config, test=False))
    assert experiment.env.num_envs == 512 and experiment.training.seed == 9
    assert experiment.training.max_iterations == 100
    assert experiment.training.checkpoint == "x" and not experiment.training.test


def test_words_typed_now_win_in_any_spelling(config: Path) -> None:
    words = inherited(
        ["checkpoint=x", "env.num_envs=8", "train.seed=1", "task.box.size=0.04"], config, test=False
    )
    experiment = compose(words)
    assert experiment.env.num_envs == 8 and experiment.training.seed == 1
    assert experiment.task["box"]["size"] == 0.04


def test_the_root_configuration_is_taken_over_for_a_resume(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(compose(["config=train_headless", "device=cpu"]).to_yaml())
    assert "--config-name=train_headless" in inherited(["checkpoint=x"], path, test=False)
    assert "--config-name=train_headless" not in inherited(["checkpoint=x", "test=true"], path, test=True)
    assert "--config-name=train_headless" not in inherited(
        ["checkpoint=x", "config=config"], path, test=False
    )


@pytest.mark.parametrize("content", ["", "a: [", "task: {}\n", None])
def test_a_folder_of_another_program_changes_nothing(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_text(content)
    assert inherited(["checkpoint=x"], path, test=False) == ["checkpoint=x"]


@pytest.mark.parametrize(
    ("words", "checkpoint", "task"),
    [
        (["checkpoint=a b/c=d.pth", "task=BaseTask"], "a b/c=d.pth", "BaseTask"),
        (["training.checkpoint=latest"], "latest", None),
        (["train.checkpoint=latest:best"], "latest:best", None),
        (["checkpoint=null"], None, None),
        (["checkpoint="], None, None),
        (["task=BoxGrasping"], None, "BoxGrasping"),
    ],
)
def test_what_is_asked_for_is_read_as_typed(
    words: list[str], checkpoint: str | None, task: str | None
) -> None:
    assert asked_checkpoint(words) == (checkpoint, task)


def test_a_root_configuration_may_ask_for_the_test() -> None:
    assert asks_for_test(["-cn", "test_render"]) and asks_for_test(["config=test_render"])
    assert not asks_for_test(["-cn", "test_render", "test=false"])
    assert asks_for_test(["training.test=true"]) and not asks_for_test([])
