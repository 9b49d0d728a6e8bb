"""The queue, with small programs in place of the renderer: order, limits, deaths, priorities."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from recordings import make_recording

from rlkit.media import recording as recordings
from rlkit.media import render_queue
from rlkit.media.render_queue import Finished, RenderQueue


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch):
    """Makes queues in which a source is the Python program that is run for it; OUT is its first argument."""
    monkeypatch.setattr(
        render_queue,
        "command",
        lambda sources, out, *_: [sys.executable, "-c", str(sources[0]), str(out)],
    )
    made: list[RenderQueue] = []

    def make(**options) -> RenderQueue:
        made.append(RenderQueue(**options))
        return made[-1]

    yield make
    for one in made:
        one.close()


WRITE = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('video'); print('made')"
SLEEP = "import time; time.sleep(60)"
REPORT = """
import os, sys, pathlib
idle = os.sched_getscheduler(0) == os.SCHED_IDLE or os.nice(0) == 19
text = f"{idle} {os.getsid(0) == os.getpid()}"
pathlib.Path(sys.argv[1]).write_text(text)
"""
READY = "import sys, pathlib, time; pathlib.Path(sys.argv[1] + '.ready').touch(); "


def collect(queue: RenderQueue, count: int) -> list[Finished]:
    finished: list[Finished] = []
    end = time.monotonic() + 120
    while len(finished) < count:
        assert time.monotonic() < end, finished
        finished += queue.poll()
        time.sleep(0.02)
    return finished


def ready(out: Path) -> None:
    end = time.monotonic() + 120
    while not out.with_name(out.name + ".ready").exists():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.slow
def test_videos_are_made_in_order_and_failures_are_told(queue, tmp_path: Path) -> None:
    one = queue()
    a, b, c = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    one.submit([WRITE], a, gif=tmp_path / "a.gif")
    one.submit(["import sys; print('long story', file=sys.stderr); sys.exit('render: no codec')"], b)
    one.submit(["import os, signal; os.kill(os.getpid(), signal.SIGKILL)"], c)
    assert collect(one, 3) == [
        Finished(a, tmp_path / "a.gif", True, "made"),
        Finished(b, None, False, "render: no codec"),
        Finished(c, None, False, "signal 9 ended it"),
    ]
    assert one.poll() == []


def test_polling_never_waits(queue, tmp_path: Path) -> None:
    one = queue()
    started = time.monotonic()
    one.submit([SLEEP], tmp_path / "a.mp4")
    assert one.poll() == []
    one.close()
    assert time.monotonic() - started < 10


def test_the_oldest_waiting_is_given_up(queue, tmp_path: Path) -> None:
    one = queue(max_waiting=2)
    outs = [tmp_path / f"{number}.mp4" for number in range(5)]
    for out in outs:
        one.submit([SLEEP], out)  # 0 runs; 1 and 2 wait; then 3 and 4 come
    given_up = one.poll()
    assert [(film.out, film.ok) for film in given_up] == [(outs[1], False), (outs[2], False)]
    assert "newer episodes came" in given_up[0].message


@pytest.mark.slow
def test_one_that_hangs_is_ended_and_the_next_one_made(
    queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render_queue, "_END_SECONDS", 0.3)
    one = queue(timeout=1.0)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
    one.submit([READY + stubborn], tmp_path / "a.mp4")
    one.submit([WRITE], tmp_path / "b.mp4")
    first, second = collect(one, 2)
    assert not first.ok and first.message == "it was not done within 1 s"
    assert second.out == tmp_path / "b.mp4"


@pytest.mark.slow
def test_it_runs_at_the_lowest_priority_until_someone_waits(queue, tmp_path: Path) -> None:
    """In a session of its own besides, so that Ctrl-C in the terminal does not reach it."""
    beside, left = tmp_path / "a.mp4", tmp_path / "b.mp4"
    one = queue()
    one.submit(["import time; time.sleep(0.5)\n" + REPORT], beside)
    collect(one, 1)
    assert beside.read_text() == "True True"
    told: list[str] = []
    one.submit([SLEEP], tmp_path / "slow.mp4")
    one.submit([REPORT], left)
    running = one._running
    assert running is not None
    render_queue._hurry(running.process.pid)
    assert os.sched_getscheduler(running.process.pid) == os.SCHED_OTHER
    os.kill(running.process.pid, signal.SIGKILL)
    finished = one.wait(told.append)
    assert [film.ok for film in finished] == [False, True]
    assert left.read_text() == ("True True" if os.nice(0) == 19 else "False True")
    assert told[-1] == "rendering b.mp4 (0 more to come)"


@pytest.mark.slow
def test_closing_ends_the_process_and_what_it_started(queue, tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    child = (
        "import subprocess; p = subprocess.Popen(['sleep', '60']); "
        "pathlib.Path(sys.argv[1]).write_text(str(p.pid)); "
    )
    one = queue()
    one.submit([child.join(["import sys, pathlib; ", READY + SLEEP])], out)
    ready(out)
    running = one._running
    assert running is not None
    assert one.wait(lambda _: None, given_up=lambda: True) == []
    assert running.process.poll() is None
    one.close()
    assert running.process.returncode == -signal.SIGTERM
    end = time.monotonic() + 10
    while _runs(int(out.read_text())):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert one.poll() == []


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_program_that_cannot_start_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(render_queue, "command", lambda *_: [str(tmp_path / "no_python")])
    one = RenderQueue()
    one.submit([tmp_path / "a.npz"], tmp_path / "a.mp4")
    (film,) = one.poll()
    assert not film.ok and "could not be started" in film.message


@pytest.mark.slow
@pytest.mark.usefixtures("drawing")
def test_real_videos_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recordings.save(tmp_path / "a.npz", make_recording())
    one = RenderQueue()
    one.submit([Path("a.npz")], Path("a.mp4"), gif=Path("a.gif"), size=(64, 48))
    one.submit([Path("none.npz")], Path("b.mp4"))
    good, bad = one.wait(lambda line: None)
    assert good.ok and good.out == Path("a.mp4") and "11 frames" in good.message, good
    assert (tmp_path / "a.mp4").stat().st_size > 1000 and (tmp_path / "a.gif").exists()
    assert not bad.ok and "none.npz cannot be read" in bad.message
    assert {path.name for path in tmp_path.iterdir()} == {"a.npz", "a.mp4", "a.gif"}
