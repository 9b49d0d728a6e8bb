"""Pictures of many envs at once, drawn by threads that have an OpenGL each."""

# MuJoCo's bindings are compiled and ship no stubs
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import importlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Sequence

import mujoco
import numpy as np

from rlkit.env.cameras.settings import Camera
from rlkit.media.cameras.scene import camera_model
from rlkit.media.gl import RenderError, choose_gl
from rlkit.media.renderer import MAX_GEOMS, SLOW_FLAGS, pose

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green, blue: ITU-R BT.601


class CameraPainter:
    """Draws the states of envs into `pictures` [num_envs, bytes] uint8, a row an env, camera behind camera.

    OpenGL and MuJoCo let go of Python's lock while they draw, so threads draw beside each other and beside the env.
    models: MJCF texts that envs may have; one, where they do not differ. threads: how many; each has an OpenGL context
    and the models of its own. Raises RenderError where this machine draws nothing, or the models lack what cameras
    name.
    """

    def __init__(self, models: Sequence[str], cameras: Sequence[Camera], num_envs: int, threads: int) -> None:
        sizes = [camera.image.size for camera in cameras]
        self.pictures = np.zeros((num_envs, sum(sizes)), np.uint8)
        drawn = [camera_model(mjcf, cameras) for mjcf in models]
        contexts = _contexts(cameras, max(1, min(threads, num_envs)))
        self._easels = [_Easel(context, cameras, self.pictures) for context in contexts]
        # A pool each, because an OpenGL context belongs to one thread
        self._threads = [ThreadPoolExecutor(1, thread_name_prefix="camera") for _ in contexts]
        self._begun: list[Future[None]] = []
        self._each(lambda easel: easel.set_up(drawn))

    def paint(self, envs: Sequence[int], qpos: np.ndarray, models: Sequence[int], due: np.ndarray) -> None:
        """Begin to draw the envs `envs` (k), each once, at `qpos` [k, nq] (m, rad, wxyz) of their `models` (k).

        due: [k, cameras] bool, the pictures that are wanted; the others stay as they are. `qpos` must not be written
        to before `wait`. A state that is not finite is drawn black.
        """
        share = -(-len(envs) // len(self._threads))
        for number, (thread, easel) in enumerate(zip(self._threads, self._easels)):
            part = slice(number * share, (number + 1) * share)
            if envs[part]:
                self._begun.append(
                    thread.submit(easel.paint, envs[part], qpos[part], models[part], due[part])
                )

    def wait(self) -> None:
        """Return when all that was begun is drawn; raises what went wrong with it."""
        begun, self._begun = self._begun, []
        for part in begun:
            part.result()

    def close(self) -> None:
        """Free the OpenGL contexts and end the threads."""
        self._each(lambda easel: easel.close())
        for thread in self._threads:
            thread.shutdown()
        self._threads, self._easels = [], []

    def _each(self, do: Any) -> None:
        self._begun += [thread.submit(do, easel) for thread, easel in zip(self._threads, self._easels)]
        self.wait()


@lru_cache(maxsize=1)
def _imported_gl() -> Any:
    """MuJoCo's module of the OpenGL that draws here; a process has one, which cannot be changed once it is loaded."""
    name, before = choose_gl(), os.environ.get("PYOPENGL_PLATFORM")
    module = importlib.import_module(f"mujoco.{name}")
    if before is None:  # which the import sets, for itself: other processes choose anew
        os.environ.pop("PYOPENGL_PLATFORM", None)
    return module


def _contexts(cameras: Sequence[Camera], count: int) -> list[Any]:
    """OpenGL contexts for pictures as large as the largest; here one after another: the first opens the display."""
    gl = _imported_gl()
    height, width = (max(camera.size[axis] for camera in cameras) for axis in (0, 1))
    try:
        return [gl.GLContext(width, height) for _ in range(count)]
    except (ImportError, RuntimeError) as error:
        raise RenderError(
            f"task.cameras: there is no OpenGL for {count} threads: {error}; sim.numThreads=1 asks for one"
        ) from error


class _Stage:
    """One model, ready to be drawn with the OpenGL of one thread."""

    def __init__(self, model: Any, cameras: Sequence[int]) -> None:
        self.model, self.data = model, mujoco.MjData(model)
        self.scene = mujoco.MjvScene(model, MAX_GEOMS)
        for flag in SLOW_FLAGS:
            self.scene.flags[flag] = False
        self.context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        self.context.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZERONEAR
        self.views = [mujoco.MjvCamera() for _ in cameras]
        for view, number in zip(self.views, cameras):
            view.type, view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, number
        near, far = (getattr(model.vis.map, name) * model.stat.extent for name in ("znear", "zfar"))
        self.near, self.nearness = near, 1.0 - near / far


class _Easel:
    """What one thread draws with; but for its making, all of it happens there."""

    def __init__(self, context: Any, cameras: Sequence[Camera], pictures: np.ndarray) -> None:
        self._context, self._cameras, self._pictures = context, cameras, pictures
        self._stages: list[_Stage] = []
        self._option, self._perturb = mujoco.MjvOption(), mujoco.MjvPerturb()
        self._all = int(mujoco.mjtCatBit.mjCAT_ALL)
        self._buffer = int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN)
        ends = np.cumsum([0, *(camera.image.size for camera in cameras)])
        self._columns = [slice(begin, end) for begin, end in zip(ends[:-1], ends[1:])]
        self._rects = [mujoco.MjrRect(0, 0, camera.size[1], camera.size[0]) for camera in cameras]
        self._rgb = [np.zeros((*camera.size, 3), np.uint8) for camera in cameras]
        self._depth = [np.zeros(camera.size, np.float32) for camera in cameras]

    def set_up(self, models: Sequence[tuple[Any, list[int]]]) -> None:
        """Take the OpenGL context to this thread and load the models into it."""
        try:
            self._context.make_current()
            self._stages = [_Stage(model, cameras) for model, cameras in models]
        except (mujoco.FatalError, RuntimeError) as error:
            raise RenderError(f"OpenGL cannot draw the pictures of task.cameras: {error}") from error

    def paint(self, envs: Sequence[int], qpos: np.ndarray, models: Sequence[int], due: np.ndarray) -> None:
        """See `CameraPainter.paint`."""
        finite = np.logical_and.reduce(np.isfinite(qpos), axis=1)
        for env, state, model, wanted, sane in zip(envs, qpos, models, due, finite):
            if not sane:
                self._pictures[env] = 0
                continue
            stage = self._stages[model]
            pose(stage.model, stage.data, state)
            for number in np.flatnonzero(wanted).tolist():
                self._draw(stage, number, self._pictures[env, self._columns[number]])

    def _draw(self, stage: _Stage, number: int, picture: np.ndarray) -> None:
        """One camera's picture, `[bytes]`; OpenGL's rows are from the bottom up."""
        camera, rect = self._cameras[number], self._rects[number]
        mujoco.mjv_updateScene(
            stage.model, stage.data, self._option, self._perturb, stage.views[number], self._all, stage.scene
        )
        mujoco.mjr_setBuffer(self._buffer, stage.context)  # there is one a model
        mujoco.mjr_render(rect, stage.scene, stage.context)
        shape = camera.image.shape
        if camera.channels == "depth":
            depth = self._depth[number]
            mujoco.mjr_readPixels(None, depth, rect, stage.context)
            metres = stage.near / (1.0 - depth[::-1] * stage.nearness)
            picture[:] = np.rint(metres.clip(max=camera.far) * (255.0 / camera.far)).reshape(-1)
            return
        rgb = self._rgb[number]
        mujoco.mjr_readPixels(rgb, None, rect, stage.context)
        if camera.channels == "grey":
            picture[:] = np.rint(rgb[::-1] @ _LUMA).reshape(-1)
        else:
            picture.reshape(shape)[:] = rgb[::-1]

    def close(self) -> None:
        """Free the models and the OpenGL context."""
        for stage in self._stages:
            stage.context.free()
        self._stages = []
        self._context.free()
