"""`training.initFrom`: a new training begins as the policy of a file, or is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from project import Project

from rlkit.runtime.checkpoints.pretrained import load_tensors

pytestmark = pytest.mark.journey

SMALL = ("train.units=[8]", "numEnvs=4", "seed=3")
# So small a step changes nothing that float32 can tell: what was begun with is what is saved.
STILL = ("train.learning_rate=1e-30", "train.lr_schedule=constant")


def test_a_training_begins_with_another_ones_networks_and_can_be_resumed(
    trained_project: Project, project: Project
):
    source = trained_project.path / "runs_all/trained/nn/checkpoint_last.pth"
    begun = project.train(
        f"training.initFrom={source}", "logging.experimentName=begun", "maxIter=1", *SMALL, *STILL
    )
    assert begun.returncode == 0, begun.stderr
    for text in ("weights from", "begins anew (0)", "model.a2c_network.actor_mlp.0"):
        assert text in begun.stdout
    log = (project.path / "runs_all/begun/train.log").read_text()
    assert "layers of" in log
    theirs = load_tensors(source)
    ours = load_tensors(project.path / "runs_all/begun/nn/checkpoint_last.pth")
    actor = [name for name in theirs if "actor_mlp" in name or ".mu." in name]
    assert len(actor) == 4
    for name in actor:
        assert torch.equal(theirs[name], ours[name])
    # A resume goes on from its own checkpoint and needs the file no more.
    resumed = project.train("checkpoint=begun:last", "maxIter=2", "logging.experimentName=resumed")
    assert resumed.returncode == 0, resumed.stderr
    assert "weights from" not in resumed.stdout


def test_a_training_begins_with_a_run_by_its_name(project: Project):
    """As checkpoint= is written; the run's settings name the file, for `latest` is another run tomorrow."""
    for words in (
        ["logging.experimentName=first"],
        ["training.initFrom=first:last", "logging.experimentName=next"],
    ):
        done = project.train(*words, "maxIter=1", *SMALL)
        assert done.returncode == 0, done.stderr
    settings = (project.path / "runs_all/next/config.yaml").read_text()
    assert "initFrom: runs_all/first/nn/checkpoint_last.pth" in settings
    done = project.train("training.initFrom=frist", *SMALL)
    assert done.returncode == 2 and "training.initFrom=frist" in done.stderr
    assert "did you mean first?" in done.stderr


def test_weights_that_cannot_be_begun_with_are_refused_before_boot(project: Project):
    torch.save({"a.weight": torch.ones(5, 3), "b.weight": torch.ones(2, 5)}, project.path / "narrow.pt")
    (project.path / "notes.pt").write_text("to be done")
    said = {
        "narrow.pt": "Give the file's widths: train.units=[5]",
        "notes.pt": "torn or no file of weights",
        "narow.pt": "did you mean",
    }
    for name, words in said.items():
        done = project.train(f"training.initFrom={name}", *SMALL)
        assert done.returncode == 2, done.stdout + done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert not (project.path / "runs_all").exists()


def test_weights_none_of_which_fits_the_env_end_the_run_with_both_sides_named(project: Project):
    """Only the env tells that the one layer that could fit has another number of inputs."""
    torch.save({"a.weight": torch.ones(8, 99), "a.bias": torch.ones(8)}, Path(project.path / "other.pt"))
    done = project.train("training.initFrom=other.pt", "maxIter=1", *SMALL)
    assert done.returncode == 1
    assert "None of the pretrained weights fits" in done.stdout + done.stderr
    assert "the file has: a (weight [8, 99], bias [8])" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
