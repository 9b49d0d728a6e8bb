"""What a user sees: the page in a real browser, the window on a real display, `rlkit view` from start to Ctrl-C."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import numpy as np
import pytest
from needs import lacking
from project import ROOT, wait_until
from recordings import AHEAD, make_recording, with_reference

from rlkit.media.recording import save

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.alone]

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)  # fmt: skip
SHADES_OF_A_PICTURE = 40  # a page that draws nothing but its ground has a handful


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if importlib.util.find_spec("playwright") is None or importlib.util.find_spec("viser") is None:
        lacking("browser", "playwright and viser are not installed: pip install -e '.[dev]'")
    if not Path(CHROMIUM).exists():
        lacking("browser", f"there is no {CHROMIUM}; .ci/packages installs it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS), headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser) -> Iterator[Any]:
    """A page that must not ask anybody but this machine for anything."""
    strangers = []
    page = browser.new_page(viewport={"width": 900, "height": 640})
    page.on("request", lambda r: strangers.append(r.url) if "127.0.0.1" not in r.url else None)
    page.set_default_timeout(30_000)
    yield page
    page.close()
    assert strangers == []


@pytest.fixture(scope="module")
def display(tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """A display without a screen, and the file that holds its picture."""
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        lacking("display", "there is no Xvfb; .ci/packages installs it")
    assert xvfb is not None
    folder = tmp_path_factory.mktemp("display")
    read, write = os.pipe()
    server = subprocess.Popen(
        [xvfb, "-displayfd", str(write), "-screen", "0", "1280x800x24", "-fbdir", str(folder)],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as pipe:
        number = pipe.readline().strip()
    try:
        assert number, "Xvfb did not start"
        yield f":{number}", folder / "Xvfb_screen0"
    finally:
        server.terminate()
        server.wait(timeout=10)


def framebuffer(path: Path) -> np.ndarray:
    """The picture of a display, [height, width, 3] uint8, from its XWD file."""
    raw = path.read_bytes()
    header = np.frombuffer(raw, ">u4", 25)
    height, width, line, colours = int(header[5]), int(header[4]), int(header[12]), int(header[19])
    pixels = np.frombuffer(raw, np.uint8, height * line, int(header[0]) + 12 * colours)
    return pixels.reshape(height, line)[:, : 4 * width].reshape(height, width, 4)[:, :, 2::-1]


def shades(pixels: np.ndarray) -> int:
    """How many colours a picture has, in steps of 8."""
    return len(np.unique((pixels // 8).reshape(-1, 3), axis=0))


def scene(page: Any) -> np.ndarray:
    """The left part of the page, where the controls are not."""
    from PIL import Image

    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return np.asarray(picture)[150:, :560]


def shown_time(page: Any) -> str:
    match = re.search(r"time ([\d.]+) s", page.inner_text("body"))
    return match.group(1) if match else ""


def stands_still(page: Any) -> bool:
    """Whether neither the time nor the picture changes within a second, 50 steps of a scene that runs."""
    before = shown_time(page), scene(page)
    time.sleep(1.0)
    return shown_time(page) == before[0] and np.array_equal(scene(page), before[1])


def command(*words: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """`rlkit <words>` in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "rlkit.cli", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def line_with(process: subprocess.Popen[str], words: str) -> str:
    """The first line of a process's output that has `words` in it."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if words in line:
            return line
    raise AssertionError(f"never said {words!r}: {''.join(seen)}")


def interrupted(process: subprocess.Popen[str]) -> str:
    """What a process says after Ctrl-C; it must end well."""
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0, out
    assert "Traceback" not in out
    return out


# --- the live page --------------------------------------------------------------------------------------


class Loop(threading.Thread):
    """A loop that shows a moving cart and does what its user asks, as a test of a policy does."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        from rlkit.media.viewers import open_viewer

        self.recording = with_reference(make_recording(length=400))
        self.viewer = open_viewer(
            "web", mjcf=self.recording.mjcf, title="Cart", num_envs=4, control_period=0.02, port=0
        )
        self.viewer.offer_checkpoints(["best", "last"], "best")
        self.heard: list[Any] = []

    def run(self) -> None:
        from rlkit.media.viewers import Frame

        step, states, ghosts = 0, self.recording.arrays["qpos"], self.recording.arrays["ghost"]
        while not self.viewer.closed:
            terms = {"alive": 0.75, "speed": 0.01 * (step % 50)}
            env = self.viewer.env
            seen = (states[step % 100], 1.0, float(step), terms, "iteration 7")
            error = {"cart_error": AHEAD}
            self.viewer.show(Frame(env, 0, step, 0.02 * step, *seen, error, ghosts[step % 100]))
            asked = self.viewer.poll_input()
            if asked.restart or asked.push or asked.checkpoint or asked.env != env:
                self.heard.append(asked)
            step = 0 if asked.restart else step + 1


@pytest.fixture
def live() -> Iterator[Loop]:
    loop = Loop()
    loop.start()
    yield loop
    loop.viewer.close()
    loop.join(timeout=10)
    assert not loop.is_alive()


def test_the_live_page_shows_the_scene_and_obeys(page, live: Loop, tmp_path) -> None:
    page.goto(live.viewer.address)
    page.get_by_text("iteration 7").wait_for()
    wait_until(lambda: shades(scene(page)) > SHADES_OF_A_PICTURE, "a picture of the scene")
    page.screenshot(path=str(tmp_path / "page.png"))
    assert page.get_by_label("Reference").first.is_checked()
    for name in ("alive", "speed", "cart_error"):  # the curves of reward terms and metrics
        assert page.get_by_text(name, exact=False).first.is_visible()

    first = shown_time(page)
    wait_until(lambda: shown_time(page) != first, "time passes")
    assert not stands_still(page)
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_text("paused").wait_for()
    wait_until(lambda: stands_still(page), "time and picture stand still", timeout=20)
    stopped = shown_time(page)
    page.get_by_role("button", name="Step", exact=True).click()
    wait_until(lambda: float(shown_time(page)) == pytest.approx(float(stopped) + 0.02), "one step")

    page.get_by_role("button", name="Restart episode").click()  # heard although it is paused
    wait_until(lambda: [w for w in live.heard if w.restart], "the wish for a restart")
    wait_until(lambda: shown_time(page) == "0.00", "the start of the episode")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("Push", exact=True).click()
    page.get_by_role("button", name="+x", exact=True).click()
    wait_until(lambda: [w for w in live.heard if w.push == ("ball", 20.0, 0.0, 0.0)], "the push")
    assert sum(w.push is not None for w in live.heard) == 1


# --- rlkit view -----------------------------------------------------------------------------------------


def test_a_recording_is_soon_on_the_page(page, tmp_path) -> None:
    save(tmp_path / "episode.npz", make_recording(length=200))
    began = time.monotonic()
    viewing = command("view", "episode.npz", "--port", "0", cwd=tmp_path)
    try:
        address = line_with(viewing, "http://").split()[2]
        page.goto(address)
        page.get_by_text("Cart, iteration 7").wait_for()
        wait_until(lambda: shades(scene(page)) > SHADES_OF_A_PICTURE, "a picture of the scene")
        assert time.monotonic() - began < 20 * slowness()
        assert page.get_by_text("alive").first.is_visible()
        first = shown_time(page)
        wait_until(lambda: shown_time(page) not in ("", first), "time passes")
        assert "ended" in interrupted(viewing)
    finally:
        viewing.kill()


def slowness() -> float:
    """How much slower than a free core this machine is now: tests share it with others."""
    begin = time.process_time(), time.monotonic()
    while time.process_time() - begin[0] < 0.2:
        pass
    return max(1.0, (time.monotonic() - begin[1]) / 0.2)


def test_episodes_of_a_run_that_trains_are_played_as_they_are_written(page, project) -> None:
    training = project.start("logging.experimentName=now", "train.units=[8]", "numEnvs=4", "maxIter=100000")
    viewing = None
    try:
        wait_until(lambda: (project.run("now") / "run.json").exists(), "the run")
        viewing = command("view", "now", "--port", "0", cwd=project.path)
        assert "waiting" in line_with(viewing, "now has no")
        folder = project.run("now") / "trajectories"
        folder.mkdir(exist_ok=True)
        save(folder / "first.npz", make_recording(iteration=1))
        page.goto(line_with(viewing, "http://").split()[2])
        page.get_by_text("Cart, iteration 1").wait_for()
        save(folder / "second.npz", make_recording(iteration=2))
        page.get_by_text("Cart, iteration 2").wait_for()
        interrupted(viewing)
    finally:
        if viewing is not None:
            viewing.kill()
        training.kill()
        training.communicate()


def test_a_run_without_recordings_says_how_to_get_some(trained_project) -> None:
    done = trained_project.shell("rlkit view trained --port 0")
    assert done.returncode == 2
    assert "testing.saveTrajectories=true" in done.stderr
    assert "checkpoint=trained" in done.stderr


# --- the window -----------------------------------------------------------------------------------------


def test_the_window_shows_the_scene_and_ends_well(display, tmp_path) -> None:
    screen, picture = display
    save(tmp_path / "episode.npz", make_recording(length=200))
    viewing = command("view", "episode.npz", "--viewer", "native", cwd=tmp_path, DISPLAY=screen)
    try:
        line_with(viewing, "1 recorded episode")
        wait_until(lambda: shades(framebuffer(picture)) > SHADES_OF_A_PICTURE, "a picture of the scene")
        interrupted(viewing)
    finally:
        viewing.kill()


KEYS = """
from recordings import make_recording, with_reference
from rlkit.media.viewers import Frame, open_viewer

recording = with_reference(make_recording())
viewer = open_viewer("native", mjcf=recording.mjcf, title="Cart", num_envs=3, control_period=0.001)
frame = Frame(0, 0, 1, 0.02, recording.arrays["qpos"][1], 1.0, 1.0, {"alive": 1.0}, "iteration 7",
              {"cart_error": 0.4}, recording.arrays["ghost"][1])
viewer.offer_checkpoints(["best", "last"], "last")
viewer.show(frame)
assert viewer._window.user_scn.ngeom == 2  # cart and arm of the reference; the ball is where it is
for key in (ord("F"), ord("C"), ord("P"), ord("R"), 265, ord("Q")):
    viewer.press(key)
asked, later = viewer.poll_input(), viewer.poll_input()
assert asked.push[0] == "ball" and abs(sum(f * f for f in asked.push[1:]) - 400) < 1e-6, asked
assert (asked.checkpoint, asked.restart, asked.env, viewer.env) == ("best", True, 2, 2), asked
assert (later.push, later.checkpoint, later.restart, later.env) == (None, None, False, 2), later
assert viewer.pacer.speed == 2.0
viewer.press(ord(" "))
viewer.press(262)
viewer.show(frame)  # one step of a pause
assert viewer.pacer.paused and not viewer.closed
viewer.close()
viewer.show(frame)  # nothing waits for a window that is closed
assert viewer.closed
print("well")
"""


def test_keys_of_the_window_are_input(display) -> None:
    screen, _ = display
    done = python(KEYS, DISPLAY=screen)
    assert done.stdout == "well\n", done.stderr
    assert done.returncode == 0


def test_a_display_that_does_not_answer_is_told(tmp_path) -> None:
    save(tmp_path / "episode.npz", make_recording())
    viewing = command("view", "episode.npz", "--viewer", "native", cwd=tmp_path, DISPLAY=":987")
    out, _ = viewing.communicate(timeout=60)
    assert viewing.returncode == 2
    assert ":987" in out
    assert "viewer=web" in out


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "support")])
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
