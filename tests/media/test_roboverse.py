"""RoboVerse's trajectories are read as they are written there, and nothing in them is run."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import tracemalloc
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from rlkit.media import recording
from rlkit.media.formats import roboverse
from rlkit.media.recording import RecordingError

MJCF = """
<mujoco>
  <worldbody>
    <body name="cube" pos="1 1 1"><freejoint/><geom size="0.1"/></body>
    <body name="base" pos="0 0 1">
      <freejoint/><geom size="0.1"/>
      <body><joint name="h1/knee" axis="0 1 0"/><geom size="0.1"/>
        <body><joint name="hip" type="slide"/><geom size="0.1"/></body>
      </body>
    </body>
  </worldbody>
</mujoco>
"""


def state(x: float, knee: float, array: Any = np.float32) -> dict[str, Any]:
    """The robot stands at x, lying on its side; the cube is at -x."""
    robot = {"pos": array([x, 0, 2]), "rot": array([0.5, 0.5, 0, 0]), "dof_pos": {"knee": knee, "hip": 0.25}}
    return OrderedDict(h1=robot, cube={"pos": array([-x, 0, 0]), "rot": array([1, 0, 0, 0])})


def episodes(array: Any = lambda v: np.array(v, np.float32), states: bool = True) -> dict[str, Any]:
    """Two episodes of three actions; the knee's target is ten times the step."""
    return {
        "h1": [
            {
                "init_state": state(first, 0.0, array),
                "actions": [{"dof_pos_target": {"knee": 10.0 * k, "hip": -1.0}} for k in range(3)],
                "states": [state(first + k + 1, 0.5 * k, array) for k in range(3)] if states else None,
            }
            for first in (0.0, 7.0)
        ]
    }


def written(folder: Path, data: bytes, name: str = "walk_h1_eval_20260101_000000_v2.pkl") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


FORMS = {
    "pickle": lambda: pickle.dumps(episodes()),
    "old pickle": lambda: pickle.dumps(episodes(), protocol=0),
    "pickle 2": lambda: pickle.dumps(episodes(), protocol=2),
    "pickle 5": lambda: pickle.dumps(episodes(), protocol=5),
    "gzip": lambda: gzip.compress(pickle.dumps(episodes())),
    "json": lambda: json.dumps(episodes(list)).encode(),
    "gzipped json": lambda: gzip.compress(json.dumps(episodes(list)).encode()),
    "yaml": lambda: yaml.safe_dump(json.loads(json.dumps(episodes(list)))).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_numbers_whatever_the_name(form: str, tmp_path: Path) -> None:
    first, second = roboverse.read(written(tmp_path, FORMS[form](), "anything.bin"))
    assert (first.header["robot"], second.header["episode"], second.length) == ("h1", 1, 3)
    assert first.header["names"]["ctrl"] == ["hip", "knee"]
    assert first.header["names"]["entities"] == {"h1": ["hip", "knee"], "cube": []}
    assert second.arrays["ctrl"].tolist() == [[-1.0, 0.0], [-1.0, 10.0], [-1.0, 20.0]]
    assert second.arrays["joints.h1"].tolist() == [[0.25, 0.0], [0.25, 0.0], [0.25, 0.5], [0.25, 1.0]]
    assert second.arrays["pose.h1"][:, 0].tolist() == [7.0, 8.0, 9.0, 10.0]
    assert second.arrays["pose.cube"][1].tolist() == [-8.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    assert second.header["content"] == "states" and not second.has_states


def test_numbers_of_other_types_are_numbers_too(tmp_path: Path) -> None:
    data = episodes()
    data["h1"][0]["actions"][0]["dof_pos_target"] = {"knee": np.float64(3.5), "hip": np.int16(-2)}
    for protocol in (2, 4, 5):
        first, _ = roboverse.read(written(tmp_path, pickle.dumps(data, protocol)))
        assert first.arrays["ctrl"][0].tolist() == [-2.0, 3.5]
    assert first.header["task"] == "walk"


def test_an_array_in_fortrans_order_is_not_turned(tmp_path: Path) -> None:
    from rlkit.archives import plain_pickle

    array = np.asfortranarray(np.arange(6.0).reshape(2, 3)).astype(">f8")
    for protocol in (2, 5):
        assert np.array_equal(plain_pickle.loads(pickle.dumps([array], protocol))[0], array)


def test_an_episode_without_states_has_the_first_one(tmp_path: Path) -> None:
    first, _ = roboverse.read(written(tmp_path, pickle.dumps(episodes(states=False))))
    assert first.header["content"] == "actions" and first.arrays["steps"].tolist() == [0]
    assert first.arrays["pose.h1"].shape == (1, 7)


def test_a_model_gives_joint_positions_by_name(tmp_path: Path) -> None:
    _, second = roboverse.read(written(tmp_path, pickle.dumps(episodes())))
    placed, notes = roboverse.with_model(second, MJCF)
    assert notes == []
    # The cube's pose, then the robot's (its root is found by its joints), h1/knee and hip.
    expected = [-10, 0, 0, 1, 0, 0, 0, 10, 0, 2, 0.5, 0.5, 0, 0, 1.0, 0.25]
    assert placed.arrays["qpos"][3].tolist() == expected
    recording.save(tmp_path / "e.npz", placed)
    again = recording.load(tmp_path / "e.npz")
    assert again.has_states and again.mjcf == MJCF and again.arrays["ctrl"].shape == (3, 2)


def test_what_the_model_lacks_is_told(tmp_path: Path) -> None:
    first, _ = roboverse.read(written(tmp_path, pickle.dumps(episodes())))
    with pytest.raises(RecordingError, match="the model has no joint hip of h1; it has h1/knee, hop"):
        roboverse.with_model(first, MJCF.replace('"hip"', '"hop"'))
    _, notes = roboverse.with_model(first, MJCF.replace('"cube"', '"ball"'))
    assert notes == ["cube: its pose is not shown, the model has no free body of that name"]
    with pytest.raises(RecordingError, match=r"the model cannot be loaded: .*XML"):
        roboverse.with_model(first, "<mujoco")


# Nothing is run.


class Evil:
    """Pickled, it is a call of `function` with `arguments`."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def test_a_pickle_that_would_run_a_command_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = Evil(os.system, f"touch {canary}")
    nested = episodes()
    nested["h1"][1]["states"][2]["cube"]["pos"] = evil
    by_eval = Evil(eval, f"open({str(canary)!r}, 'w')")
    for content in (evil, {"h1": [evil]}, nested, by_eval):
        for protocol in (0, 2, 4):
            for pack in (bytes, gzip.compress):
                path = written(tmp_path, pack(pickle.dumps(content, protocol)))
                with pytest.raises(
                    RecordingError, match=r"asks for (posix.system|\w+.eval), which could run code"
                ):
                    roboverse.read(path)
    assert not canary.exists()


@pytest.mark.parametrize(
    "content",
    [
        Evil(getattr, "x", "join"),
        Evil(__import__, "os"),
        Evil(np.load, "x"),
        Evil(pickle.loads, b"x"),
        np.array([Evil(os.getcwd)], dtype=object),
        np.array([1 + 2j]),
        Path("x"),
    ],
)
def test_whatever_is_no_plain_number_is_refused_by_name(content: Any, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"which could run code|only numbers are read"):
        roboverse.read(written(tmp_path, pickle.dumps({"h1": content})))


def test_a_reference_out_of_the_pickle_is_refused(tmp_path: Path) -> None:
    class Outside(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return "storage" if isinstance(obj, float) else None

    for protocol in (0, 4):
        buffer = io.BytesIO()
        Outside(buffer, protocol).dump({"h1": [1.5]})
        with pytest.raises(RecordingError, match="refers to objects outside of it"):
            roboverse.read(written(tmp_path, buffer.getvalue()))


DEEP = 200_000


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04" + b"]" * DEEP + b"a" * (DEEP - 1) + b".",
        b"\x80\x04}\x8c\x02h1" + b"]" * DEEP + b"a" * (DEEP - 1) + b"s.",
        b'{"h1": ' + b"[" * DEEP,
        b"[" * 3000,
    ],
)
def test_endless_nesting_is_an_error_and_no_crash(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        roboverse.read(written(tmp_path, data))


def test_what_is_shared_a_million_times_is_looked_at_once(tmp_path: Path) -> None:
    inner: Any = [1.0]
    for _ in range(8):
        inner = [inner] * 1000
    with pytest.raises(RecordingError, match="not as RoboVerse writes it"):
        roboverse.read(written(tmp_path, pickle.dumps({"h1": inner})))


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(roboverse, "_MOST_BYTES", 1000)
    with pytest.raises(RecordingError, match="unpacks to more than"):
        roboverse.read(written(tmp_path, gzip.compress(bytes(1001))))


def bombs() -> dict[str, tuple[bytes, str]]:
    """Pickles of a few bytes to a megabyte that ask for a hundred times as much, and what is said of them."""
    head, million = b"\x80\x04", 1_000_000
    text = b"X" + (100_000).to_bytes(4, "little") + b"x" * 100_000 + b"q\x00"
    copies = b"c_codecs\nencode\nq\x01" + b"h\x01h\x00\x85R" * 2000
    shared = b"q\x00h\x00\x86" * 60  # a tuple of itself twice, and again: 2**60 hashes
    return {
        "memo": (head + b"Nr" + (20_000_000).to_bytes(4, "little") + b".", "is a NoneType"),
        "dicts": (head + b"(" + b"}" * million + b"l.", "far more objects"),
        "sets": (head + b"(" + b"\x8f" * million + b"l.", "neither a recording"),
        "tuples": (head + b"N" + b"\x85" * million + b".", "far more objects"),
        "copies": (head + text + copies + b".", "far more objects"),
        "bytearray": (head + b"\x96" + (1 << 28).to_bytes(8, "little") + b".", "of 268435456 bytes"),
        "keys": (head + b"}(K\x01" + shared + b"K\x01u.", "key of type tuple"),
        "function": (head + b"c_codecs\nencode\n}X\x01\x00\x00\x00aK\x01sb.", "changes an object"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", bombs())
def test_a_pickle_that_asks_for_far_more_than_it_holds_takes_no_memory(kind: str, tmp_path: Path) -> None:
    data, message = bombs()[kind]
    path = written(tmp_path, data)
    tracemalloc.start()
    try:
        with pytest.raises(RecordingError, match=message):
            roboverse.read(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def torn() -> list[bytes]:
    whole = pickle.dumps(episodes())
    return [
        b"",
        whole[: len(whole) // 2],
        whole[:-1],
        gzip.compress(whole, mtime=0)[:-20],  # with its time, tests' names would differ among workers
        gzip.compress(whole, mtime=0)[:5],
        b"\x89PNG\r\n",
        b'{"h1": [',
        b"PK\x03\x04",
        b"a: [",
        b"some text",
        pickle.dumps([1.0]),
        pickle.dumps({}),
        pickle.dumps({"h1": []}),
        pickle.dumps({"h1": 3}),
        pickle.dumps({"h1": [{"actions": []}]}),
        pickle.dumps({"h1": [{**episodes()["h1"][0], "states": []}]}),
        pickle.dumps({"h1": [{**episodes()["h1"][0], "actions": [{"dof_pos_target": {"knee": "x"}}]}]}),
        pickle.dumps({"h1": [{**episodes()["h1"][0], "init_state": {"h1": {"pos": [1.0], "rot": [1.0]}}}]}),
    ]


@pytest.mark.parametrize("data", torn())
def test_a_torn_or_foreign_file_is_one_clear_error(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        roboverse.read(written(tmp_path, data))
    message = str(caught.value)
    assert str(tmp_path) in message and len(message) < 600 and "\n" not in message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read: No such file"):
        roboverse.read(tmp_path / "nothing.pkl")
