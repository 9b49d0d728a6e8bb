"""A package of somebody else's: a task, a learner, a network and a simulator, which its entry points offer."""

from __future__ import annotations

import os
from pathlib import Path

import warm

REPOSITORY = Path(__file__).parents[3]

FILES = {
    "__init__.py": "",
    "base.py": """
from rlkit.tasks.api import reward
from rlkit.tasks.reach import Reach


class Base(Reach):
    @reward
    def closeness(self):
        return (-self.config["sharpness"] * self.distance).exp()
""",
    "touch.py": """
from .base import Base


class Touch(Base):
    pass
""",
    "search.py": """
import torch
from rlkit.learners.api import Iteration, Learner, Policy
from rlkit.learners.facts import LearnerFacts

from .settings import Settings

FACTS = LearnerFacts(eval_interval=7)


class Search(Learner):
    def __init__(self, train, spec, *, seed):
        super().__init__(train, spec, seed=seed)
        self.train = train
        self.weights = torch.zeros(spec.obs_sizes["policy"], spec.num_actions)

    def iterate(self, env):
        for _ in range(self.train["horizon_length"]):
            env.step(self.policy()(env.observe()))
        self.weights += self.train["stride"]
        steps = self.train["horizon_length"] * self.spec.num_envs
        return Iteration(steps, {"search/weight": float(self.weights[0, 0])}, 0.1, 0.1)

    def policy(self, *, stochastic=False):
        return Policy(lambda obs: (obs["policy"] @ self.weights).clamp(-1.0, 1.0))

    def network(self):
        layer = torch.nn.Linear(*self.weights.shape, bias=False)
        layer.weight.data.copy_(self.weights.T)
        return torch.nn.Sequential(layer, torch.nn.Hardtanh())

    def state(self, *, experience=True):
        return {"weights": self.weights.clone()}

    def load(self, state, *, policy_only=False):
        self.weights.copy_(state["weights"])
""",
    "settings.py": """
from dataclasses import dataclass

from rlkit.learners.settings import LearnerSettings, setting


@dataclass(frozen=True)
class Settings(LearnerSettings):
    stride: float = setting("float > 0", "", "how far the weights go in each iteration")
""",
    "nets.py": """
from torch import nn


class Skips(nn.Module):
    def __init__(self, inputs, *, width: int = 16, gain: float = 1, tail=(8, 4), kind="elu"):
        super().__init__()
        self.gain, sizes = gain, (width, *tail)
        self.first = nn.Linear(inputs.size, width)
        self.tail = nn.Sequential(*(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])))

    def forward(self, rows):
        x = self.first(rows)
        return self.tail(x + self.gain * x.tanh())
""",
    "heavy.py": """
from rlkit.sims.mujoco.simulator import MujocoSimulator


class Heavy(MujocoSimulator):
    pass
""",
    "conf/train/Search.yaml": "learner: sample_robots.search:Search\nhorizon_length: 4\nstride: 0.01\n",
    "conf/task/Touch.yaml": """# @package _global_
defaults: [Reach, _self_]
task:
  name: Touch
  sharpness: 2.0
  rewardWeights: {closeness: 1.0}
training: {maxIterations: 1}
""",
}

METADATA = "Metadata-Version: 2.1\nName: sample-robots\nVersion: 0.3\n"
ENTRY_POINTS = """[rlkit.tasks]
Touch = sample_robots.touch:Touch
[rlkit.learners]
search = sample_robots.search:Search
[rlkit.networks]
skips = sample_robots.nets:Skips
[rlkit.sims]
heavy = sample_robots.heavy:Heavy
"""


def write_package(folder: Path, name: str = "sample_robots") -> Path:
    """The files of the package as pip leaves them in `folder`; returns the package's own."""
    package = folder / name
    for file, text in FILES.items():
        path = package / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("sample_robots", name))
    info = folder / f"{name}-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS.replace("sample_robots", name))
    (info / "top_level.txt").write_text(f"{name}\n")
    return package


def write_project(folder: Path) -> Path:
    """A project of the user's: the same code, named by the files in its own conf/; returns its folder."""
    for file, text in FILES.items():
        path = folder / file if file.startswith("conf/") else folder / "my_project" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = text.replace("  name: Touch\n", "  name: Touch\n  class: my_project.touch:Touch\n")
        path.write_text(text.replace("sample_robots", "my_project"))
    return folder


def environment(*paths: Path) -> dict[str, str]:
    """Of a command that finds these folders and this checkout's rlkit."""
    found = os.pathsep.join(map(str, (REPOSITORY, *paths)))
    return {**os.environ, "PYTHONPATH": found, "TERM": "dumb", **warm.environment()}


def command(*words: str) -> list[str]:
    """`rlkit WORDS` or `train.py WORDS` as a process of its own."""
    if words[0] == "train.py":
        return [*warm.python(), str(REPOSITORY / "train.py"), *words[1:]]
    return [*warm.python(), "-m", "rlkit.cli", *words[1:]]
