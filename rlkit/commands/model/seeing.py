"""A robot to look at: a picture, a page, a window."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rlkit.untrusted import printable

if TYPE_CHECKING:
    from rlkit.sims.api import SceneSpec

_PERIOD = 0.02  # s between two looks at a viewer


def draw_scene(scene: SceneSpec, out: Path) -> None:
    """Write a picture of where the scene starts; MuJoCo's OpenGL must have been chosen."""
    from rlkit.media.renderer import draw
    from rlkit.sims.robots.described import start_pose

    draw(scene.mjcf, start_pose(scene), out)
    print(printable(f"\nwrote {out}"))


def show_scene(scene: SceneSpec, arguments: argparse.Namespace) -> None:
    """Show where the scene starts until Ctrl-C, or until the window is closed; raises ViewerError."""
    from rlkit.media.viewers import choose_viewer, open_viewer
    from rlkit.media.viewers.api import Frame
    from rlkit.sims.robots.described import start_pose

    viewer = open_viewer(
        choose_viewer(arguments.viewer), mjcf=scene.mjcf, title=arguments.what, num_envs=1,
        control_period=_PERIOD, port=arguments.port,
    )  # fmt: skip
    if viewer.address:
        print(f"watch at {viewer.address} (Ctrl-C ends)", flush=True)
    pose, step = start_pose(scene), 0
    try:
        while not viewer.closed:
            viewer.show(Frame(env=0, episode=0, step=step, time=step * _PERIOD, qpos=pose))
            viewer.poll_input()
            step += 1
    except KeyboardInterrupt:
        print("ended", flush=True)
    finally:
        viewer.close()
