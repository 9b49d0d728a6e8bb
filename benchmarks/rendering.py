"""How fast an episode of BoxGrasping becomes a video, with each OpenGL that works here.

1000 steps (20 s) of random actions are simulated, then drawn at 640x480 and encoded as rlkit.media.render does it,
in a process a kind of OpenGL. Beside it: frames drawn with the model's own settings (shadows, 4x multisampling).
The aim: less time than the episode lasts.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS, PERIOD, SIZE = 1000, 0.02, (640, 480)
DEFAULT_FRAMES = 50


def main() -> None:
    """Measure each OpenGL in a process of its own, then say whether the aim was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rendering", description=__doc__)
    parser.add_argument("--one", metavar="FILE.npz", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measure(arguments.one)
        return

    from rlkit.media.gl import RenderError, choose_gl

    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; {STEPS} steps, {SIZE[0]}x{SIZE[1]}"
    )
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "episode.npz"
        record(recording)
        for name in ("egl", "osmesa"):
            os.environ["MUJOCO_GL"] = name
            try:
                choose_gl()
            except RenderError:
                print(f"{name}: does not work here")
                continue
            subprocess.run(
                [sys.executable, "-m", "benchmarks.rendering", "--one", str(recording)], check=True
            )


def record(path: Path) -> None:
    """Simulate one env under random actions that change every half second, and save its poses."""
    import mujoco
    import numpy as np

    from rlkit.config import compose
    from rlkit.media.recording import Recording, save
    from rlkit.tasks.registry import task_class

    mjcf = task_class("BoxGrasping").scene(compose(["task=BoxGrasping"]).task).mjcf
    model = mujoco.MjModel.from_xml_string(mjcf)
    data, random = mujoco.MjData(model), np.random.default_rng(0)
    low, high = model.actuator_ctrlrange.T
    qpos = np.zeros((STEPS + 1, model.nq))
    for step in range(STEPS + 1):
        qpos[step] = data.qpos
        if step % 25 == 0:
            data.ctrl[:] = 0.3 * random.uniform(low, high)
        mujoco.mj_step(model, data, round(PERIOD / model.opt.timestep))
    header = {
        "schema": 1,
        "task": "BoxGrasping",
        "engine": "simulator",
        "control_period": PERIOD,
        "names": {},
        "length": STEPS,
        "iteration": 0,
    }
    steps = np.arange(STEPS + 1)
    arrays = {"steps": steps, "time": PERIOD * steps, "qpos": qpos, "rewards": np.ones(STEPS)}
    save(path, Recording(header, {**arrays, "mjcf": np.frombuffer(mjcf.encode(), np.uint8)}))


def measure(path: Path) -> None:
    """One line: the whole video, and the model's own settings, with the OpenGL that MUJOCO_GL names."""
    from rlkit.media.recording import load
    from rlkit.media.video import write_video

    recording = load(path)
    started, used = time.perf_counter(), os.times()
    film = write_video([recording], path.with_suffix(".mp4"), size=SIZE)
    elapsed, now = time.perf_counter() - started, os.times()
    cpu = now.user + now.system + now.children_user + now.children_system
    cpu -= used.user + used.system + used.children_user + used.children_system
    plain = default_settings(recording.mjcf, recording.arrays["qpos"])
    met = "faster than real time" if elapsed < film.seconds else "SLOWER THAN REAL TIME"
    print(
        f"{os.environ['MUJOCO_GL']}: {film.frames} frames in {elapsed:.1f} s: {1e3 * elapsed / film.frames:.1f} ms"
        f" ({1e3 * cpu / film.frames:.1f} ms of CPU) a frame, {film.seconds / elapsed:.2f} x real time, {met};"
        f" the model's own settings, not encoded: {1e3 * plain:.1f} ms a frame, {plain * film.frames / elapsed:.1f} x"
        " as long"
    )


def default_settings(mjcf: str, poses: object) -> float:
    """Seconds a frame as `mujoco.Renderer` draws the model when nothing is changed."""
    import mujoco
    import numpy as np

    poses = np.asarray(poses)
    model = mujoco.MjModel.from_xml_string(mjcf)
    data = mujoco.MjData(model)
    renderer = mujoco.Renderer(model, SIZE[1], SIZE[0])
    started = time.perf_counter()
    for qpos in poses[:: len(poses) // DEFAULT_FRAMES][:DEFAULT_FRAMES]:
        data.qpos[:] = qpos
        mujoco.mj_forward(model, data)
        renderer.update_scene(data)
        renderer.render()
    elapsed = time.perf_counter() - started
    renderer.close()
    return elapsed / DEFAULT_FRAMES


if __name__ == "__main__":
    main()
