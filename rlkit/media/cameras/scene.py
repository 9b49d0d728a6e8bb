"""A task's scene with the cameras that a request asks for, as it is drawn for a policy."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, Sequence

import mujoco
import numpy as np

from rlkit.env.cameras.settings import Camera
from rlkit.media.gl import RenderError
from rlkit.media.renderer import visual_spec
from rlkit.nearest import did_you_mean

_PREFIX = "rlkit_camera_"
# Corners of round things around and along (MuJoCo's own 28 and 16 take two to three times as long), parts of a side
_ROUND, _STACKS, _QUADS = 12, 6, 2
_ENDLESS = 500.0  # m, half a side: a plane without an end is drawn in many parts, which takes 2 ms


def camera_model(mjcf: str, cameras: Sequence[Camera]) -> tuple[Any, list[int]]:
    """The compiled model, and where in it each of the cameras is.

    Raises RenderError for a body or a camera that the model does not have.
    """
    height, width = (max(camera.size[axis] for camera in cameras) for axis in (0, 1))
    spec = visual_spec(mjcf, width, height)
    _simplify(spec)
    names = [
        _named(spec, camera) if camera.camera is not None else _placed(spec, camera) for camera in cameras
    ]
    try:
        model = spec.compile()
    except ValueError as error:
        raise RenderError(f"task.cameras: MuJoCo cannot read the scene with its cameras: {error}") from error
    return model, [model.camera(name).id for name in names]


def _simplify(spec: Any) -> None:
    """Leave out what takes long to draw and hardly shows in a small picture."""
    quality = spec.visual.quality
    quality.numslices, quality.numstacks, quality.numquads = _ROUND, _STACKS, _QUADS
    for geom in spec.worldbody.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_PLANE:
            geom.size = np.where(geom.size > 0.0, geom.size, _ENDLESS)
            geom.size[2] = max(geom.size)  # length of its parts


def _named(spec: Any, camera: Camera) -> str:
    known = [other.name for other in spec.cameras if other.name]
    if camera.camera not in known:
        near = did_you_mean(
            str(camera.camera), known, f"; it has {', '.join(known)}" if known else "; it has none"
        )
        raise RenderError(
            f"task.cameras.{camera.name}.camera={camera.camera}: the model has no such camera{near}. One of your own:"
            f" task.cameras.{camera.name}.body=NAME with position and lookat in place of camera"
        )
    return str(camera.camera)


def _placed(spec: Any, camera: Camera) -> str:
    known = [body.name for body in spec.bodies if body.name]
    if camera.body not in known:
        near = did_you_mean(camera.body, known, f"; it has {', '.join(known)}")
        raise RenderError(f"task.cameras.{camera.name}.body={camera.body}: the model has no such body{near}")
    body = spec.worldbody if camera.body == "world" else spec.body(camera.body)
    name = _PREFIX + camera.name
    body.add_camera(name=name, pos=camera.position, quat=_orientation(camera), fovy=camera.fovy)
    return name


def _orientation(camera: Camera) -> np.ndarray:
    """[4] wxyz, camera to body."""
    if camera.orientation is not None:
        return np.asarray(camera.orientation)
    assert camera.lookat is not None
    back = np.subtract(camera.position, camera.lookat)
    back = back / np.linalg.norm(back)
    # Straight up or down: the body's x axis is up in the picture
    up = np.array([0.0, 0.0, 1.0]) if abs(back[2]) < 0.999 else np.array([1.0, 0.0, 0.0])
    right = np.cross(up, back)
    right = right / np.linalg.norm(right)
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, np.stack([right, np.cross(back, right), back], axis=1).reshape(-1))
    return quat
