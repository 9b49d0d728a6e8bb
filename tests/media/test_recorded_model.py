"""The model of a robot with large meshes is kept once in the folder of its recordings, and goes along with it."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import robot_files
from needs import require_gl

from rlkit.media import recorded_model
from rlkit.media.recording import Recording, RecordingError, load, model_hash, save
from rlkit.media.render import command
from rlkit.media.viewers.playback import Episodes
from rlkit.media.viewers.scene import Scene
from rlkit.sims import mjcf


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two episodes of a robot whose files are gone, as a run's trajectories/."""
    monkeypatch.setattr(recorded_model, "APART", 1000)
    text = mjcf.read(robot_files.robot(tmp_path / "robot"))
    shutil.rmtree(tmp_path / "robot")
    qpos = np.tile([0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.1, 0.2], (3, 1))
    arrays = {
        "mjcf": np.frombuffer(text.encode(), np.uint8), "steps": np.arange(3), "qpos": qpos,
        "actions": np.zeros((2, 2)), "rewards": np.zeros(2), "terms": np.zeros((2, 0)), "time": np.arange(3) * 0.02,
    }  # fmt: skip
    names = {"actions": [], "ctrl": [], "reward_terms": [], "criteria": [], "observations": []}
    header = {
        "schema": 1, "task": "Scout", "engine": "simulator", "control_period": 0.02, "names": names, "length": 2,
        "model_sha256": model_hash(text),
    }  # fmt: skip
    for name in ("run", "elsewhere"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        save(tmp_path / "run" / f"{name}.npz", Recording(header, arrays))
    return tmp_path / "run"


def test_one_copy_for_all_recordings_that_moves_with_them(folder: Path) -> None:
    models = list(folder.glob("model_*.xml.gz"))
    assert len(models) == 1 and len(list(folder.glob("*.npz"))) == 2
    with np.load(folder / "a.npz") as arrays:
        assert "mjcf" not in arrays
    folder = folder.rename(folder.with_name("moved"))
    recording = load(folder / "a.npz")
    assert recording.header["model_sha256"] == model_hash(recording.mjcf)
    assert Scene(recording.mjcf).shapes  # what the viewers draw
    save(
        folder.with_name("elsewhere") / "a.npz", recording
    )  # a recording that is written anew takes it along
    assert load(folder.with_name("elsewhere") / "a.npz").mjcf == recording.mjcf


@pytest.mark.slow
def test_the_moved_recording_becomes_a_video(folder: Path) -> None:
    require_gl()
    moved = folder.rename(folder.with_name("moved"))
    words = command([moved / "a.npz"], moved / "a.mp4", None, (64, 48), None)
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (moved / "a.mp4").stat().st_size > 500


def test_a_missing_or_altered_model_is_told(folder: Path) -> None:
    path = next(folder.glob("model_*.xml.gz"))
    whole = path.read_bytes()
    for content, message in (
        (
            None,
            f"the model with its meshes is in {path.name}, beside the recordings of its run, and not here",
        ),
        (whole[:-20], f"{path.name} cannot be read"),
        (gzip.compress(b"<mujoco/>"), "is not the model that the recording is of"),
        (b"text", f"{path.name} cannot be read"),
    ):
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        recording = load(folder / "a.npz")  # what was done can be read without it
        assert recording.length == 2
        with pytest.raises(RecordingError, match=message):
            _ = recording.mjcf
        with pytest.raises(RecordingError, match=message):
            Episodes([folder / "a.npz"]).load("a.npz")


def test_a_name_in_a_recording_leads_nowhere_else(folder: Path) -> None:
    recording = load(folder / "a.npz")
    header = {**recording.header, "model_sha256": "../../etc/passwd", "model_apart": True}
    arrays = {name: array for name, array in recording.arrays.items() if name != "mjcf"}
    save(folder / "c.npz", replace(recording, header=header, arrays=arrays))
    with pytest.raises(RecordingError, match="is no SHA-256 of a model"):
        _ = load(folder / "c.npz").mjcf
