"""Whether this machine can show and film what is asked: known before a run folder exists, without torch."""

from __future__ import annotations

import logging
import os

from rlkit.config import Experiment
from rlkit.env.api import VecEnv
from rlkit.env.cameras.settings import cameras_of
from rlkit.media.gl import RenderError, choose_gl, require_encoder
from rlkit.media.viewers import Viewer, ViewerError, choose_viewer, open_viewer
from rlkit.media.viewers.web.ports import require_free_port

log = logging.getLogger("rlkit")


def problems(experiment: Experiment) -> list[str]:
    """What cannot be shown or filmed here, in words; empty where all can."""
    found: list[str] = []
    env = experiment.env
    if env.render and experiment.engine == "simulator":
        try:
            if choose_viewer(env.viewer) == "web":
                require_free_port(env.viewer_host, env.viewer_port)
        except ViewerError as error:
            found.append(f"env.viewer={env.viewer}: {error}")
    if env.record_video:
        try:
            require_encoder()
            _require_gl(experiment)
        except RenderError as error:
            found.append(f"env.recordVideo=true: {error}")
    return found


def require_cameras(experiment: Experiment, mjcf: str) -> None:
    """Raise RenderError where this machine draws no pictures, or the scene lacks what `task.cameras` names."""
    try:
        _require_gl(experiment)
    except RenderError as error:
        raise RenderError(f"task.cameras: {error}") from error
    from rlkit.media.cameras.scene import camera_model  # only here: MuJoCo's bindings come with it

    camera_model(mjcf, cameras_of(experiment.task))


def _require_gl(experiment: Experiment) -> None:
    if experiment.env.graphics_device_id:  # 0 is what MuJoCo takes by itself
        os.environ.setdefault("MUJOCO_GL", "egl")  # the others know no device: none would be refused
        os.environ["MUJOCO_EGL_DEVICE_ID"] = str(experiment.env.graphics_device_id)
    choose_gl()


def viewer_for(experiment: Experiment, env: VecEnv) -> Viewer | None:
    """Open the viewer that the request asks for; says where it is, or once why there is none.

    A test is shown in real time, a training as fast as it goes.

    Raises ViewerError, as for a port that is taken.
    """
    settings = experiment.env
    if not settings.render:
        return None
    if env.mjcf is None:
        log.info("nothing is shown: %s has no states for a viewer", experiment.task_name)
        return None
    kind = choose_viewer(settings.viewer)
    if kind == "none":
        log.info(
            "nothing is shown: there is no display here. viewer=web shows it in a browser, "
            "env.recordVideo=true films it, render=false asks for neither"
        )
        return None
    viewer = open_viewer(
        kind,
        mjcf=env.mjcf,
        title=experiment.task_name,
        num_envs=env.spec.num_envs,
        control_period=env.spec.control_period,
        host=settings.viewer_host,
        port=settings.viewer_port,
        obeyed=experiment.kind == "test",
    )
    if viewer.address is not None:
        log.info("watch it at %s (Ctrl-C ends)", viewer.address)
    return viewer
