"""A training with a tracker, and its resume, with a stand-in of wandb: nothing need be installed."""

from __future__ import annotations

import json

import pytest
from project import Project

pytestmark = [pytest.mark.journey, pytest.mark.slow]

STANDIN = """
import json, os
def note(*words):
    with open(os.path.join(os.path.dirname(__file__), "notes"), "a") as file:
        file.write(json.dumps(words) + "\\n")
class Settings(dict): pass
class Artifact(list):
    def __init__(self, name, type, metadata): self.name, self.metadata = name, metadata
    add_file = list.append
class Run:
    url, dir, summary = "https://wandb.ai/me/rlkit/runs/ours", "/tmp/x/files", {}
    def log(self, data, step): note("log", step, sorted(data))
    def log_artifact(self, artifact): note("file", [os.path.basename(path) for path in artifact], artifact.metadata)
    def finish(self, exit_code): note("finish", exit_code)
def init(**words):
    note("init", words["id"], words["name"], words["mode"], words["resume"])
    run = Run()
    run.id = words["id"]
    return run
"""
WORDS = [
    "task=BaseTask",
    "numEnvs=4",
    "train.horizon_length=4",
    "logging.tracker=wandb",
    "logging.trackerMode=offline",
]


def trained(project: Project, *words: str) -> str:
    process = project.start(*WORDS, *words)
    out, error = process.communicate(timeout=120)
    assert process.returncode == 0, out + error
    return out


def test_a_training_is_told_to_its_tracker_and_goes_on_there(tmp_path):
    project = Project.copied(tmp_path / "project")
    (project.path / "wandb.py").write_text(STANDIN)
    out = trained(project, "maxIter=2", "logging.trackerCheckpoint=true")
    assert "  tracker  https://wandb.ai/me/rlkit/runs/ours\n" in out
    (first,) = project.names("train")
    tracker = project.record(first)["tracker"]
    assert tracker["url"] == "https://wandb.ai/me/rlkit/runs/ours" and len(tracker["id"]) == 16
    trained(project, f"checkpoint={first}:last", "maxIter=3", "logging.trackerCheckpoint=false")
    first, second = project.names("train")
    notes = [json.loads(line) for line in (project.path / "notes").read_text().splitlines()]
    assert [(note[0], note[1]) for note in notes if note[0] == "log"] == [("log", 1), ("log", 2), ("log", 3)]
    assert {"env_steps", "wall_time", "losses/actor", "rate/env_steps_per_s"} <= set(notes[1][2])
    assert [note[1:] for note in notes if note[0] == "init"] == [
        [tracker["id"], first, "offline", None],
        [tracker["id"], second, "offline", "allow"],
    ]
    assert [note[1:] for note in notes if note[0] == "file"] == [
        [["checkpoint_last.pth"], {"run": first, "iteration": 2}]
    ]
    assert [note for note in notes if note[0] == "finish"] == [["finish", 0]] * 2
    assert project.record(second)["tracker"]["id"] == tracker["id"]
