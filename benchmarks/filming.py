"""What filming costs a training: `python -m benchmarks.filming [--task BoxGrasping]`.

The same training goes on in blocks. In every second block one video after another is rendered beside it, all the time,
which tells how many seconds of training a video costs; `env.recordVideo=true` films one evaluation in a hundred
iterations. And the same evaluation is played with and without a recorder. Blocks alternate, so that a change of the
machine's load meets both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch

from rlkit.config import Experiment, compose
from rlkit.config.resolve import VIDEO_INTERVAL
from rlkit.env.api import Observations
from rlkit.learners.api import Policy
from rlkit.media import recording as recordings
from rlkit.media.recording import Recording
from rlkit.media.render_queue import RenderQueue
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.watching.recorder import facts_of


class Filmed:
    """A training with an evaluation beside it, and a queue that renders its recordings over and over."""

    def __init__(self, experiment: Experiment, folder: Path) -> None:
        self.env = build_env(experiment, Ranks())
        self.learner = build_learner(experiment, self.env)
        self.evaluation = Evaluation(lambda: build_env(experiment, Ranks(), num_envs=32, seed=99))
        self.folder, self.facts = folder, facts_of(experiment, iteration=0)
        self.length = 0  # steps of the filmed episode
        self.env.reset()
        self.env.stagger()

    def evaluate(self, *, record: bool) -> float:
        """Seconds of one evaluation; with `record` its first episode is saved as well."""
        started = time.perf_counter()
        # Holding still lasts to the time limit: the longest film there can be.
        if record:
            self.evaluation.metrics(Policy(self._hold_still), facts=self.facts, take=self._save)
        else:
            self.evaluation.metrics(Policy(self._hold_still))
        return time.perf_counter() - started

    def _hold_still(self, obs: Observations) -> torch.Tensor:
        return torch.zeros(len(obs["policy"]), self.env.spec.num_actions)

    def _save(self, recording: Recording) -> None:
        self.length = recording.length
        recordings.save(self.folder / "episode.npz", recording)

    def block(self, iterations: int, *, film: bool) -> tuple[float, int]:
        """Seconds of an iteration, and how many videos were done in so many iterations."""
        done, queue = 0, RenderQueue()
        started = time.perf_counter()
        for iteration in range(iterations):
            self.learner.iterate(self.env)
            if film:
                finished = queue.poll()
                done += len(finished)
                if finished or iteration == 0:
                    queue.submit([self.folder / "episode.npz"], self.folder / f"{iteration}.mp4")
        elapsed = time.perf_counter() - started
        queue.close()
        return elapsed / iterations, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--task", default="BoxGrasping")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--iterations", type=int, default=25)
    args = parser.parse_args()
    experiment = compose([f"task={args.task}"])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        training = Filmed(experiment, Path(folder))
        training.evaluate(record=True)
        training.block(5, film=False)  # warms up
        seconds: dict[bool, list[float]] = {False: [], True: []}
        evaluations: dict[bool, list[float]] = {False: [], True: []}
        videos = 0
        for number in range(args.rounds):
            for film in (False, True) if number % 2 else (True, False):
                evaluations[film].append(training.evaluate(record=film))
                elapsed, done = training.block(args.iterations, film=film)
                seconds[film].append(elapsed)
                videos += done
    steps = experiment.train["horizon_length"] * experiment.env.num_envs
    alone, beside = (statistics.median(seconds[film]) for film in (False, True))
    each = args.iterations * (sum(seconds[True]) - sum(seconds[False])) / max(videos, 1)
    share = 100 * each / (VIDEO_INTERVAL * alone)
    print(
        f"{args.task}, {experiment.env.num_envs} envs, {args.rounds} blocks of {args.iterations} iterations each"
    )
    print(f"each video: {training.length} steps")
    print(f"training alone                     {steps / alone:>8,.0f} env-steps/s")
    print(f"videos rendered beside, all along  {steps / beside:>8,.0f} env-steps/s, {videos} videos")
    print(
        f"a video costs the training {each:.2f} s: with one in {VIDEO_INTERVAL} iterations {share:.1f} %; wanted: < 5"
    )
    with_recorder, without = (statistics.median(evaluations[film]) for film in (True, False))
    print(f"an evaluation of 32 envs {without:.2f} s, with a recorder {with_recorder:.2f} s")


if __name__ == "__main__":
    main()
