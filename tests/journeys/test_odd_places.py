"""Trainings where links cannot be made, where nothing may be written, and with values that no file may hold."""

from __future__ import annotations

import os

import pytest

pytestmark = pytest.mark.slow

SMALL = ("train.units=[8]", "numEnvs=4", "training.evalInterval=0")
NAME = "lr=1e-3,g=0.99"


@pytest.mark.slow
@pytest.mark.journey
def test_a_training_without_links_and_with_secrets(project, monkeypatch):
    site = project.path / "site"
    site.mkdir()
    refusal = "def refuse(*_, **__):\n    raise PermissionError(1, 'Operation not permitted')\n"
    (site / "sitecustomize.py").write_text(f"import os\n\n\n{refusal}\n\nos.symlink = refuse\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("WHOSE", "hunter2-camera")
    words = (f"logging.experimentName={NAME}", "maxIter=1", "env.camera='${oc.env:WHOSE}'")
    done = project.train(*SMALL, *words)
    assert done.returncode == 0, done.stderr
    assert (done.stdout + done.stderr).count("has no symbolic links") == 1
    run = project.run(NAME)
    for name in ("run.json", "config.yaml", "train.log"):
        assert (run / name).stat().st_mode & 0o777 == 0o600, name
    assert "camera: ${oc.env:WHOSE}" in (run / "config.yaml").read_text()
    held = [path.name for path in run.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert held == []
    again = project.train(*SMALL, f"checkpoint={NAME}", "maxIter=2", f"logging.experimentName={NAME}")
    assert again.returncode == 0, again.stderr
    assert f"this is a new run, {NAME}_2, from the beginning" not in again.stdout, "it goes on from the first"
    tested = project.train("test=true", "checkpoint=runs/latest_train", "testing.video=grid")
    assert tested.returncode == 0, tested.stderr
    monkeypatch.delenv("WHOSE")
    refused = project.train("test=true", f"checkpoint={NAME}", "env.camera='${oc.env:WHOSE}'")
    assert refused.returncode == 2 and "the environment variable WHOSE is not set" in refused.stderr


@pytest.mark.parametrize("name", ["latest", "Pinned", "a/b", ".a", "x" * 250, "a:b", "a?", "a ."])
def test_a_name_that_no_run_can_have_is_refused_at_once(project, name):
    done = project.train(f"logging.experimentName='{name}'", "maxIter=1")
    assert done.returncode == 2, done.stdout
    assert "cannot name a run folder" in done.stderr and len(done.stderr) < 600
    assert not (project.path / "runs_all").exists()


def test_a_workspace_that_cannot_be_written_to_is_refused_before_torch(project):
    (project.path / "runs_all").symlink_to(project.path / "unplugged")
    code = "import sys, rlkit.app as app; print(app.main(['maxIter=1'])); print('torch' in sys.modules)"
    done = project.shell(f'python -c "{code}"')
    assert done.stdout.split() == ["2", "False"], done.stdout + done.stderr
    assert "runs_all leads to" in done.stderr and "does not exist" in done.stderr
    assert not os.path.lexists(project.path / "runs")
