"""What `rlkit try` is asked for, checked like a training and without torch: refusals come before anything boots."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Sequence

from rlkit.config import Experiment, compose
from rlkit.errors import ConfigError, raise_for
from rlkit.runtime.preboot import require_startable
from rlkit.runtime.process.ranks import Ranks

NUM_ENVS = 16
ZERO, RANDOM, START = "zero", "random", "start"
AGENTS = (ZERO, RANDOM, START)
"""What acts: nothing, uniform noise, and what holds the pose that an episode begins in. Others are keyframes."""

_NOT_HERE = {
    "checkpoint": "a policy is tested with rlkit test checkpoint=latest",
    "test": "nothing is trained here; leave it out",
    "resume": "nothing is trained here; leave it out",
    "recordVideo": "films are asked for with --video FILE.mp4",
}


@dataclass(frozen=True)
class TryRequest:
    """A task with its settings, and what acts in it.

    episodes: whole ones in each env, where `seconds` (simulated) does not say when it ends. video: where the first
    episode of env 0 is filmed to.
    """

    experiment: Experiment
    agent: str
    episodes: int
    seconds: float | None
    video: Path | None


def read_request(
    words: Sequence[str], *, episodes: int = 1, seconds: float | None = None, video: Path | None = None
) -> TryRequest:
    """Compose `words`, which are those of a training and agent=NAME. Raises RlkitError with all that is wrong."""
    agents = [word.partition("=")[2] for word in words if word.partition("=")[0] == "agent"]
    others = [word for word in words if word.partition("=")[0] != "agent"]
    problems = [] if all(agents) else [f"agent=: a name is missing; write agent={RANDOM}"]
    if len(agents) > 1:
        typed = " ".join(f"agent={name}" for name in agents)
        problems.append(f"{typed}: one of them acts; write agent={agents[0] or RANDOM} alone")
    for word in others:
        leaf = word.partition("=")[0].lstrip("+~").rpartition(".")[2]
        if leaf in _NOT_HERE:
            problems.append(f"{word}: {_NOT_HERE[leaf]}")
        elif word.startswith("-"):
            problems.append(f"{word}: settings are written name=value; options stand before them")
    if video is not None and video.suffix != ".mp4":
        problems.append(f"--video {video}: write a name that ends in .mp4")
    elif video is not None and not video.absolute().parent.is_dir():
        problems.append(f"--video {video}: there is no folder {video.parent}")
    raise_for(problems)
    experiment = _as_a_test(compose(others), filmed=video is not None)
    agent = agents[-1] if agents else RANDOM
    if experiment.engine == "gymnasium" and agent not in (ZERO, RANDOM):
        raise ConfigError(
            f"agent={agent}: a Gymnasium environment shows no poses to hold; write agent=zero or agent=random"
        )
    require_startable(experiment, None, Ranks())
    return TryRequest(experiment, agent, episodes, seconds, video)


def _as_a_test(experiment: Experiment, *, filmed: bool) -> Experiment:
    """The request with few envs, unless it says how many, shown at the pace of a test; its settings were checked."""
    asked = experiment.asked.get("env.numEnvs") == "auto"
    num_envs = min(NUM_ENVS, experiment.env.num_envs) if asked else experiment.env.num_envs
    return replace(
        experiment,
        env=replace(experiment.env, num_envs=num_envs, record_video=filmed),
        training=replace(experiment.training, test=True),
    )
