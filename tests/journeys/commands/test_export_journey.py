"""`rlkit export` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
import pytest

pytestmark = pytest.mark.journey


def test_a_trained_policy_is_exported_and_acts(trained_project, tmp_path):
    done = trained_project.shell(f"rlkit export trained:last --out {tmp_path}/out")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # the exporter's own warnings are not ours to pass on
    assert "BaseTask, ppo, iteration 2" in done.stdout and "800 observations" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"policy.json", "policy.onnx", "policy.pt"}
    facts = json.loads((tmp_path / "out" / "policy.json").read_text())
    assert facts["checkpoint"]["file"] == "checkpoint_last.pth"
    session = onnxruntime.InferenceSession(tmp_path / "out" / "policy.onnx")
    obs = np.zeros((3, facts["input"]["shape"][1]), np.float32)
    (actions,) = session.run(["actions"], {"obs": obs})
    assert isinstance(actions, np.ndarray)
    assert actions.shape == (3, len(facts["actions"])) and np.abs(actions).max() <= 1.0


def test_by_default_the_files_lie_in_the_runs_folder(project):
    made = project.train("logging.experimentName=small", "train.units=[8]", "numEnvs=4", "maxIter=1")
    assert made.returncode == 0, made.stderr
    done = project.shell("rlkit export latest --format torchscript")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (project.run("small") / "export").iterdir()} == {"policy.json", "policy.pt"}


def test_what_cannot_be_exported_is_refused(trained_project, tmp_path):
    unknown = trained_project.shell("rlkit export traned")
    assert unknown.returncode == 2 and "did you mean trained?" in unknown.stderr
    (tmp_path / "a_file").touch()
    place = trained_project.shell(f"rlkit export trained --format torchscript --out {tmp_path}/a_file")
    assert place.returncode == 2 and "could not write the export to" in place.stderr
    assert "Traceback" not in unknown.stderr + place.stderr
