"""Pictures of a MuJoCo model in given poses, drawn on the CPU faster than real time.

Set MUJOCO_GL (rlkit.media.gl.choose_gl) before this module is imported.
"""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO, Iterable

import mujoco
import numpy as np
from PIL import Image

from rlkit.media.camera import TrackingCamera
from rlkit.media.caption import burn
from rlkit.media.ghost import GhostGeoms
from rlkit.media.gl import RenderError
from rlkit.media.shadows import GroundShadows
from rlkit.sims.mjcf import unpacked
from rlkit.workspace import write_atomic

# These draw the scene several times; 4x multisampling costs three times the rest together.
SLOW_FLAGS = (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION)
_SKY_TOP, _SKY_LOW = (0.45, 0.62, 0.85), (0.93, 0.96, 1.0)
_TILE_LIGHT, _TILE_DARK = (0.86, 0.88, 0.90), (0.74, 0.77, 0.81)
_TILES_PER_METRE = 4.0
_GROUND = (40.0, 40.0, 2.0)  # m: half its sides, and the edge of the squares that it is lit by
_EDGE, _EDGE_PIXELS = (0.25, 0.25, 0.25), 64  # the fewer pixels, the wider the edge
MAX_GEOMS = 20_000


class SceneRenderer:
    """Draws one model, pose after pose; close it, or EGL prints errors when Python ends.

    `camera`: the name of one of the model's; without it, one that frames what moves and goes along with it.
    `poses` [S, nq]: it stands far enough away for these, by default for the first one drawn.
    Raises RenderError for a model or camera that cannot be drawn.
    """

    def __init__(
        self, mjcf: str, width: int, height: int, camera: str | None = None, poses: Iterable[np.ndarray] = ()
    ) -> None:
        model = _compiled(visual_spec(mjcf, width, height))
        self._model, self._data = model, mujoco.MjData(model)
        self._camera: Any = TrackingCamera(model, width / height) if camera is None else None
        self._fixed = -1 if camera is None else _camera_id(model, camera)
        self._shadows = GroundShadows(model)
        self._ghost: GhostGeoms | None = None
        for qpos in poses if self._camera else ():
            self._pose(qpos)
            self._camera.include(self._data)
        try:
            self._renderer = mujoco.Renderer(model, height, width, max_geom=MAX_GEOMS)
        except (mujoco.FatalError, RuntimeError) as error:
            raise RenderError(f"OpenGL cannot draw a picture of {width}x{height}: {error}") from error

    def frame(self, qpos: np.ndarray, caption: str = "", ghost: np.ndarray | None = None) -> np.ndarray:
        """The picture [height, width, 3] uint8 of a pose (qpos [nq]: m, rad, wxyz), `caption` at its bottom.

        ghost: another pose [nq], shown translucent.
        """
        self._pose(qpos)
        self._renderer.update_scene(self._data, self._camera.aim(self._data) if self._camera else self._fixed)
        self._shadows.add(self._renderer.scene)
        if ghost is not None:
            self._ghost = self._ghost or GhostGeoms(self._model)
            self._ghost.add(self._renderer.scene, self._data, ghost)
        for flag in SLOW_FLAGS:
            self._renderer.scene.flags[flag] = False
        return burn(self._renderer.render(), caption)

    def _pose(self, qpos: np.ndarray) -> None:
        if qpos.shape != (self._model.nq,):
            raise RenderError(f"the model's pose has {self._model.nq} numbers, the recorded one {qpos.size}")
        pose(self._model, self._data, qpos)

    def close(self) -> None:
        """Free the OpenGL context."""
        self._renderer.close()


def pose(model: Any, data: Any, qpos: np.ndarray) -> None:
    """Put everything where this pose (qpos [nq]: m, rad, wxyz) has it, without dynamics."""
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    mujoco.mj_comPos(model, data)  # cameras and lights may follow centres of mass
    mujoco.mj_camlight(model, data)
    mujoco.mj_tendon(model, data)


def draw(mjcf: str, qpos: np.ndarray, out: Path, size: tuple[int, int] = (960, 720)) -> None:
    """Write a picture (.png), `size` in px, of a pose (qpos [nq]: m, rad, wxyz).

    Raises RenderError, and WorkspaceError where it cannot be written.
    """
    renderer = SceneRenderer(mjcf, *size, poses=[qpos])
    try:
        picture = Image.fromarray(renderer.frame(qpos))
    finally:
        renderer.close()

    def write(handle: BinaryIO) -> None:
        picture.save(handle, format="png")

    write_atomic(out, write)


def visual_spec(mjcf: str, width: int, height: int) -> Any:
    """The model with a sky, a ground, edges and light that its author left out, for pictures of at most this size.

    Poses mean the same. Raises RenderError for a text that is no model.
    """
    try:
        text, files = unpacked(mjcf)
        spec = mujoco.MjSpec.from_string(text, assets=files)
        visual = spec.visual
        visual.global_.offwidth, visual.global_.offheight = width, height
        visual.quality.offsamples = 0
        visual.headlight.ambient = np.maximum(visual.headlight.ambient, 0.4)
        visual.headlight.diffuse = np.maximum(visual.headlight.diffuse, 0.4)
        visual.headlight.specular = np.minimum(visual.headlight.specular, 0.2)
        if not spec.lights:
            spec.worldbody.add_light(
                type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, dir=(-0.3, 0.4, -1.0), diffuse=(0.6, 0.6, 0.6)
            )
        _add_sky(spec)
        _tile_ground(spec)
        _edge_boxes(spec)
        return spec
    except ValueError as error:
        raise RenderError(f"MuJoCo cannot read the recorded model: {error}") from error


def _compiled(spec: Any) -> Any:
    try:
        return spec.compile()
    except ValueError as error:
        raise RenderError(f"MuJoCo cannot read the recorded model: {error}") from error


def _add_sky(spec: Any) -> None:
    skybox = mujoco.mjtTexture.mjTEXTURE_SKYBOX
    if not any(texture.type == skybox for texture in spec.textures):
        spec.add_texture(
            name="rlkit_sky",
            type=skybox,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
            rgb1=_SKY_TOP,
            rgb2=_SKY_LOW,
            width=128,
            height=768,
        )


def _tile_ground(spec: Any) -> None:
    """Planes of the world without a material become wide and chequered, so that motion over them shows."""
    plane = mujoco.mjtGeom.mjGEOM_PLANE
    bare = [geom for geom in spec.worldbody.geoms if geom.type == plane and not geom.material]
    if not bare:
        return
    spec.add_texture(
        name="rlkit_tiles",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=_TILE_LIGHT,
        rgb2=_TILE_DARK,
        width=128,
        height=128,
    )
    tiles = spec.add_material(
        name="rlkit_tiles", texrepeat=[_TILES_PER_METRE / 2] * 2, texuniform=True, specular=0.0
    )
    tiles.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "rlkit_tiles"
    for geom in bare:
        geom.material, geom.rgba = "rlkit_tiles", (1.0, 1.0, 1.0, 1.0)
        if (geom.size[:2] > 0.0).all():  # an endless plane stays one: it costs half as much again to draw
            geom.size = np.maximum(geom.size, _GROUND)


def _edge_boxes(spec: Any) -> None:
    """Boxes without a material have dark edges, so that their faces can be told apart in any light."""
    bare = [geom for geom in spec.geoms if geom.type == mujoco.mjtGeom.mjGEOM_BOX and not geom.material]
    if not bare:
        return
    spec.add_texture(
        name="rlkit_edges",
        type=mujoco.mjtTexture.mjTEXTURE_CUBE,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=(1.0, 1.0, 1.0),
        rgb2=(1.0, 1.0, 1.0),
        markrgb=_EDGE,
        width=_EDGE_PIXELS,
        height=_EDGE_PIXELS,
    )
    edges = spec.add_material(name="rlkit_edges")
    edges.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "rlkit_edges"
    for geom in bare:
        geom.material = "rlkit_edges"


def _camera_id(model: Any, name: str) -> int:
    names = [model.camera(index).name for index in range(model.ncam)]
    if name not in names:
        has = f"it has: {', '.join(names)}" if names else "it has none; leave the camera out"
        raise RenderError(f"the model has no camera '{name}'; {has}")
    return names.index(name)
