"""Draws docs/images/objects.png: what the hand finds in front of it. Run as `python docs/site/objects.py`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from rlkit.media.gl import choose_gl

OUT = Path(__file__).parents[1] / "images" / "objects.png"
TILE = (350, 300)  # px
ROW = 3
CROP = (70, 60, 70, 0)  # px, of a picture that is drawn larger: left, top, right, bottom
PROFILE = ((0.0, 0.0), (50.0, 0.0), (50.0, 25.0), (25.0, 45.0), (0.0, 25.0))  # mm, a little house
DEPTH = 40.0  # mm


def house() -> str:
    """A mesh in millimetres, as an OBJ file."""
    count = len(PROFILE)
    points = [(x, y, z) for y in (0.0, DEPTH) for x, z in PROFILE]
    sides = [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
    faces = [tuple(range(count)), tuple(range(2 * count - 1, count - 1, -1)), *(side[::-1] for side in sides)]
    lines = [*(f"v {x} {y} {z}" for x, y, z in points)]
    return "\n".join([*lines, *("f " + " ".join(str(corner + 1) for corner in face) for face in faces)])


def draw() -> None:
    """Write the picture: a tile for each object of a set."""
    os.environ["MUJOCO_GL"] = choose_gl()
    from rlkit.config import compose
    from rlkit.media.caption import burn
    from rlkit.media.renderer import SceneRenderer
    from rlkit.runtime.build import build_env
    from rlkit.runtime.process.ranks import Ranks

    with tempfile.TemporaryDirectory() as folder:
        mesh = Path(folder, "house.obj")
        mesh.write_text(house(), encoding="utf-8")
        objects = (
            "{shape: box, size: 0.05, mass: 0.1},{shape: box, size: [0.09, 0.045, 0.045], mass: 0.15, name: brick},"
            "{shape: cylinder, radius: 0.025, height: 0.06, mass: 0.1},"
            "{shape: capsule, radius: 0.022, height: 0.09, mass: 0.1},{shape: sphere, radius: 0.028, mass: 0.1},"
            f"{{shape: mesh, file: {mesh}, scale: 0.001, density: 800}}"
        )
        words = [
            "task=BoxGrasping",
            f"task.objects=[{objects}]",
            "numEnvs=6",
            "device=cpu",
            "sim=mujoco",
            "seed=4",
        ]
        env = build_env(compose(words), Ranks())
        env.reset()
    left, top, right, bottom = CROP
    size = (TILE[0] + left + right, TILE[1] + top + bottom)
    poses, tiles = env.poses(range(6))["qpos"], []
    for number in range(6):
        renderer = SceneRenderer(str(env.model_of(number)), *size, poses=[poses[number]])
        try:
            picture = renderer.frame(poses[number])
        finally:
            renderer.close()
        cut = np.ascontiguousarray(picture[top : top + TILE[1], left : left + TILE[0]])
        tiles.append(burn(cut, env.playing(number)))
    env.close()
    rows = [np.concatenate(tiles[i : i + ROW], axis=1) for i in range(0, len(tiles), ROW)]
    Image.fromarray(np.concatenate(rows)).quantize(256).save(OUT, optimize=True)


if __name__ == "__main__":
    draw()
