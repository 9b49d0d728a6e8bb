"""The test: a trained policy plays, seen or unseen, and what it did is counted, recorded and told."""

from __future__ import annotations

import logging
import math
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Optional

import torch
from rich.console import Console

from rlkit.config import Experiment
from rlkit.env.spec import EnvError, Observations, StepInfo, VecEnv
from rlkit.learners.api import Learner, LearnerError, Policy
from rlkit.media.viewers import Viewer
from rlkit.runtime import checkpoint as checkpoints
from rlkit.runtime.checkpoint_head import CheckpointError, read_head, require_fit
from rlkit.runtime.episodes import Episodes, as_csv, as_json, results_table
from rlkit.runtime.films import EpisodeFiles, Films
from rlkit.runtime.follow import Follower
from rlkit.runtime.live import LiveView
from rlkit.runtime.progress import duration
from rlkit.runtime.recorder import Recorder, facts_of
from rlkit.runtime.seeing import viewer_for
from rlkit.runtime.startup import Startup
from rlkit.runtime.stopping import StopRequest
from rlkit.workspace import Resolved, Run, checkpoint_name, checkpoints_in, write_atomic

log = logging.getLogger("rlkit")

__test__ = False  # pytest: this module tests policies, it holds no test cases

_TELL_STEPS = 250
_TELL_SECONDS = 10.0
_POLL = 0.2  # s between two looks for a checkpoint while there is nothing to play


@torch.no_grad()
def play(
    env: VecEnv, policy: Policy, per_env: int, *, quiet: bool = False, recorder: Optional[Recorder] = None
) -> Dict[str, Any]:
    """Play `per_env` episodes in every env with `policy` and return the results; tells how far it got.

    quiet: only where it takes long.
    """
    episodes = Episodes(env, per_env)
    obs = env.reset()
    if recorder is not None:
        recorder.begin()
    progress = _Progress(episodes, env, "evaluation: " if quiet else "", steps=0 if quiet else _TELL_STEPS)
    while not episodes.complete:
        actions = policy(obs)
        result = env.step(actions)
        _count(episodes, *result[1:])
        if recorder is not None:
            recorder.add(obs, actions, *result[1:])
        obs = result[0]
        progress.step()
    return episodes.results(env.spec.control_period)


def _count(
    episodes: Episodes,
    reward: torch.Tensor,
    terminated: torch.Tensor,
    truncated: torch.Tensor,
    info: StepInfo,
) -> None:
    flags = {"success": info.success, "timeout": truncated, **info.reached}
    episodes.add(reward, terminated | truncated, flags)


class _Progress:
    """A line now and then, and at least every `_TELL_SECONDS`: how many episodes are done.

    steps: after so many, and after each quarter of the episodes, there is one in any case; 0: by the time alone.
    """

    def __init__(self, episodes: Episodes, env: VecEnv, what: str = "", steps: int = 0) -> None:
        self._episodes, self._what, self._steps = episodes, what, steps
        self._period, self._total = env.spec.control_period, episodes.per_env * env.spec.num_envs
        self._step, self._told, self._due = 0, 0, time.monotonic() + _TELL_SECONDS

    def step(self) -> None:
        """One step of all envs is over."""
        self._step += 1
        late = time.monotonic() >= self._due
        if not self._steps and not late:
            return
        done = self._episodes.done
        if late or self._step % self._steps == 0 or done - self._told > self._total // 4:
            self._told, self._due = done, time.monotonic() + _TELL_SECONDS
            simulated = duration(self._step * self._period)
            log.info("%s%d of %d episodes, %s simulated", self._what, done, self._total, simulated)


class Test:
    """One test: `testing.episodesPerEnv` episodes in every env, of each checkpoint that is followed.

    With a viewer it goes on until that is closed; the first episodes count all the same.
    """

    __test__ = False

    def __init__(
        self,
        experiment: Experiment,
        env: VecEnv,
        learner: Learner,
        source: Resolved,
        run: Run,
        console: Console,
    ) -> None:
        self.experiment, self.env, self.learner = experiment, env, learner
        self.source, self.run, self.console = source, run, console
        settings = experiment.testing
        n = env.spec.num_envs
        self.per_env = episodes_per_env(settings.games_num, settings.episodes_per_env, n)
        self.recorded = list(range(min(n, settings.record_envs)))
        self.kept = min(
            self.per_env, settings.record_episodes or self.per_env
        )  # episodes of each recorded env
        self.episodes = Episodes(env, self.per_env)
        self.policy = learner.policy(stochastic=settings.stochastic)
        self.iteration, self.checkpoint = -1, source.checkpoint
        self.results: List[Dict[str, Any]] = []  # of each checkpoint that was played to its end
        self._rows: List[Dict[str, Any]] = []  # of episodes.csv
        self._reported = False
        self.viewer: Optional[Viewer] = None
        self.live: Optional[LiveView] = None
        self.recorder: Optional[Recorder] = None
        self.follower: Optional[Follower] = None

    def play(self, startup: Startup) -> Optional[int]:
        """Play until all is counted, nothing newer will come and nobody watches; returns the signal that ended it
        before the first results were complete, if one did.

        Raises CheckpointError or LearnerError when the first checkpoint does not fit.
        """
        self._load(self.source.checkpoint)
        with ExitStack() as stack:
            count = len(self.recorded) * self.kept
            self.films = Films(
                self.run, self.experiment.env, most_waiting=count, trusted=self.experiment.trusted
            )
            stack.callback(self.films.close)
            self._prepare_files()
            self.viewer = viewer_for(self.experiment, self.env)
            if self.viewer is not None:
                stack.callback(self.viewer.close)
                watched = self.recorded if self.recorder is not None else ()
                self.live = LiveView(self.viewer, self.env, watched)
                self._offer_checkpoints()
            self._follow()
            startup.stop.over()
            stop = stack.enter_context(StopRequest() if self.live is None else StopRequest(self.live.let_go))
            self._loop(stop, startup)
            if not self._reported and self.episodes.done:
                self._report(complete=False)
            self.films.finish(stop)
            complete = any(results["complete"] for results in self.results)
            return stop.signal if stop.asked and not complete else None

    # The loop.

    @torch.no_grad()
    def _loop(self, stop: StopRequest, startup: Startup) -> None:
        obs = self._begin()
        progress = _Progress(self.episodes, self.env, steps=_TELL_STEPS)
        while not stop.asked:
            if self.episodes.complete and not self._reported:
                self._report(complete=True)
            if self.viewer is not None:
                if self.viewer.closed:
                    return
                obs = self._obey(obs)
            newer = self._newer(stop)
            if newer is not None:
                self._switch(newer)
            elif self._reported and self.viewer is None:
                return
            obs = self._step(obs)
            startup.first_step_done()
            self.films.finished()
            if not self._reported and self.viewer is None:
                progress.step()

    def _begin(self) -> Observations:
        obs = self.env.reset()
        if self.recorder is not None:
            self.recorder.begin()
        return obs

    def _step(self, obs: Observations) -> Observations:
        actions = self.policy(obs)
        if self.live is not None:
            self.live.before_step()
        result = self.env.step(actions)
        _count(self.episodes, *result[1:])
        if self.recorder is not None:
            self.recorder.add(obs, actions, *result[1:])
        if self.live is not None:
            caption = f"iteration {self.iteration}"
            self.live.after_step(result[1], result[2] | result[3], result[4], caption)
        return result[0]

    # What is seen.

    def _obey(self, obs: Observations) -> Observations:
        """Do what the viewer's user asked for."""
        assert self.viewer is not None and self.live is not None
        wishes = self.viewer.wishes()
        if wishes.push is not None:
            body, *force = wishes.push
            try:
                self.env.push(self.viewer.env, body, force)
            except EnvError as error:
                log.warning("%s", error)
            else:
                if self.recorder is not None:
                    self.recorder.pushed(self.viewer.env, body, force)
        if wishes.checkpoint is not None and self.source.run_path is not None:
            label = wishes.checkpoint
            self._switch(
                self.source.run_path / "nn" / checkpoint_name(int(label) if label.isdigit() else label)
            )
        if not wishes.restart:
            return obs
        self.episodes = Episodes(self.env, self.per_env)
        self.live.restart()
        return self._begin()

    def _offer_checkpoints(self) -> None:
        if self.viewer is None or self.source.run_path is None:
            return
        found = checkpoints_in(self.source.run_path / "nn")
        names = [str(which) for which in sorted(found, key=lambda w: (isinstance(w, int), str(w).zfill(12)))]
        playing = next((str(w) for w, path in found.items() if path == self.checkpoint), "")
        self.viewer.offer_checkpoints(names, playing)

    # Checkpoints.

    def _load(self, path: Path) -> None:
        """Raises CheckpointError or LearnerError, before anything is changed, where the file does not fit."""
        saved = checkpoints.load(path, self.env.spec.device)
        self.learner.load(saved.learner, policy_only=True)
        self.iteration, self.checkpoint = saved.iteration, path

    def _follow(self) -> None:
        interval = self.experiment.testing.reload_interval
        asked = self.experiment.training.checkpoint
        if not interval or asked is None:
            return
        follower = Follower(asked, self.source, interval)
        if follower.live or self.viewer is not None:
            self.follower = follower
            log.info("following %s: a newer checkpoint is looked for every %g s", follower.what, interval)
        else:
            log.info("%s does not train any more: nothing is reloaded", follower.what)

    def _newer(self, stop: StopRequest) -> Optional[Path]:
        """A checkpoint to go on with. Without a viewer each is played to its end, and then the next is waited for."""
        if self.follower is None or (self.viewer is None and not self._reported):
            return None
        newer = self.follower.newer(self.iteration)
        if newer is not None or self.viewer is not None:
            return newer
        log.info("waiting for a checkpoint after iteration %d (Ctrl-C ends)", self.iteration)
        while not stop.asked:
            over = not self.follower.live
            newer = self.follower.newer_now(self.iteration) if over else self.follower.newer(self.iteration)
            if newer is not None or over:
                return newer
            time.sleep(_POLL)
        return None

    def _switch(self, path: Path) -> None:
        """Let another checkpoint play from the next step on; one that does not fit is reported and passed over."""
        before = self.iteration
        try:
            require_fit(read_head(path), path, self.experiment.task_name, self.experiment.train["learner"])
            self._load(path)
        except (CheckpointError, LearnerError) as error:
            log.warning("passed over, iteration %d plays on: %s", before, error)
            return
        log.info("reloaded: iteration %d plays now (before: %d)", self.iteration, before)
        self.episodes.restart()
        self._reported = False
        if self.recorder is not None:
            self.recorder.switch_policy(iteration=self.iteration, checkpoint=path.name)
            self.files.switch_policy(self.iteration)
        self._offer_checkpoints()

    # What is kept.

    def _prepare_files(self) -> None:
        settings, video = self.experiment.testing, self.experiment.env.record_video
        if not self.recorded or not (settings.save_trajectories or video):
            return
        grid = settings.video == "grid" and video
        self.files = EpisodeFiles(self.films, len(self.recorded), self.kept, grid=grid)
        self.recorder = Recorder(
            self.env,
            self.recorded,
            facts_of(self.experiment, iteration=self.iteration, checkpoint=self.checkpoint.name),
            self.files.take,
            stride=settings.trajectory_stride,
            content=settings.trajectory_content,
        )

    def _report(self, *, complete: bool) -> None:
        """Write and print the results of the checkpoint that played."""
        self._reported = True
        period, task = self.env.spec.control_period, self.experiment.task_name
        results = self.episodes.results(period)
        results.update(
            checkpoint=str(self.checkpoint), iteration=self.iteration, task=task, complete=complete
        )
        self.results.append(results)
        for row in self.episodes.table(period):
            name = self.files.files.get((row["env"], row["episode"]), "") if self.recorder is not None else ""
            trajectory = f"trajectories/{name}.npz" if name else ""
            self._rows.append({"iteration": self.iteration, **row, "trajectory": trajectory})
        write_atomic(self.run.results, as_json({**results, **self._history()}))
        write_atomic(self.run.path / "episodes.csv", as_csv(self._rows))
        title = f"{task}, iteration {self.iteration}: {results['episodes']} episodes"
        self.console.print(results_table(results, title if complete else f"{title}, stopped early"))
        tells = bool(self.env.spec.success_criteria) or results["success_rate"] > 0
        self.run.update(
            best_return=results["return"]["mean"],
            best_success=results["success_rate"] if tells else None,
            iterations=self.iteration,
        )

    def _history(self) -> Dict[str, Any]:
        """Where several checkpoints were played: how good each was, the oldest first."""
        if len(self.results) < 2:
            return {}
        history = [
            {
                "iteration": results["iteration"],
                "return": results["return"]["mean"],
                "success_rate": results["success_rate"],
            }
            for results in self.results
        ]
        return {"history": history}


def episodes_per_env(games: Optional[int], per_env: int, num_envs: int) -> int:
    """`testing.gamesNum` asks for a total: rounded up to the same number in every env."""
    return per_env if games is None else max(1, math.ceil(games / num_envs))
