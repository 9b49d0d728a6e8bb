"""With one seed and training.torchDeterministic=true every learner comes out the same to the last bit."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from project import Project
from states import assert_same

from rlkit.learners.facts import LEARNERS

pytestmark = pytest.mark.journey

STYLE = "numEnvs=4 train.horizon_length=8 train.units=[8] train.disc_units=[8] train.disc_batch_size=16"
STUDENT = "numEnvs=4 train.horizon_length=8 train.minibatch_size=16"
WORDS = {
    "ppo": "train=BaseTaskPPO numEnvs=4 train.units=[8]",
    "amp": f"task=Style train=AMP motion=h1 {STYLE}",
    "add": f"task=TrackMotion train=ADD motion=h1 {STYLE}",
    "ase": f"task=Style train=ASE motion=h1 {STYLE} train.enc_units=[8]",
    "fast_td3": "train=BaseTaskFastTD3 numEnvs=4 train.horizon_length=8 train.learning_starts=4 train.batch_size=32"
    " train.actor_units=[8] train.critic_units=[8] train.reward_normalization=true train.save_buffer=true",
    "fast_sac": "task=BaseTask train=FastSAC numEnvs=4 train.horizon_length=8 train.learning_starts=4"
    " train.batch_size=32 train.actor_units=[8] train.critic_units=[8] train.save_buffer=true",
    "flash_sac": "task=BaseTask train=FlashSAC numEnvs=4 train.horizon_length=8 train.learning_starts_total=16"
    " train.batch_size=32 train.actor_units=[8] train.critic_units=[8] train.save_buffer=true",
    "distill": f"task=BaseTask train=Distill train.teacher=teacher_of_distill train.units=[8] {STUDENT}",
    "masked_mimic": f"task=TrackMotion train=MaskedMimic train.expert=teacher_of_masked_mimic motion=h1 {STUDENT}",
}
SETTINGS = "training.evalInterval=0 training.torchDeterministic=true seed=7 maxIter=3"
TEACHERS = {"distill": WORDS["ppo"], "masked_mimic": "task=TrackMotion motion=h1 numEnvs=4 train.units=[8]"}


# Trainings one after the other in one process, as fifteen starts would cost a minute; lines of words.
IN_TURN = """
import sys

from rlkit.app import main

for line in sys.stdin:
    status = main(line.split())
    if status:
        sys.exit(status)
"""


def test_the_same_seed_gives_the_same_training_whatever_the_process_did_before(project: Project) -> None:
    (project.path / "in_turn.py").write_text(IN_TURN)
    assert set(WORDS) == set(LEARNERS)
    teachers = [f"{words} training.evalInterval=0 maxIter=1" for words in TEACHERS.values()]
    names = [f"logging.experimentName=teacher_of_{learner}" for learner in TEACHERS]
    in_turn(project, [" ".join(line) for line in zip(teachers, names)])
    for name, order in (("one", list(WORDS)), ("other", list(reversed(WORDS)))):
        lines = (f"{WORDS[learner]} {SETTINGS} logging.experimentName={learner}_{name}" for learner in order)
        in_turn(project, list(lines))
    one, other = (
        {learner: outcome(project, f"{learner}_{name}") for learner in LEARNERS} for name in ("one", "other")
    )
    assert all(len(came_to["rows"]) == 3 for came_to in one.values())
    assert_same(one, other)


@pytest.mark.parametrize("learner", ["ppo", "fast_td3"])  # the others' ranks: tests/learners
def test_the_same_seed_gives_the_same_training_of_two_ranks(project: Project, learner: str) -> None:
    assert_repeats(project, "torchrun --nproc_per_node=2", WORDS[learner])


def assert_repeats(project: Project, launcher: str, words: str) -> None:
    for name in ("one", "other"):
        line = f"{launcher} train.py {words} {SETTINGS} logging.experimentName={name}"
        done = project.shell(line, timeout=280.0)
        assert done.returncode == 0, done.stdout + done.stderr
    one, other = (outcome(project, name) for name in ("one", "other"))
    assert len(one["rows"]) == 3
    assert_same(one, other)


def in_turn(project: Project, lines: list[str]) -> None:
    words = "\n".join(lines)
    done = project.shell(f"python in_turn.py <<'END'\n{words}\nEND", timeout=280.0)
    assert done.returncode == 0, done.stdout + done.stderr


def outcome(project: Project, name: str) -> dict[str, Any]:
    """All that a run came to, without times."""
    folder = project.run(name)
    saved = torch.load(folder / "nn" / "checkpoint_last.pth", weights_only=True)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timed = ("wall_time", "time/", "rate/")
    rows = [{name: value for name, value in row.items() if not name.startswith(timed)} for row in rows]
    return {name: saved[name] for name in ("learner", "rng", "env", "env_steps")} | {"rows": rows}
