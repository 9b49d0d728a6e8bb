"""`rlkit try`: steps a task under an agent, shows and films it, and tells what its terms gave."""

from __future__ import annotations

import logging
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import torch
from rich.console import Console

from rlkit.config import ConfigError, Experiment
from rlkit.env.api import Observations, VecEnv
from rlkit.errors import FAILED, RlkitError, interrupted_by
from rlkit.media import recording as recordings
from rlkit.media.recording import Recording
from rlkit.media.render import make
from rlkit.runtime.build import build_env
from rlkit.runtime.playing.rollout import EpisodeProgress
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.seeding import seed_everything
from rlkit.runtime.process.stopping import StopRequest
from rlkit.runtime.watching.available import viewer_for
from rlkit.runtime.watching.live import LiveView
from rlkit.runtime.watching.recorder import Recorder, facts_of
from rlkit.tryout.agents import Agent, make_agent
from rlkit.tryout.request import TryRequest
from rlkit.tryout.tables import lines
from rlkit.tryout.tally import Tally
from rlkit.untrusted import printable

log = logging.getLogger("rlkit")


def try_task(request: TryRequest, console: Console) -> int:
    """Do it; returns the exit status. Raises ConfigError where the agent cannot act in the task.

    What fails on the way, as a number that is not finite in any step, ends it with status 1: what was counted before is
    told, then the error that names term, env and step.
    """
    experiment = request.experiment
    torch.set_num_threads(1)
    seed_everything(experiment.training.seed, deterministic=False)
    task, sim, num_envs = experiment.task_name, experiment.sim.name, experiment.env.num_envs
    log.info("%s: agent=%s in %d envs on %s", task, request.agent, num_envs, sim)
    for note in experiment.notes:
        log.warning("%s", note)
    try:
        with closing(build_env(experiment, Ranks())) as env:
            trial = _Trial(request, env)
            try:
                stopped_by = trial.play()
            finally:
                if trial.tally.seen:
                    _tell(console, trial.tally, experiment)
        if request.video is not None and trial.film is not None:
            log.info("%s", _filmed(trial.film, request.video, experiment))
    except ConfigError:
        raise
    except RlkitError as error:
        log.error("%s", error)
        return FAILED
    return 0 if stopped_by is None else interrupted_by(stopped_by)


class _Trial:
    """One go at a task: what is counted, and what is to be filmed."""

    def __init__(self, request: TryRequest, env: VecEnv) -> None:
        self.request, self.env = request, env
        self.tally = Tally(env, request.episodes)
        self.film: Recording | None = None  # the first episode of env 0
        period = env.spec.control_period
        self._steps = None if request.seconds is None else max(1, round(request.seconds / period))

    @torch.no_grad()
    def play(self) -> int | None:
        """Play until all is counted and filmed and nobody watches; the signal that ended it before, if one did."""
        env, experiment = self.env, self.request.experiment
        everyone = list(range(env.spec.num_envs))
        recorder = None
        if self.request.video is not None:
            recorder = Recorder(env, [0], facts_of(experiment), self._take)
        obs = env.reset()
        agent = make_agent(self.request.agent, env, experiment.training.seed)
        env.watch(everyone)
        if recorder is not None:
            recorder.begin()
        with ExitStack() as stack:
            viewer = viewer_for(experiment, env)
            live = None if viewer is None else LiveView(stack.enter_context(closing(viewer)), env, everyone)
            stop = stack.enter_context(StopRequest() if live is None else StopRequest(live.let_go))
            self._loop(obs, agent, recorder, live, stop)
            return stop.signal if stop.asked and not self.complete else None

    def _loop(
        self,
        obs: Observations,
        agent: Agent,
        recorder: Recorder | None,
        live: LiveView | None,
        stop: StopRequest,
    ) -> None:
        progress, told = EpisodeProgress(self.tally.episodes, self.env), False
        while not stop.asked and not (self.complete and live is None):
            if live is not None:
                if live.viewer.closed:
                    return
                obs = self._obey(live, obs)
                live.before_step()
            actions = agent(obs)
            step = self.tally.step(obs, actions)
            if recorder is not None:
                recorder.add(obs, actions, step)
            if live is not None:
                live.after_step(step, f"agent={self.request.agent}")
            obs = step.obs
            if not self.complete:
                progress.step()
            elif live is not None and not told:
                told = True
                log.info("all is counted: the tables come when the viewer is closed, or with Ctrl-C")

    def _obey(self, live: LiveView, obs: Observations) -> Observations:
        """Push and restart as the viewer's user asks."""
        user = live.viewer.poll_input()
        if user.push is not None:
            body, *force = user.push
            live.push(body, force)
        if not user.restart:
            return obs
        live.restart()
        self.tally.episodes.restart()
        return self.env.reset()

    @property
    def complete(self) -> bool:
        """Whether all that was asked for has been seen."""
        over = self.tally.episodes.complete if self._steps is None else self.tally.steps >= self._steps
        return over and (self.request.video is None or self.film is not None)

    def _take(self, recording: Recording) -> None:
        self.film = self.film or recording


def _tell(console: Console, tally: Tally, experiment: Experiment) -> None:
    for line in lines(tally, experiment.task.get("rewardWeights", {})):
        console.print(printable(line), markup=False, highlight=False, soft_wrap=True)


def _filmed(film: Recording, out: Path, experiment: Experiment) -> str:
    """Make the video and say so; raises RenderError."""
    env = experiment.env
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "episode.npz"
        recordings.save(path, film)
        return make([path], out, (env.video_width, env.video_height), env.camera, experiment.trusted)
