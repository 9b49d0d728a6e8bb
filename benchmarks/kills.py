"""kill -9 at random moments of a training: nothing unreadable, an interval lost at most, and every resume exact.

    python -m benchmarks.kills --kills 50                # of PPO, and of FastTD3 with its buffer: 100 in all

Each training is started with training.resume=auto, killed, and started again in the same folder. After each kill all
of its files are read; in the end its metrics and its last numbered checkpoint must equal, bit for bit, those of a
training that was never killed. Three of four kills come after the first iteration of the start, one at any moment of
it. A start is a fork of a process that has imported everything, so that a hundred take minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from rlkit.app import main as train
from rlkit.runtime import session  # noqa: F401 (imported here, once, for all forks)
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.sims.mujoco import simulator as mujoco  # noqa: F401
from rlkit.workspace import checkpoints_in, read_record
from rlkit.workspace.store.atomic import is_temporary

ROOT = Path(__file__).resolve().parents[1]
INTERVAL = 3  # iterations between checkpoints
COMMON = [
    "numEnvs=4", "seed=3", "maxIter=100000", "logging.experimentName=killed", "logging.logInterval=1",
    f"training.checkpointInterval={INTERVAL}", "training.evalInterval=0", "training.resume=auto",
    "task.episodeLength=40",
]  # fmt: skip
LEARNERS = {
    "ppo": ["train=BaseTaskPPO", "train.units=[8]"],
    "fast_td3": [
        "train=BaseTaskFastTD3", "train.horizon_length=8", "train.learning_starts=4", "train.batch_size=64",
        "train.save_buffer=true", "train.actor_units=[16,16]", "train.critic_units=[16,16]", "train.amp=false",
    ],
}  # fmt: skip
STARTED = "started in"  # what a training says after its first iteration


@dataclass
class Outcome:
    """What became of one learner's training."""

    learner: str
    kills: int = 0
    after_first_iteration: int = 0
    unreadable: int = 0
    most_lost: int = 0  # iterations
    resumes: int = 0
    inexact: int = 0  # resumes that did not say "exactly", and numbers that differ in the end
    leftovers: int = 0  # temporaries that the next start did not remove
    iterations: int = 0  # that were compared

    @property
    def sound(self) -> bool:
        """Whether nothing was lost."""
        return not (self.unreadable or self.inexact or self.leftovers) and self.most_lost <= INTERVAL


class Start:
    """A training in a forked process, in `folder`."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self._log = folder / "said"
        self._log.write_text("")
        self.pid = os.fork()
        if self.pid == 0:
            os.chdir(folder)
            said = os.open(self._log, os.O_WRONLY | os.O_APPEND)
            os.dup2(said, 1)
            os.dup2(said, 2)
            sys.argv = ["train.py", *words]
            os._exit(train())

    def said(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, word: str, seconds: float = 300.0) -> None:
        """Raises RuntimeError where it ends or takes too long before it says the word."""
        end = time.monotonic() + seconds
        while word not in self.said():
            if time.monotonic() > end or os.waitpid(self.pid, os.WNOHANG)[0]:
                raise RuntimeError(f"the training did not say {word!r}:\n{self.said()[-2000:]}")
            time.sleep(0.005)

    def end(self, number: int) -> None:
        """Send the signal and wait for the end."""
        os.kill(self.pid, number)
        os.waitpid(self.pid, 0)


def endure(learner: str, kills: int, draw: random.Random) -> Outcome:
    """Kill a training so many times and compare it with one that was never killed."""
    outcome = Outcome(learner)
    words = [*COMMON, *LEARNERS[learner]]
    with tempfile.TemporaryDirectory() as name:
        killed, straight = Path(name, "killed"), Path(name, "straight")
        for folder in (killed, straight):
            folder.mkdir()
            (folder / "conf").symlink_to(ROOT / "conf")
        saved: int | None = None
        for number in range(kills):
            start = Start(killed, words)
            if number % 4 == 3:
                time.sleep(draw.uniform(0.0, 3.0))
            else:
                start.wait_for(f" {(saved or 0) + draw.randint(1, 2 * INTERVAL)}/100000")
                time.sleep(draw.uniform(0.0, 0.3))
            start.end(signal.SIGKILL)
            saved = _look(killed / "runs_all" / "killed", start.said(), saved, outcome)
        _compare(killed, straight, words, (saved or 0) + INTERVAL, outcome)
    return outcome


def _look(run: Path, said: str, saved: int | None, outcome: Outcome) -> int | None:
    """Read everything that a kill left; returns the iteration of its last checkpoint."""
    outcome.kills += 1
    begun = STARTED in said
    outcome.after_first_iteration += begun
    if begun and saved is not None:
        outcome.resumes += 1
        outcome.inexact += f"resuming at iteration {saved}, exactly where it was saved" not in said
    if not run.exists():  # killed before it had a folder
        return None
    held = checkpoints_in(run / "nn")
    try:
        read_record(run)
        loaded = {which: checkpoints.load(path, torch.device("cpu")) for which, path in held.items()}
        rows = rows_of(run)
    except Exception as error:  # whatever it is, it is counted and shown
        print(f"unreadable after kill {outcome.kills}: {error}", file=sys.stderr)
        outcome.unreadable += 1
        return None
    last = loaded["last"].iteration if "last" in loaded else 0
    if begun:  # else the rows may be of before the start
        outcome.most_lost = max(outcome.most_lost, len(rows) - last)
    outcome.inexact += sorted(rows) != list(range(1, len(rows) + 1))
    return last or None


def rows_of(run: Path) -> dict[int, Any]:
    """The lines of metrics.jsonl by iteration, without times; the last may be torn."""
    path = run / "metrics.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else [""]
    rows = [json.loads(line) for line in lines[:-1]]
    timed = ("wall_time", "time/", "rate/")
    return {r["iteration"]: {k: v for k, v in r.items() if not k.startswith(timed)} for r in rows}


def _compare(killed: Path, straight: Path, words: list[str], goal: int, outcome: Outcome) -> None:
    """Go on once more, which clears up, and hold what there is against a training that was never killed."""
    start = Start(killed, words)
    start.wait_for(f" {goal}/100000")
    start.end(signal.SIGTERM)
    run, other = killed / "runs_all" / "killed", straight / "runs_all" / "killed"
    outcome.leftovers = sum(is_temporary(path.name) for path in killed.rglob("*"))
    numbered = max(which for which in checkpoints_in(run / "nn") if isinstance(which, int))
    start = Start(straight, words)
    start.wait_for(f" {numbered}/100000", seconds=1200.0)
    start.end(signal.SIGTERM)
    ours, theirs = rows_of(run), rows_of(other)
    outcome.iterations = min(len(ours), len(theirs))
    outcome.inexact += sum(ours[i] != theirs[i] for i in range(1, outcome.iterations + 1))
    a, b = (
        checkpoints.load(f / "nn" / f"checkpoint_{numbered}.pth", torch.device("cpu")) for f in (run, other)
    )
    outcome.inexact += not all(
        equal(getattr(a, part), getattr(b, part)) for part in ("learner", "env", "rng")
    )


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return a == b


def main() -> int:
    """Print each learner's outcome as a line of JSON; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of each learner")
    parser.add_argument("--learners", nargs="+", default=list(LEARNERS), choices=list(LEARNERS))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    outcomes = []
    for learner in options.learners:
        outcomes.append(endure(learner, options.kills, draw))
        print(json.dumps(asdict(outcomes[-1])), flush=True)
    return 0 if all(outcome.sound for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
