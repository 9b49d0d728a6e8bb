"""Recordings as one HDF5 file: every number stands where robomimic looks for it."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import LENGTH, MJCF, PERIOD, make_recording

from rlkit.media.formats import hdf5, roboverse
from rlkit.media.recording import Recording, RecordingError

h5py = pytest.importorskip("h5py")


def test_every_number_stands_where_robomimic_looks_for_it(tmp_path: Path) -> None:
    first, second = make_recording(), make_recording(length=5, stride=2, episode=1)
    first.arrays["obs"][:] = np.arange(2 * LENGTH).reshape(LENGTH, 2)
    assert hdf5.write(tmp_path / "demos.h5", [first, second]) == LENGTH + 5
    with h5py.File(tmp_path / "demos.h5") as file:
        data = file["data"]
        assert data.attrs["total"] == 15 and json.loads(data.attrs["env_args"])["env_name"] == "Cart"
        assert list(data) == ["demo_0", "demo_1"]
        demo = data["demo_0"]
        assert demo.attrs["num_samples"] == LENGTH and demo.attrs["model_file"] == MJCF
        assert json.loads(demo.attrs["header"]) == json.loads(json.dumps(dict(first.header)))
        assert np.array_equal(demo["actions"], first.arrays["actions"])
        assert demo["dones"][:].tolist() == [0] * (LENGTH - 1) + [1]
        assert demo["rewards"][:].tolist() == [1.0] * LENGTH
        # The second term of the observation, beside the first.
        assert demo["obs/velocity"][:, 0].tolist() == list(range(1, 2 * LENGTH, 2))
        assert demo["obs/position"].shape == (LENGTH, 1)
        states = demo["states"][:]
        assert states.shape == (LENGTH, 1 + 9 + 8)
        assert states[3, :3].tolist() == pytest.approx([3 * PERIOD, 0.03, 0.15])
        # Every second state and the last, of which the one after the last action is left out.
        assert data["demo_1/state_steps"][:].tolist() == [0, 2, 4]


def test_what_was_not_recorded_is_not_written(tmp_path: Path) -> None:
    state = {"arm": {"pos": [0, 0, 0], "rot": [1, 0, 0, 0], "dof_pos": {"j": 0.0}}}
    episode = {"init_state": state, "actions": [{"dof_pos_target": {"j": 0.5}}], "states": [state]}
    (tmp_path / "a_v2.json").write_text(json.dumps({"arm": [episode]}))
    hdf5.write(tmp_path / "demos.h5", roboverse.read(tmp_path / "a_v2.json"))
    with h5py.File(tmp_path / "demos.h5") as file:
        assert sorted(file["data/demo_0"]) == ["actions", "ctrl"]
        assert file["data/demo_0/actions"][:].tolist() == [[0.5]]


def test_an_episode_of_a_gymnasium_environment_has_no_states(tmp_path: Path) -> None:
    made = make_recording(engine="gymnasium")
    kept = ("actions", "rewards", "terminated", "truncated", "obs", "ctrl")
    arrays: dict[str, Any] = {name: made.arrays[name] for name in kept}
    hdf5.write(tmp_path / "demos.h5", [Recording(made.header, {**arrays, "steps": np.zeros(0, np.int64)})])
    with h5py.File(tmp_path / "demos.h5") as file:
        assert "states" not in file["data/demo_0"] and "obs/position" in file["data/demo_0"]


def test_without_h5py_the_message_says_what_to_install(tmp_path: Path, monkeypatch: Any) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "h5py":
            raise ModuleNotFoundError("No module named 'h5py'", name="h5py")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(RecordingError, match=r"pip install -e '.*\[hdf5\]'"):
        hdf5.write(tmp_path / "demos.h5", [make_recording()])
    assert not list(tmp_path.iterdir())
