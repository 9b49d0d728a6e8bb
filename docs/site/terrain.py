"""Draws docs/images/terrain.png: every kind of patch, a row a level. Run as `python docs/site/terrain.py`."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from PIL import Image

from rlkit.media.gl import choose_gl

OUT = Path(__file__).parents[1] / "images" / "terrain.png"
KINDS = "flat,rough,slope_up,slope_down,stairs_up,stairs_down,stones"
WORDS = (
    f"task.terrain.kinds=[{KINDS}]",
    "task.terrain.levels=3",
    "task.terrain.size=5.0",
    "task.terrain.border=1.0",
)
SIZE = (1100, 500)  # px
PLACE, DOWN = (-12.0, 15.0, 15.0), math.radians(38.0)  # m; how far the camera looks down
LIGHT = (
    '<light directional="true" dir="0.3 0.9 -0.45" diffuse="0.55 0.55 0.5" ambient="0 0 0"/>'  # from the side
)
PLAIN = {
    'material="tiles"': 'rgba="0.5 0.48 0.43 1"',
    'extent="0.9"': 'extent="20"',
}  # one colour, seen from afar


def draw() -> None:
    """Write the picture, without most of the sky."""
    os.environ["MUJOCO_GL"] = choose_gl()
    from rlkit.config import compose
    from rlkit.media.renderer import SceneRenderer
    from rlkit.tasks.robots.go2 import GO2
    from rlkit.tasks.velocity.quadruped_rough import QuadrupedRough

    mjcf = QuadrupedRough.scene(compose(["task=QuadrupedRough", *WORDS, "device=cpu"]).task).mjcf
    axes = f"0 -1 0 {math.sin(DOWN)} 0 {math.cos(DOWN)}"
    camera = f'<camera name="all" pos="{PLACE[0]} {PLACE[1]} {PLACE[2]}" xyaxes="{axes}" fovy="42"/>'
    stance = np.array([0.0, 0.0, GO2.stance_height, 1.0, 0.0, 0.0, 0.0, *GO2.stance])
    for one, other in PLAIN.items():
        mjcf = mjcf.replace(one, other)
    renderer = SceneRenderer(
        mjcf.replace("</worldbody>", f"{camera}{LIGHT}</worldbody>", 1), *SIZE, camera="all"
    )
    try:
        picture = Image.fromarray(renderer.frame(stance))
    finally:
        renderer.close()
    picture.crop((0, 120, *SIZE)).quantize(96).save(OUT, optimize=True)


if __name__ == "__main__":
    draw()
