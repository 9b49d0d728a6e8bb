"""`rlkit demo`: a trained policy plays, in a viewer or on film; no run is made."""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import torch

from rlkit.env.api import VecEnv
from rlkit.errors import FAILED, RlkitError, interrupted_by
from rlkit.learners.api import Policy
from rlkit.media import recording as recordings
from rlkit.media.recording import Recording
from rlkit.media.render import make
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.seeding import seed_everything
from rlkit.runtime.process.stopping import StopRequest
from rlkit.runtime.watching.available import viewer_for
from rlkit.runtime.watching.live import LiveView
from rlkit.runtime.watching.recorder import Recorder, facts_of
from rlkit.tryout.demo_request import DemoRequest

log = logging.getLogger("rlkit")

FPS = 30  # half the pictures of a recording of 50 states a second: drawing them takes most of the time


def show(request: DemoRequest) -> int:
    """Let the policy play until the viewer is closed, or make the video; returns the exit status."""
    experiment = request.experiment
    torch.set_num_threads(1)
    seed_everything(experiment.training.seed, deterministic=False)
    try:
        with closing(build_env(experiment, Ranks())) as env:
            learner = build_learner(experiment, env)
            learner.load(
                checkpoints.load(request.source.checkpoint, env.spec.device).learner, policy_only=True
            )
            if request.film is None:
                return _watch(request, env, learner.policy())
            return _film(request, request.film, env, learner.policy())
    except RlkitError as error:
        log.error("%s", error)
        return FAILED


@torch.no_grad()
def _watch(request: DemoRequest, env: VecEnv, policy: Policy) -> int:
    """Play in a viewer, which its user closes; Ctrl-C does so too."""
    with ExitStack() as stack:
        viewer = viewer_for(request.experiment, env)
        if viewer is None:  # of what has no states to show; it has said so
            return FAILED
        stack.callback(viewer.close)
        live = LiveView(viewer, env)
        stop = stack.enter_context(StopRequest(live.let_go))
        obs, caption = env.reset(), f"iteration {request.head.iteration}"
        while not (stop.asked or viewer.closed):
            user = viewer.poll_input()
            if user.push is not None:
                live.push(user.push[0], user.push[1:])
            if user.restart:
                obs = env.reset()
                policy.forget()
                live.restart()
            actions = policy(obs)
            live.before_step()
            step = env.step(actions)
            policy.forget(step.ended)
            live.after_step(step, caption)
            obs = step.obs
    return 0


def _film(request: DemoRequest, out: Path, env: VecEnv, policy: Policy) -> int:
    """Play whole episodes until they are long enough, and make the video of them."""
    episodes, stopped_by = _episodes(request, env, policy)
    if stopped_by is not None:
        return interrupted_by(stopped_by)
    solved = sum(bool(episode.header["success"]) for episode in episodes)
    played = "1 episode" if len(episodes) == 1 else f"{len(episodes)} episodes"
    log.info("played %s, %d of them solved; drawing %g s to %s ...", played, solved, request.seconds, out)
    settings = request.experiment.env
    size = (settings.video_width, settings.video_height)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number:04d}.npz" for number in range(len(episodes))]
        for file, episode in zip(files, episodes):
            recordings.save(file, episode)
        options = ["--in-turn", "--seconds", str(request.seconds), "--fps", str(FPS)]
        log.info("%s", make(files, out, size, settings.camera, request.experiment.trusted, options))
    return 0


@torch.no_grad()
def _episodes(request: DemoRequest, env: VecEnv, policy: Policy) -> tuple[list[Recording], int | None]:
    """The first episodes of the env, together as long as the film; the signal that ended it before, if one did."""
    episodes: list[Recording] = []
    recorder = Recorder(env, [0], facts_of(request.experiment), episodes.append, content="states")
    with StopRequest() as stop:
        obs = env.reset()
        recorder.begin()
        while not stop.asked and sum(e.length * e.period for e in episodes) < request.seconds:
            actions = policy(obs)
            step = env.step(actions)
            policy.forget(step.ended)
            recorder.add(obs, actions, step)
            obs = step.obs
    return episodes, stop.signal if stop.asked else None
