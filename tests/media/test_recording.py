"""Recordings come back as they were, and what is no recording is refused in words."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from recordings import MJCF, make_recording, with_reference

from rlkit.media.recording import Recording, RecordingError, load, save
from rlkit.workspace import WorkspaceError


def test_a_recording_comes_back_bit_for_bit(tmp_path):
    recording = make_recording(length=7, stride=3, note="übung")
    save(tmp_path / "a.npz", recording)
    back = load(tmp_path / "a.npz")
    assert back.header == recording.header
    assert back.arrays["steps"].tolist() == [0, 3, 6, 7]
    assert set(back.arrays) == set(recording.arrays)
    for name, array in recording.arrays.items():
        assert back.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(back.arrays[name], array)
    assert (back.length, back.period, back.has_states, back.mjcf) == (7, 0.02, True, MJCF)


def test_a_reference_comes_back_and_its_metrics_by_name(tmp_path):
    recording = with_reference(make_recording(length=7, stride=3))
    save(tmp_path / "a.npz", recording)
    back = load(tmp_path / "a.npz")
    np.testing.assert_array_equal(back.arrays["ghost"], recording.arrays["ghost"])
    assert back.arrays["ghost"].shape == (4, 9)
    assert {name: values.tolist() for name, values in back.curves("metrics").items()} == {
        "cart_error": pytest.approx([0.4] * 7)
    }
    assert list(back.curves("terms")) == ["alive", "speed"]
    assert make_recording().curves("metrics") == {}


@pytest.mark.parametrize(
    ("array", "shape", "words"),
    [
        ("ghost", (11, 8), r"ghost is of shape \(11, 8\), qpos of \(11, 9\)"),
        ("ghost", (10, 9), "ghost has 10 rows, not 11"),
        ("ghost", (11, 9, 1), "ghost is of shape"),
        ("metrics", (10, 2), "metrics has not one column for each of names.metrics"),
        ("metrics", (10,), "metrics has not one column"),
        ("metrics", (9, 1), "metrics has 9 rows, not 10"),
        ("terms", (10, 3), "terms has not one column for each of names.reward_terms"),
    ],
)
def test_a_reference_or_metrics_of_another_shape_are_refused(tmp_path, array, shape, words):
    recording = with_reference(make_recording())
    save(
        tmp_path / "a.npz",
        Recording(recording.header, {**recording.arrays, array: np.zeros(shape, np.float32)}),
    )
    with pytest.raises(RecordingError, match=words):
        load(tmp_path / "a.npz")


def test_every_truncation_is_refused(tmp_path):
    save(tmp_path / "a.npz", make_recording())
    whole = (tmp_path / "a.npz").read_bytes()
    for cut in np.linspace(0, len(whole) - 1, 40).astype(int):
        (tmp_path / "cut.npz").write_bytes(whole[:cut])
        with pytest.raises(RecordingError, match=r"cut\.npz cannot be read: it is torn or no recording"):
            load(tmp_path / "cut.npz")


def test_a_flipped_byte_is_refused_or_harmless(tmp_path):
    save(tmp_path / "a.npz", make_recording())
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    for place in range(0, len(whole), 23):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        (tmp_path / "broken.npz").write_bytes(bytes(broken))
        try:
            load(tmp_path / "broken.npz")
        except RecordingError:
            continue


def test_other_files_are_refused_by_what_they_lack(tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, x=np.zeros(3))
    with pytest.raises(RecordingError, match=r"is a \.npz of something else: it has no 'header'"):
        load(path)
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RecordingError, match="no recording"):
        load(path)  # pickled content is never unpickled
    with pytest.raises(RecordingError, match="No such file"):
        load(tmp_path / "absent.npz")
    save(path, make_recording(schema=2))
    with pytest.raises(RecordingError, match="schema 2, this rlkit reads 1"):
        load(path)
    whole = make_recording()
    save(path, Recording(whole.header, {**whole.arrays, "rewards": np.zeros(9, np.float32)}))
    with pytest.raises(RecordingError, match="rewards has 9 rows, not 10"):
        load(path)
    save(path, Recording({"schema": 1}, {}))
    with pytest.raises(RecordingError, match="header lacks some of"):
        load(path)


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save(path, make_recording(seed=1))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        save(path, make_recording(seed=2))
    monkeypatch.undo()
    assert load(path).header["seed"] == 1
    assert list(tmp_path.iterdir()) == [path]
