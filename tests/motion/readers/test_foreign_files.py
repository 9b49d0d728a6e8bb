"""Files of anybody: nothing in them runs, and what is wrong with them is said in one line."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_files import UPRIGHT, Planted, amc, bvh, csv, deepmimic, leg, poselib, poselib_of, require_live

from rlkit.motion.errors import MotionError
from rlkit.motion.readers import FORMATS, Asked, read_all

NONE = [0.0, 0.0, 0.0, 1.0]


def plant_in_npy(path: Path, planted: Planted) -> Path:
    return poselib_of(path, {"rotation": planted, "fps": 60})


def plant_for_npy(path: Path, planted: Planted) -> Path:
    return poselib_of(path, planted)


def plant_in_poselib(path: Path, planted: Planted) -> Path:
    return poselib(path, [[NONE] * 3] * 2, [[0, 0, 0]] * 2, extra=planted)


def plant_in_motion(path: Path, planted: Planted) -> Path:
    torch.save({"fps": 30, "dof_pos": planted}, path)
    return path


def plant_in_npz(path: Path, planted: Planted) -> Path:
    with path.open("wb") as file:
        arrays = {"joint_pos": np.array([planted], object), "body_pos_w": 0, "body_quat_w": 0, "fps": 50}
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]
    return path


def plant_in_amass(path: Path, planted: Planted) -> Path:
    with path.open("wb") as file:
        np.savez(file, poses=np.array([planted], object), trans=np.zeros((1, 3)))  # pyright: ignore[reportArgumentType]
    return path


def bare_pickle(path: Path, planted: Planted) -> Path:
    path.write_bytes(pickle.dumps({"motion": planted}))
    return path


@pytest.mark.parametrize(
    "plant",
    [
        plant_in_npy,
        plant_for_npy,
        plant_in_poselib,
        plant_in_motion,
        plant_in_npz,
        plant_in_amass,
        bare_pickle,
    ],
)
def test_planted_code_does_not_run(tmp_path: Path, plant: Callable[[Path, Planted], Path]) -> None:
    planted = Planted(tmp_path / "ran")
    require_live(planted)
    path = plant(tmp_path / "a.npy", planted)
    with pytest.raises(MotionError) as refusal:
        read_all(path, Asked(robot=leg(tmp_path), skeleton=path))
    assert not planted.marker.exists()
    assert str(path.name) in str(refusal.value)


def a_motion(path: Path) -> Path:
    quats = torch.tensor([NONE]).expand(2, 5, 4).clone()
    torch.save(
        {
            "fps": 30,
            "dof_pos": torch.zeros(2, 3),
            "rigid_body_pos": torch.zeros(2, 5, 3),
            "rigid_body_rot": quats,
        },
        path,
    )
    return path


def a_tracking(path: Path) -> Path:
    quats = np.tile([1.0, 0, 0, 0], (2, 4, 1))
    with path.open("wb") as file:
        np.savez(file, fps=50, joint_pos=np.zeros((2, 3)), body_pos_w=np.zeros((2, 4, 3)), body_quat_w=quats)
    return path


MADE: dict[str, Callable[[Path], Path]] = {
    "csv": lambda path: csv(path, [[0, 0, 1, *UPRIGHT, 0, 0, 0]] * 3),
    "deepmimic": lambda path: deepmimic(path, [{}] * 3),
    "bvh": lambda path: bvh(path, [[0.0] * 12] * 3),
    "amc": lambda path: amc(path, ["root 0 0 0 0 0 0"] * 3),
    "poselib": lambda path: poselib(path.with_suffix(".npy"), [[NONE] * 3] * 2, [[0, 0, 0]] * 2),
    "protomotions": a_motion,
    "tracking": a_tracking,
}


@pytest.mark.parametrize("name", MADE)
def test_a_format_is_told_by_what_is_in_the_file(tmp_path: Path, name: str) -> None:
    path = MADE[name](tmp_path / "of_no_telling_name")
    assert read_all(path, Asked(robot=leg(tmp_path), quat="wxyz", joint_order="model")).format == name


@pytest.mark.parametrize("name", MADE)
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    path = MADE[name](tmp_path / "a")
    whole = path.read_bytes()
    asked = Asked(robot=leg(tmp_path), quat="wxyz", joint_order="model")
    assert read_all(path, asked)
    for length in (0, 1, len(whole) // 3, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(MotionError, match=path.name):
            read_all(path, asked)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "a.bin: it is empty"),
        (b"  \n ", "it is empty"),
        (b"hello", "is none of the files that motions are read from:\n  rlkit's own clips"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"),
        (b"PK\x03\x04 no archive", "is none of the files"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'shape': (99999999999,)}", "torn"),
        (b'{"Loop": "wrap", "Frames": [' + b"[" * 500, "torn, or not as its format has it"),
    ],
)
def test_what_is_no_motion_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    with pytest.raises(MotionError) as refusal:
        read_all(path)
    assert said in str(refusal.value)


def test_folders_missing_files_and_unknown_formats_are_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match="it is a folder"):
        read_all(tmp_path)
    with pytest.raises(MotionError, match=r"no.csv cannot be read: No such file"):
        read_all(tmp_path / "no.csv")
    with pytest.raises(MotionError, match="there is no format cvs; did you mean csv"):
        read_all(csv(tmp_path / "a.csv", [[0.0]]), format="cvs")


def outcome(content: bytes, format: str | None) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(content)
        try:
            return read_all(path, Asked(robot=leg(Path(folder)), quat="wxyz"), format)
        except MotionError:
            return None


@pytest.mark.slow
@given(st.binary(max_size=200), st.sampled_from([None, *FORMATS]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_raise_nothing_but_a_motion_error(content: bytes, format: str | None) -> None:
    outcome(content, format)


@pytest.mark.slow
@given(st.sampled_from(sorted(MADE)), st.data())
@settings(max_examples=100, deadline=None)
def test_any_damage_raises_nothing_but_a_motion_error(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        content = bytearray(MADE[name](Path(folder) / "a").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        content = content or bytearray(b"x")
    outcome(bytes(content), name)


def test_a_header_with_a_stray_bracket_is_damage(tmp_path: Path) -> None:
    """Numpy reads it as Python's text, and its tokens once more where that fails."""
    for text in ("{'descr': '|O'(, 'shape': (), }", "{'descr': '|O', 'shape': ('\n", " {\n\t1:\n 2"):
        header = text.encode().ljust(117) + b"\n"
        path = tmp_path / "walk.npy"
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        with pytest.raises(MotionError):
            read_all(path)
