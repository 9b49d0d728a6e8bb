"""What a name, a file, a folder, a list and a packed file stand for, and what is refused, without numpy."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import even_clip

from rlkit.motion import collection
from rlkit.motion.clip import ARRAYS, Clip, write_clip
from rlkit.motion.collection import resolve
from rlkit.motion.errors import MotionError
from rlkit.motion.pack import load_clips, read_pack, write_pack

WALK, RUN = even_clip(5, speed=1.0, name="walk"), even_clip(9, speed=3.0, loop=False, name="run")


def named(clip: Clip, name: str) -> Clip:
    return replace(clip, entry=replace(clip.entry, name=name))


@pytest.fixture(autouse=True)
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`clips/walk.npz`, `clips/run.npz`, `both.npz`, and a shipped h1/stand."""
    for folder in ("clips", "ours/h1"):
        (tmp_path / folder).mkdir(parents=True)
    write_clip(tmp_path / "clips" / "walk.npz", WALK)
    write_clip(tmp_path / "clips" / "run.npz", RUN)
    write_clip(tmp_path / "ours" / "h1" / "stand.npz", WALK)
    write_pack(tmp_path / "both.npz", [WALK, RUN])
    monkeypatch.setattr(collection, "SHIPPED", tmp_path / "ours")


def told(text: str) -> list[tuple[str, str | None, float]]:
    return [(choice.entry.name, choice.member, choice.weight) for choice in resolve(text)]


def same(one: Clip, other: Clip) -> bool:
    arrays = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)
    return arrays and one.entry == other.entry


def test_names_files_and_folders() -> None:
    assert told("h1/stand") == told("h1") == [("stand", None, 1.0)]
    assert told("clips/walk.npz") == [("walk", None, 1.0)]
    assert told("clips") == [("run", None, 1.0), ("walk", None, 1.0)]
    assert told("both.npz") == [("walk", "walk", 1.0), ("run", "run", 1.0)]
    assert told("both.npz:run") == [("run", "run", 1.0)]
    assert resolve("clips/run.npz")[0].entry.duration == 0.16


def test_a_lists_paths_start_at_the_list_and_weights_multiply(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "inner.yaml").write_text("clips:\n  - {clip: ../clips/run.npz, weight: 3}\n")
    (tmp_path / "lists" / "all.yaml").write_text(
        "clips:\n  - ../clips/walk.npz\n  - {clip: inner.yaml, weight: 2}\n  - {clip: h1/stand, weight: 0.5}\n"
    )
    assert told("lists/all.yaml") == [("walk", None, 1.0), ("run", None, 6.0), ("stand", None, 0.5)]


def test_two_of_one_name_get_their_folders(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("clips: [clips/walk.npz, 'both.npz:walk', clips/run.npz]\n")
    assert [name for name, _, _ in told("list.yaml")] == ["clips/walk", "both/walk", "run"]
    assert [clip.name for clip in load_clips(resolve("list.yaml"))] == ["clips/walk", "both/walk", "run"]


def test_packed_is_unpacked() -> None:
    packed, unpacked = load_clips(resolve("both.npz")), load_clips(resolve("clips"))
    assert same(packed[0], unpacked[1]) and same(packed[1], unpacked[0])


def test_a_packed_file_of_one_clip_of_its_own_name(tmp_path: Path) -> None:
    write_pack(tmp_path / "walk.npz", [WALK])
    assert same(load_clips(resolve("walk.npz"))[0], WALK)


def test_a_packed_file_is_no_clip_and_a_clip_no_packed_file() -> None:
    from rlkit.motion.clip import read_clip

    with pytest.raises(MotionError, match=r"both.npz is a packed file of several clips"):
        read_clip("both.npz")
    with pytest.raises(MotionError, match=r"walk.npz is no packed file; rlkit motion pack"):
        read_pack("clips/walk.npz")


def test_what_no_packed_file_can_hold_is_refused(tmp_path: Path) -> None:
    g1 = replace(RUN, entry=replace(RUN.entry, robot="g1"))
    for wrong, said in (
        ([], "holds a clip at least"),
        ([WALK, named(RUN, "walk")], "two clips are called walk"),
        ([WALK, g1], "clip run has another robot than walk"),
    ):
        with pytest.raises(MotionError, match=said):
            write_pack(tmp_path / "x.npz", wrong)
    assert not (tmp_path / "x.npz").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clips": []}, "its pack.json lists no clips"),
        ({"clips": [{}]}, "must have names"),
        ({"clips": [{"name": "walk", "fps": 50.0}]}, "both.npz:walk: its clip.json has no frames"),
        ({"joints": ["a"]}, "joint_pos unpacks to .* 14 frames of 1 numbers|joint_pos is"),
    ],
)
def test_a_malformed_packed_file_is_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "both.npz") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["pack.json"] = json.dumps({**json.loads(parts["pack.json"]), **change}).encode()
    with zipfile.ZipFile(tmp_path / "both.npz", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(MotionError, match=said):
        load_clips(resolve("both.npz"))


REFUSED = [
    (
        "h1/stnd",
        "there is no motion h1/stnd; did you mean h1/stand? A motion is a clip that comes with rlkit (h1/stand)",
    ),
    ("clips/wlak.npz", "there is no file clips/wlak.npz; did you mean walk.npz?"),
    ("both.npz:rnu", "both.npz has no clip rnu; did you mean run?; it has walk, run"),
    ("ours", "the folder ours has no clips (.npz) in it"),
    ("../../etc/passwd", "there is no motion ../../etc/passwd"),
    ("x" * 9000, "cannot be looked for: File name too long"),
    ("a\0b", "there is no motion"),
    ("~no_one_here/walk.npz", "there is no file ~no_one_here/walk.npz"),
    ("missing.yaml", "there is no file missing.yaml; did you mean mixed.yaml?"),
    ("h1/stand.npz", "there is no file h1/stand.npz; did you mean h1/stand?"),
    ("clisp/", "there is no motion clisp/; did you mean clips?"),
    ("walk.csv", "walk.csv is no clip (.npz) and no list (.yaml); a clip of it makes: rlkit motion convert"),
    ("a walk.csv", "makes: rlkit motion convert 'a walk.csv' --out 'a walk'.npz"),
    ("typo.yaml", "typo.yaml: clip 2: there is no motion clips/wlk"),
    ("outer.yaml", "typo.yaml: clip 2: there is no motion clips/wlk"),
    ("bad.yaml", "bad.yaml:1: is not valid YAML"),
    ("empty.yaml", "empty.yaml lists no clips; write `clips:`"),
    ("self.yaml", "lists within lists, more than 8 deep"),
    ("weight.yaml", "weight.yaml: clip 1: its weight is -1; a weight is a number from 0 on"),
    ("key.yaml", "key.yaml: clip 1: unknown key wieght; did you mean weight?"),
    ("twice.yaml", "clips/walk.npz is named twice"),
    ("zero.yaml", "all weights are 0"),
    ("mixed.yaml", "has clips of several robots: walk is of h1, wave of g1; give those of one"),
]
LISTS = {
    "bad": "clips: [",
    "empty": "clips: []",
    "self": "clips: [self.yaml]",
    "weight": "clips: [{clip: clips/walk.npz, weight: -1}]",
    "key": "clips: [{clip: clips/walk.npz, wieght: 1}]",
    "twice": "clips: [clips/walk.npz, clips]",
    "zero": "clips: [{clip: clips, weight: 0}]",
    "typo": "clips: [clips/walk.npz, clips/wlk]",
    "outer": "clips: [typo.yaml]",
    "mixed": "clips: [clips/walk.npz, wave.npz]",
}


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_cannot_be_is_refused_with_what_is_near(text: str, said: str, tmp_path: Path) -> None:
    for name, content in LISTS.items():
        (tmp_path / f"{name}.yaml").write_text(content)
    for name in ("walk.csv", "a walk.csv"):
        (tmp_path / name).write_text("0, 0, 1")
    write_clip(tmp_path / "wave.npz", replace(WALK, entry=replace(WALK.entry, robot="g1")))
    with pytest.raises(MotionError) as error:
        resolve(text)
    assert said in str(error.value)
