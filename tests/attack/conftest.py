"""A run that somebody else made and sent, with code in it that must never run."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlkit.config import compose
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.checkpoints.env_spec import as_plain
from rlkit.runtime.process.ranks import Ranks
from rlkit.workspace import WorkspaceLimits, open_run

ROOT = Path(__file__).parents[2]
SMALL = ("device=cpu", "numEnvs=2", "seed=3", "train.units=[8]")


@dataclass
class Gift:
    """The run's folder `path`; whatever is planted in it says so in the folder `ran`."""

    path: Path
    ran: Path
    names: list[str] = field(default_factory=list)

    @property
    def code(self) -> str:
        """Python that says it ran."""
        return f"import pathlib; pathlib.Path({str(self.ran)!r}).mkdir(exist_ok=True)\n"

    def plant(self, name: str, more: str = "", folder: Path | None = None) -> None:
        """A module beside the run's files that says when it is imported."""
        path = (folder or self.path) / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.code + more)

    def say(self, **sections: dict[str, Any]) -> None:
        """Write other values into its config.yaml."""
        file = self.path / "config.yaml"
        content = yaml.safe_load(file.read_text())
        for section, values in sections.items():
            content.setdefault(section, {}).update(values)
        file.write_text(yaml.safe_dump(content))

    def nothing_ran(self) -> bool:
        return not self.ran.exists()

    def command(self, *words: str, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """`rlkit WORDS` or `train.py WORDS` as installed, typed in the run's own folder."""
        program, *rest = words
        script = ROOT / "train.py" if program == "train.py" else self.ran.parent / "rlkit_command.py"
        if program != "train.py":
            script.write_text("import sys\nfrom rlkit.cli import main\nsys.exit(main())\n")
        return subprocess.run(
            [sys.executable, str(script), *rest],
            cwd=self.path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def make_gift(folder: Path, *words: str, task: str) -> Path:
    """A run with one checkpoint of an untrained learner."""
    experiment = compose([f"task={task}", *SMALL, *words])
    limits = WorkspaceLimits(
        max_recent_runs=None, max_train_runs=9, max_test_runs=9, use_clean_workspace=True
    )
    folder.mkdir(parents=True, exist_ok=True)
    run = open_run(
        task, "train", root=folder, settings=limits, name="gift", config_yaml=experiment.to_yaml(),
        command=["python", "train.py", *words], learner="ppo", seed=3, device="cpu",
    )  # fmt: skip
    env = build_env(experiment, Ranks())
    state = build_learner(experiment, env).state(experience=False)
    env.close()
    saved = Checkpoint(task, "ppo", 1, 64, 3, state, rng={}, env_spec=as_plain(env))
    for which in ("best", "last"):
        checkpoints.save(run.checkpoint_path(which), saved)
        run.checkpoint_saved(which, 1)
    run.set_state("done")
    run.close()
    return run.path


@pytest.fixture
def gift(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gift:
    """A run of a Gymnasium environment; the folder is current, and first where Python looks for modules."""
    path = make_gift(tmp_path / "elsewhere", "env.id=Pendulum-v1", task="Gym")
    monkeypatch.chdir(path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return Gift(path, tmp_path / "it_ran")


@pytest.fixture
def simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gift:
    """A run of a task on a simulator."""
    path = make_gift(tmp_path / "elsewhere", "task.episodeLength=5", task="BaseTask")
    monkeypatch.chdir(path)
    return Gift(path, tmp_path / "it_ran")
