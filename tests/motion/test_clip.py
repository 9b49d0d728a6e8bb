"""Clips on the disk: what is written is read, entries without numpy, and files of others refused in words."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import H1, even_clip

from rlkit.motion.clip import Clip, make_clip, read_clip, write_clip
from rlkit.motion.entry import read_entry
from rlkit.motion.errors import MotionError

CLIP = even_clip(frames=5, speed=1.0)


def npy(array: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, array, allow_pickle=True)
    return content.getvalue()


def parts(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, **changed: bytes | None) -> Path:
    """The clip with other parts; None takes one away. Names are given without what follows the dot."""
    write_clip(path, CLIP)
    content = parts(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, old in content.items():
            new = changed.get(name.partition(".")[0], old)
            if new is not None:
                archive.writestr(name, new)
    return path


def entry_text(**changed: Any) -> bytes:
    values = {**CLIP.entry.as_json(), **changed}
    return json.dumps({name: value for name, value in values.items() if value != "gone"}).encode()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_clip(tmp_path / "walk.npz", CLIP)
    clip = read_clip(tmp_path / "walk.npz")
    assert (clip.name, clip.entry.robot, clip.entry.joints) == ("walk", "h1", H1.joints)
    assert (clip.entry.frames, clip.entry.duration, clip.entry.model) == (5, 0.08, H1.fingerprint)
    for name in ("root_pos", "root_quat", "joint_pos"):
        np.testing.assert_array_equal(getattr(clip, name), getattr(CLIP, name))
    assert clip.root_pos.dtype == np.float32


def test_equal_clips_make_equal_bytes(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.npz", CLIP)
    write_clip(tmp_path / "b.npz", read_clip(tmp_path / "a.npz"))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.slow
def test_an_entry_is_read_without_numpy(tmp_path: Path) -> None:
    write_clip(tmp_path / "walk.npz", CLIP)
    code = (
        "import sys\nfrom rlkit.motion.entry import read_entry\n"
        "print(read_entry('walk.npz').frames, {'numpy', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "5 set()\n"


REFUSED = [
    ({"clip": None}, "is a .npz of something else: it has no clip.json; rlkit motion convert makes clips"),
    ({"clip": b"{"}, "is torn or no clip"),
    ({"clip": b"[1]"}, "its clip.json is no mapping"),
    ({"clip": entry_text(version=2)}, "has version 2 of the clip format; this rlkit reads 1"),
    ({"clip": entry_text(fps="gone")}, "its clip.json has no fps"),
    ({"clip": entry_text(fps=True)}, "fps in its clip.json must be a number"),
    ({"clip": entry_text(fps=0.0)}, "0.0 frames a second"),
    ({"clip": entry_text(frames=1)}, "has 1 frames; a clip has 2 to 20,000,000"),
    ({"clip": entry_text(frames=10**15)}, "has 1000000000000000 frames"),
    ({"clip": entry_text(joints=["a", "a"])}, "must be names, each once"),
    ({"clip": entry_text(joints=[])}, "has 0 joints"),
    ({"clip": entry_text(frames=6)}, "root_pos is [5, 3]; 6 frames of 3 numbers are [6, 3]"),
    ({"clip": entry_text(frames=2)}, "root_pos is [5, 3]; 2 frames of 3 numbers are [2, 3]"),
    ({"joint_pos": None}, "has no joint_pos; a clip has root_pos, root_quat, joint_pos"),
    ({"joint_pos": npy(np.zeros((5, 18)))}, "joint_pos is [5, 18]; 5 frames of 19 numbers are [5, 19]"),
    ({"joint_pos": npy(np.array([{}] * 5))}, "joint_pos holds pickled objects, which could run code"),
    ({"joint_pos": npy(np.zeros((5, 19), int))}, "joint_pos holds int64; a clip has float32 or float64"),
    ({"root_pos": npy(np.zeros(10_000_000))}, "root_pos unpacks to 80,000,128 bytes; 5 frames of 3 numbers"),
    ({"root_pos": b"\x93NUMPY"}, "is torn or no clip"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_files_of_others_are_refused_in_words(changed: dict[str, bytes], said: str, tmp_path: Path) -> None:
    path = rewritten(tmp_path / "walk.npz", **changed)
    with pytest.raises(MotionError) as error:
        read_clip(path)
    assert str(error.value).startswith("walk.npz") and said in str(error.value)


def test_a_header_that_declares_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    """Five frames in the file, a shape of a terabyte before them."""
    honest = npy(CLIP.root_pos)
    boasting = honest.replace(b"(5, 3), ", b"(5000000000, 60), ").replace(b" " * 15 + b"\n", b" \n", 1)
    path = rewritten(tmp_path / "walk.npz", root_pos=boasting)
    with pytest.raises(MotionError, match=r"root_pos is \[5000000000, 60\]|torn"):
        read_clip(path)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_a_torn_file_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "walk.npz"
    write_clip(path, CLIP)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    for read in (read_clip, read_entry):
        with pytest.raises(MotionError, match=r"^walk.npz is torn or no clip .*rlkit motion convert"):
            read(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(MotionError, match=r"^walk.npz cannot be read: No such file"):
        read_entry(tmp_path / "walk.npz")
    with pytest.raises(MotionError, match=r"cannot be read: (it is a folder|Is a directory)"):
        read_entry(tmp_path)


def test_arrays_that_do_not_fit_the_robot_are_refused() -> None:
    facts: Any = {"fps": 50.0, "loop": False, "source": "", "licence": "", "name": "x"}
    zeros = np.zeros
    with pytest.raises(
        MotionError, match=r"clip x: joint_pos is \[9, 18\], and its entry says 9 frames of 19"
    ):
        make_clip(H1, zeros((9, 3)), zeros((9, 4)), zeros((9, 18)), **facts)
    with pytest.raises(MotionError, match="clip x has 1 frames"):
        make_clip(H1, zeros((1, 3)), zeros((1, 4)), zeros((1, 19)), **facts)


def arc(clip: Clip, radius: float) -> float:
    """Largest distance of the frames from the circle through the origin that is tangent to x."""
    centre = np.array([0.0, radius])
    return float(np.abs(np.linalg.norm(clip.root_pos[:, :2] - centre, axis=-1) - radius).max())


def test_another_rate_keeps_duration_and_motion() -> None:
    """1 m/s and 1 rad/s for 1 s: a circle of 1 m. At 30 Hz its chords are 0.14 mm off; the cubics are not."""
    clip = even_clip(frames=31, fps=30.0, speed=1.0, turning=1.0, joint_speed=2.0).resampled(50.0)
    assert (clip.entry.frames, clip.entry.duration, clip.entry.fps) == (51, 1.0, 50.0)
    expected = even_clip(frames=51, fps=50.0, speed=1.0, turning=1.0, joint_speed=2.0)
    assert arc(clip, 1.0) < 2e-6
    np.testing.assert_allclose(clip.root_quat, expected.root_quat, atol=1e-6)
    np.testing.assert_allclose(clip.root_pos, expected.root_pos, atol=1e-5)
    # A loop's seam joins 2 rad to 0: the slope there is that of the step behind it and the first one, both 2 rad/s.
    np.testing.assert_allclose(clip.joint_pos, expected.joint_pos, atol=1e-5)


def test_a_duration_that_is_no_whole_number_of_frames_sets_the_rate() -> None:
    clip = even_clip(frames=39, fps=30.0, speed=1.0)
    new = clip.resampled(50.0)
    assert new.entry.frames == 64 and new.entry.fps == pytest.approx(63 / (38 / 30))
    assert new.entry.duration == pytest.approx(38 / 30)
    np.testing.assert_allclose(new.root_pos[[0, -1]], clip.root_pos[[0, -1]], atol=1e-6)
    assert clip.resampled(30.0) is clip
