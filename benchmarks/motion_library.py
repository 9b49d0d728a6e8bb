"""An hour of motions in a library: `python -m benchmarks.motion_library` prints its size, and what it takes.

CPU seconds of one thread, which other work on the machine disturbs least.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from rlkit.motion.clip import Clip, make_clip
from rlkit.motion.kinematics import Kinematics
from rlkit.motion.library import MotionLibrary
from rlkit.motion.robots import find_robot

FPS, SECONDS, CLIPS = 50, 10, 360
ENVS, AHEAD, REPEATS = 4096, (0.02, 0.04, 0.16), 20


def hour() -> list[Clip]:
    """An hour of an H1 at 50 Hz, in clips of ten seconds, every other one a loop."""
    robot = find_robot("h1")
    moment = np.arange(FPS * SECONDS + 1)[:, None] / FPS
    zero = np.zeros_like(moment)
    root_pos = np.hstack((moment, zero, zero + 0.98))
    root_quat = np.hstack((np.cos(0.1 * moment), zero, zero, np.sin(0.1 * moment)))
    phase = 4 * np.pi * moment / SECONDS  # the end is the beginning
    joint_pos = 0.3 * np.sin(phase + np.arange(len(robot.joints)))
    facts = {"fps": FPS, "source": "made by the benchmark", "licence": "Apache-2.0"}
    return [
        make_clip(robot, root_pos, root_quat, joint_pos, loop=bool(k % 2), name=f"clip{k}", **facts)  # type: ignore[arg-type]
        for k in range(CLIPS)
    ]


def main() -> None:
    torch.set_num_threads(1)
    clips, kinematics = hour(), Kinematics(find_robot("h1"))
    start = time.process_time()
    library = MotionLibrary(clips, kinematics)
    print(f"an hour of H1 at {FPS} Hz, {CLIPS} clips: {library.nbytes / 1e6:.0f} MB", end="")
    print(f", loaded in {time.process_time() - start:.2f} s")
    draw = torch.Generator().manual_seed(0)
    ids = torch.randint(CLIPS, (ENVS,), generator=draw)
    times = torch.rand(ENVS, generator=draw) * 30.0
    ahead = torch.tensor(AHEAD)
    for name, ask in (
        (f"state of {ENVS} envs", lambda: library.state(ids, times)),
        (f"{len(AHEAD)} future states of each", lambda: library.future(ids, times, ahead)),
    ):
        ask()
        start = time.process_time()
        for _ in range(REPEATS):
            ask()
        print(f"{name}: {(time.process_time() - start) / REPEATS * 1e3:.1f} ms")


if __name__ == "__main__":
    main()
