"""Pace, and which recorded state comes next."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from recordings import AHEAD, PERIOD, make_recording, with_reference

from rlkit.media.recording import Recording, RecordingError, save
from rlkit.media.viewers.pacer import Pacer
from rlkit.media.viewers.playback import Episodes, Playback


class Clock:
    """Time that passes only while somebody sleeps, or by `now +=`; `then` runs in each sleep."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept = 0
        self.then = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += 1
        assert self.slept < 10_000, "the wait does not end"
        self.then()

    def pacer(self) -> Pacer:
        return Pacer(clock=lambda: self.now, sleep=self.sleep)


@pytest.mark.parametrize("speed", [0.1, 1.0, 4.0])
def test_a_second_of_states_takes_a_second_divided_by_the_speed(speed: float) -> None:
    clock = Clock()
    pacer = clock.pacer()
    pacer.speed = speed
    for _ in range(50):
        clock.now += 0.003  # the simulation's share, hidden in the pace
        pacer.wait(0.02)
    assert clock.now - 100.0 == pytest.approx(1.0 / speed, abs=0.02)
    assert pacer.factor == pytest.approx(speed, rel=0.02)


def test_a_short_delay_is_made_good_and_a_long_one_lost() -> None:
    clock = Clock()
    pacer = clock.pacer()
    pacer.wait(0.02)
    clock.now += 0.1
    for _ in range(20):
        pacer.wait(0.02)
    assert clock.now - 100.0 == pytest.approx(0.42, abs=0.01)
    clock.now += 1.0
    for _ in range(50):
        pacer.wait(0.02)
    assert clock.now - 100.0 == pytest.approx(0.42 + 1.0 + 1.0 - 0.2, abs=0.03)


def test_a_simulation_slower_than_the_wish_is_not_slowed_further() -> None:
    clock = Clock()
    pacer = clock.pacer()
    for _ in range(20):
        clock.now += 0.05
        pacer.wait(0.02)
    assert clock.slept <= 2
    assert pacer.factor == pytest.approx(0.4, rel=0.05)


def test_a_pause_lasts_until_it_is_over_and_keeps_drawing() -> None:
    clock = Clock()
    pacer = clock.pacer()
    pacer.paused = True
    drawn = []

    def resume_later() -> None:
        if clock.slept == 30:
            pacer.paused = False

    clock.then = resume_later
    pacer.wait(0.02, while_paused=lambda: drawn.append(clock.now))
    assert clock.slept >= 30
    assert len(drawn) == 30
    before = clock.now
    pacer.wait(0.02)
    assert clock.now - before == pytest.approx(0.02)  # the time of the pause is not caught up


def test_a_step_lets_one_wait_through_and_a_close_all() -> None:
    clock = Clock()
    pacer = clock.pacer()
    pacer.step()
    pacer.wait(0.02)
    assert clock.slept == 0
    assert pacer.paused

    def close_later() -> None:
        pacer.closed = clock.slept == 5

    clock.then = close_later
    pacer.wait(0.02)
    assert clock.slept == 5


def test_a_wish_during_a_run_does_not_let_the_next_pause_slip() -> None:
    clock = Clock()
    pacer = clock.pacer()
    pacer.let_one_through()  # not paused: there is nothing to let through
    pacer.paused = True

    def close_later() -> None:
        pacer.closed = clock.slept == 3

    clock.then = close_later
    pacer.wait(0.02)
    assert clock.slept == 3


def test_speeds_go_up_and_down_and_stay_in_their_range() -> None:
    pacer = Pacer()
    pacer.faster()
    assert pacer.speed == 2.0
    for _ in range(5):
        pacer.faster()
    assert pacer.speed == 4.0
    pacer.speed = 0.3  # from the slider
    pacer.slower()
    assert pacer.speed == 0.25
    for _ in range(5):
        pacer.slower()
    assert pacer.speed == 0.1


# --- episodes -------------------------------------------------------------------------------------------


def write(folder: Path, name: str, age: float, recording: Recording) -> Path:
    """Save a recording that is `age` seconds old."""
    path = folder / name
    save(path, recording)
    now = 1_700_000_000.0
    os.utime(path, (now - age, now - age))
    return path


def test_a_frame_tells_what_the_steps_up_to_it_brought(tmp_path) -> None:
    recording = make_recording()
    recording.arrays["rewards"][:] = np.arange(1, 11)
    recording.arrays["terms"][3] = (0.5, -0.25)
    playback = Playback(Episodes([write(tmp_path, "a.npz", 0, recording)]))
    first = playback.frame()
    assert (first.step, first.time, first.total) == (0, 0.0, 0.0)
    playback.seek(4)
    playback.advance()
    frame = playback.frame()
    assert frame.step == 4
    assert frame.time == pytest.approx(4 * PERIOD)
    assert frame.qpos[0] == pytest.approx(0.04)
    assert (frame.reward, frame.total) == (4.0, 1 + 2 + 3 + 4)
    assert frame.terms == {"alive": 0.5, "speed": -0.25}
    assert "iteration 7" in frame.caption


def test_a_frame_shows_the_reference_and_the_metrics_of_its_step(tmp_path) -> None:
    recording = with_reference(make_recording())
    recording.arrays["metrics"][3] = 0.25
    playback = Playback(Episodes([write(tmp_path, "a.npz", 0, recording)]))
    first = playback.frame()
    assert first.ghost is not None and first.ghost[0] == pytest.approx(AHEAD)
    assert first.metrics == {"cart_error": 0.0}
    playback.seek(4)
    playback.advance()
    frame = playback.frame()
    assert frame.ghost is not None and frame.ghost[0] == pytest.approx(0.04 + AHEAD)
    assert frame.metrics == {"cart_error": 0.25}


def test_states_with_gaps_are_shown_as_long_as_they_last(tmp_path) -> None:
    path = write(tmp_path, "a.npz", 0, make_recording(stride=4))  # states 0, 4, 8, 10
    playback = Playback(Episodes([path]))
    steps, periods = [], []
    for _ in range(4):
        steps.append(playback.frame().step)
        periods.append(playback.period)
        playback.advance()
    assert steps == [0, 4, 8, 10]
    assert periods[:3] == pytest.approx([4 * PERIOD, 4 * PERIOD, 2 * PERIOD])
    assert playback.frame().step == 0  # and again


def test_an_episode_that_does_not_loop_stays_at_its_end(tmp_path) -> None:
    playback = Playback(Episodes([write(tmp_path, "a.npz", 0, make_recording())]))
    playback.loop = False
    for _ in range(15):
        playback.advance()
    assert playback.frame().step == 10
    assert "timeout" in playback.frame().caption
    playback.seek(99)
    playback.advance()
    assert playback.frame().step == 10


def test_the_newest_episode_is_played_and_newer_ones_follow_it(tmp_path) -> None:
    write(tmp_path, "z.npz", 60, make_recording(iteration=1))
    write(tmp_path, "b.npz", 30, make_recording(iteration=2))
    episodes = Episodes(folder=tmp_path)
    assert episodes.look()
    playback = Playback(episodes)
    assert playback.name == "b.npz"
    assert playback.names == ["z.npz", "b.npz"]
    assert not playback.look()
    (tmp_path / ".c.npz.123.tmp.npz").write_bytes(b"half written")
    write(tmp_path, "c.npz", 0, make_recording(iteration=3))
    assert playback.look()
    assert playback.names == ["z.npz", "b.npz", "c.npz"]
    for _ in range(10):
        playback.advance()
        assert playback.name == "b.npz"  # to its end
    playback.advance()
    assert playback.name == "c.npz"
    assert playback.frame().step == 0


def test_the_users_choice_stays_when_newer_episodes_come(tmp_path) -> None:
    write(tmp_path, "a.npz", 60, make_recording())
    write(tmp_path, "b.npz", 30, make_recording())
    episodes = Episodes(folder=tmp_path)
    episodes.look()
    playback = Playback(episodes)
    playback.choose("a.npz")
    playback.advance()
    assert playback.name == "a.npz"
    write(tmp_path, "c.npz", 0, make_recording())
    playback.look()
    for _ in range(12):
        playback.advance()
    assert playback.name == "a.npz"


def test_a_torn_file_is_told_and_the_one_before_goes_on(tmp_path) -> None:
    write(tmp_path, "a.npz", 60, make_recording())
    torn = write(tmp_path, "b.npz", 30, make_recording())
    torn.write_bytes(torn.read_bytes()[:200])
    episodes = Episodes(folder=tmp_path)
    episodes.look()
    playback = Playback(episodes)
    assert playback.name == "a.npz"
    playback.choose("b.npz")
    playback.advance()
    assert playback.name == "a.npz"
    assert "b.npz" in playback.problem
    assert "torn" in playback.problem


@pytest.mark.parametrize("lacking", ["states", "model"])
def test_a_recording_that_cannot_be_shown_says_what_can_be_done(tmp_path, lacking: str) -> None:
    recording = (
        make_recording(content="actions") if lacking == "states" else make_recording(engine="gymnasium")
    )
    names = ("steps", "time", "qpos", "qvel", "act") if lacking == "states" else ("mjcf",)
    arrays = {name: value for name, value in recording.arrays.items() if name not in names}
    path = write(tmp_path, "a.npz", 0, Recording(recording.header, arrays))
    with pytest.raises(
        RecordingError, match="rlkit replay .*a.npz" if lacking == "states" else "recordVideo"
    ):
        Playback(Episodes([path]))


def test_states_without_rewards_and_terms_are_shown(tmp_path) -> None:
    recording = make_recording(content="states")
    kept = ("mjcf", "steps", "time", "qpos", "qvel", "act")
    arrays = {name: recording.arrays[name] for name in kept}
    playback = Playback(Episodes([write(tmp_path, "a.npz", 0, Recording(recording.header, arrays))]))
    playback.advance()
    assert playback.frame().terms == {}
    assert playback.frame().metrics == {} and playback.frame().ghost is None
    assert playback.frame().total == 0.0


def test_a_free_loop_is_held_up_by_a_pause_alone() -> None:
    """As a training: it is shown as fast as it goes."""
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds
        if len(slept) == 3:
            pacer.paused = False

    pacer = Pacer(clock=lambda: now[0], sleep=sleep, free=True)
    for _ in range(100):
        now[0] += 0.001
        pacer.wait(0.02)
    assert not slept
    assert pacer.factor == pytest.approx(20.0)
    pacer.paused = True
    pacer.wait(0.02)
    assert len(slept) == 3
