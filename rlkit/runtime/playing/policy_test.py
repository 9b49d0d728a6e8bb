"""The test: a trained policy plays, seen or unseen, and what it did is counted, recorded and told."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Mapping

import torch
from rich.console import Console

from rlkit.config import Experiment
from rlkit.env.api import Observations, VecEnv
from rlkit.learners.api import Learner, LearnerError
from rlkit.media.recording import Recording
from rlkit.media.viewers import Viewer
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.follow import Follower
from rlkit.runtime.checkpoints.head import CheckpointError, read_head, require_fit
from rlkit.runtime.playing import scenarios
from rlkit.runtime.playing.episodes import Episodes, as_csv, as_json, results_table
from rlkit.runtime.playing.rollout import EpisodeProgress, episodes_per_env
from rlkit.runtime.playing.scenarios import episodes_of
from rlkit.runtime.process.startup import startup
from rlkit.runtime.process.stopping import StopRequest
from rlkit.runtime.watching.available import viewer_for
from rlkit.runtime.watching.episode_videos import EpisodeFiles, EpisodeVideos
from rlkit.runtime.watching.live import LiveView
from rlkit.runtime.watching.recorder import Recorder, facts_of
from rlkit.tasks.api import Chosen
from rlkit.workspace import Resolved, Run, checkpoint_name, checkpoints_in, write_atomic

log = logging.getLogger("rlkit")

_POLL = 0.2  # s between two looks for a checkpoint while there is nothing to play


class PolicyTest:
    """One test: `testing.episodesPerEnv` episodes in every env, or each scenario once, of each checkpoint followed.

    With a viewer it goes on until that is closed; the first episodes count all the same.
    """

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
        env.ask(("policy",))
        n = env.spec.num_envs
        self._per_env = episodes_per_env(settings.games_num, settings.episodes_per_env, n)
        self.episodes = self._episodes()
        if env.spec.scenarios and settings.games_num is not None:
            noun = env.spec.scenario_noun
            log.warning(
                "testing.gamesNum is left aside: each of %d %ss is played once", self.episodes.total, noun
            )
        self.recorded = list(range(min(n, settings.record_envs, self.episodes.total)))
        # Episodes of each recorded env
        per_env = self.episodes.per_env
        self.kept = min(per_env, settings.record_episodes or per_env)
        most = len(self.recorded) * self.kept
        self.videos = EpisodeVideos(run, experiment.env, most_waiting=most, trusted=experiment.trusted)
        grid = settings.video == "grid" and experiment.env.record_video
        self.files = EpisodeFiles(self.videos, self.kept, self._recorded_of if grid else None)
        self.policy = learner.policy(stochastic=settings.stochastic)
        self.iteration, self.checkpoint = -1, source.checkpoint
        self.results: list[dict[str, Any]] = []  # of each checkpoint that was played to its end
        self._rows: list[dict[str, Any]] = []  # of episodes.csv
        self._scenarios: list[tuple[int, Mapping[str, Any]]] = []  # iteration and row, of <scenarios>.csv
        self._reported = False
        self.viewer: Viewer | None = None
        self.live: LiveView | None = None
        self.recorder: Recorder | None = None
        self.follower: Follower | None = None

    def play(self) -> int | None:
        """Play until all is counted, nothing newer will come and nobody watches; returns the signal that ended it
        before the first results were complete, if one did.

        Raises CheckpointError or LearnerError when the first checkpoint does not fit.
        """
        self._load(self.source.checkpoint)
        with ExitStack() as stack:
            stack.callback(self.videos.close)
            self._record()
            self.viewer = viewer_for(self.experiment, self.env)
            if self.viewer is not None:
                stack.callback(self.viewer.close)
                watched = self.recorded if self.recorder is not None else ()
                self.live = LiveView(self.viewer, self.env, watched)
                self._offer_checkpoints()
                if self.env.latent_size:
                    self.viewer.offer_latents(self.env.latent_size)
                showing = self.env.showing
                if showing is not None:
                    self.viewer.offer_targets(showing.choices, showing.bodies, showing.show, showing.only)
            self._follow()
            startup.stop.check()
            stop = stack.enter_context(StopRequest() if self.live is None else StopRequest(self.live.let_go))
            self._loop(stop)
            if not self._reported and self.episodes.done:
                self._report(complete=False)
            self.videos.finish(stop)
            complete = any(results["complete"] for results in self.results)
            return stop.signal if stop.asked and not complete else None

    # The loop.

    @torch.no_grad()
    def _loop(self, stop: StopRequest) -> None:
        obs = self._begin()
        progress = EpisodeProgress(self.episodes, self.env)
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
            if self.episodes.waiting:
                obs = self._begin()
            obs = self._step(obs)
            startup.report("first step")
            self.videos.finished()
            if not self._reported and self.viewer is None:
                progress.step()

    def _begin(self) -> Observations:
        obs = self.episodes.begin()
        self.policy.forget()
        if self.recorder is not None:
            self.recorder.begin(self.episodes.batch)
        return obs

    def _episodes(self) -> Episodes:
        return episodes_of(self.env, self._per_env)

    def _step(self, obs: Observations) -> Observations:
        actions = self.policy(obs)
        if self.live is not None:
            self.live.before_step()
        step = self.env.step(actions)
        self.policy.forget(step.ended)
        self.episodes.count(step)
        if self.recorder is not None:
            self.recorder.add(obs, actions, step)
        if self.live is not None:
            self.live.after_step(step, f"iteration {self.iteration}")
        return step.obs

    # What is seen.

    def _obey(self, obs: Observations) -> Observations:
        """Do what the viewer's user asked for."""
        assert self.viewer is not None and self.live is not None
        asked = self.viewer.poll_input()
        if asked.push is not None:
            body, *force = asked.push
            if self.live.push(body, force) and self.recorder is not None:
                self.recorder.pushed(self.viewer.env, body, force)
        if asked.checkpoint is not None and self.source.run_path is not None:
            label = asked.checkpoint
            self._switch(
                self.source.run_path / "nn" / checkpoint_name(int(label) if label.isdigit() else label)
            )
        if asked.latent is not None:
            self.env.hold_latent(self.viewer.env, asked.latent)
        if asked.targets is not None:
            self.env.show_targets(self.viewer.env, Chosen(*asked.targets))
        if not asked.restart:
            return obs
        self.episodes = self._episodes()
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

    def _newer(self, stop: StopRequest) -> Path | None:
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
            require_fit(read_head(path), path, self.experiment.task, self.experiment.train["learner"])
            self._load(path)
        except (CheckpointError, LearnerError) as error:
            log.warning("passed over, iteration %d plays on: %s", before, error)
            return
        log.info("reloaded: iteration %d plays now (before: %d)", self.iteration, before)
        self.policy.forget()  # what another has remembered means nothing to this one
        self.episodes.restart()
        self._reported = False
        if self.recorder is not None:
            self.recorder.switch_policy(iteration=self.iteration, checkpoint=path.name)
            self.files.switch_policy(self.iteration)
        self._offer_checkpoints()

    # What is kept.

    def _record(self) -> None:
        """Record the first envs, where that is asked for."""
        settings, video = self.experiment.testing, self.experiment.env.record_video
        if not self.recorded or not (settings.save_trajectories or video):
            return
        self.recorder = Recorder(
            self.env,
            self.recorded,
            facts_of(self.experiment, iteration=self.iteration, checkpoint=self.checkpoint.name),
            self._take,
            first_only=bool(self.env.spec.scenarios),
            stride=settings.trajectory_stride,
            content=settings.trajectory_content,
        )

    def _recorded_of(self, episode: int) -> int:
        """In how many of the recorded envs an episode of this number counts: the last scenarios may not fill them."""
        return sum(self.episodes.is_counted(env, episode) for env in self.recorded)

    def _take(self, recording: Recording) -> None:
        """Keep an episode, but for what an env plays that has no scenario."""
        if self.episodes.is_counted(recording.header["env"], recording.header["episode"]):
            self.files.take(recording)

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
            name = self.files.files.get((row["env"], row["episode"]), "")
            trajectory = f"trajectories/{name}.npz" if name else ""
            self._rows.append({"iteration": self.iteration, **row, "trajectory": trajectory})
        write_atomic(self.run.results, as_json({**results, **self._history()}))
        write_atomic(self.run.path / "episodes.csv", as_csv(self._rows))
        count = results["episodes"]
        title = f"{task}, iteration {self.iteration}: {count} episode{'' if count == 1 else 's'}"
        self.console.print(results_table(results, title if complete else f"{title}, stopped early"))
        if self.env.spec.scenarios:
            self._report_scenarios(results)
        tells = bool(self.env.spec.success_criteria) or results["success_rate"] > 0
        self.run.update(
            best_return=results["return"]["mean"],
            best_success=results["success_rate"] if tells else None,
            iterations=self.iteration,
        )

    def _report_scenarios(self, results: Mapping[str, Any]) -> None:
        """<scenarios>.csv, failed_<scenarios>.txt with a name a line, and a table, the worst of them first."""
        spec, folder = self.env.spec, self.run.path
        self._scenarios += [(self.iteration, row) for row in results["scenarios"]]
        write_atomic(folder / f"{spec.scenario_noun}s.csv", scenarios.as_csv(self._scenarios, spec))
        failed = "".join(f"{name}\n" for name in results["failed"])
        write_atomic(folder / f"failed_{spec.scenario_noun}s.txt", failed)
        self.console.print(scenarios.scenarios_table(results, spec))

    def _history(self) -> dict[str, Any]:
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
