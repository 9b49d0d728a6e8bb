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
    "distill": f"task=BaseTask train=Distill train.teacher=teacher train.units=[8] {STUDENT}",
    "masked_mimic": f"task=TrackMotion train=MaskedMimic train.expert=teacher motion=h1 {STUDENT}",
}
TEACHERS = {"distill": WORDS["ppo"], "masked_mimic": "task=TrackMotion motion=h1 numEnvs=4 train.units=[8]"}


@pytest.mark.parametrize("learner", LEARNERS)
def test_the_same_seed_gives_the_same_training(project: Project, learner: str) -> None:
    if learner in TEACHERS:
        run(project, f"python train.py {TEACHERS[learner]} training.evalInterval=0 maxIter=1", "teacher")
    assert_repeats(project, "python", WORDS[learner])


@pytest.mark.parametrize("learner", ["ppo", "fast_td3"])  # the others' ranks: tests/learners
def test_the_same_seed_gives_the_same_training_of_two_ranks(project: Project, learner: str) -> None:
    assert_repeats(project, "torchrun --nproc_per_node=2", WORDS[learner])


def assert_repeats(project: Project, launcher: str, words: str) -> None:
    settings = "training.evalInterval=0 training.torchDeterministic=true seed=7 maxIter=3"
    for name in ("one", "other"):
        run(project, f"{launcher} train.py {words} {settings}", name)
    one, other = (outcome(project, name) for name in ("one", "other"))
    assert len(one["rows"]) == 3
    assert_same(one, other)


def run(project: Project, line: str, name: str) -> None:
    done = project.shell(f"{line} logging.experimentName={name}", timeout=280.0)
    assert done.returncode == 0, done.stdout + done.stderr


def outcome(project: Project, name: str) -> dict[str, Any]:
    """All that a run came to, without times."""
    folder = project.run(name)
    saved = torch.load(folder / "nn" / "checkpoint_last.pth", weights_only=True)
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    timed = ("wall_time", "time/", "rate/")
    rows = [{name: value for name, value in row.items() if not name.startswith(timed)} for row in rows]
    return {name: saved[name] for name in ("learner", "rng", "env", "env_steps")} | {"rows": rows}
