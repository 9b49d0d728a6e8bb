"""What Warp refuses of a scene, without compiling its kernels."""

# pyright: reportMissingImports=false

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from typing import Iterator

from rlkit.sims.api import PhysicsSettings, SceneSpec, SimulatorError
from rlkit.sims.mjmodel.scene import build_scene  # first: refuses an unusable version of mujoco

import mujoco_warp as mjw  # isort: skip
import warp as wp  # isort: skip

_NO_DRIVER = b"Warp CUDA warning: Could not find or load the NVIDIA CUDA driver"


def check_scene(spec: SceneSpec, physics: PhysicsSettings) -> None:
    """Raise SimulatorError naming what sim=warp cannot simulate."""
    quiet()
    scene = build_scene(spec, physics)
    model = scene.model if scene.sensors is None else scene.sensors.model
    try:
        with wp.ScopedDevice("cpu"):
            mjw.put_model(model)
    except (NotImplementedError, ValueError) as error:
        raise SimulatorError(f"sim=warp cannot simulate this scene: {error} Use sim=mujoco.") from error


def quiet() -> None:
    """Warp would print a banner and a line for each module it loads, unless the user asked it to."""
    if wp.config.log_level == wp.LOG_INFO:
        wp.config.log_level = wp.LOG_WARNING
    with _without_a_driver():
        wp.init()


@contextmanager
def _without_a_driver() -> Iterator[None]:
    """Warp's library writes to stderr that there is no CUDA driver: no news on a machine without a GPU."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said:
                if not line.startswith(_NO_DRIVER):
                    os.write(2, line)
