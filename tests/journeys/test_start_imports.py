"""What each journey imports, and what that costs: a heavy module that is not needed is found here by its name."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from needs import assert_cheap
from project import Project

pytestmark = [pytest.mark.journey, pytest.mark.slow]

COMPILERS = {"torch._dynamo", "torch._inductor", "sympy", "torch.onnx", "torch.distributed.nn"}
PICTURES = {"matplotlib", "PIL", "imageio", "viser", "trimesh", "h5py", "onnx", "onnxruntime"}
ENGINES = {"jax", "warp", "mujoco_warp", "genesis"}
OTHERS = {"pandas", "scipy", "networkx", "wandb", "mlflow", "trackio", "ray", "cv2", "tensorflow", "IPython"}
NEVER = COMPILERS | PICTURES | ENGINES | OTHERS
HEAVY = NEVER | {"torch", "numpy", "mujoco", "gymnasium", "rl_games", "tensorboard"}

RUNNER = """
import json, os, sys
def cost():
    times = os.times()
    print(json.dumps([sorted(sys.modules), times.user + times.system]), file=sys.stderr)
sys.argv = sys.argv[1:]
if sys.argv[0] == "rlkit":
    from rlkit.cli import main
else:
    from rlkit.app import main
try:
    status = main(sys.argv[1:])
except SystemExit as stop:
    status = stop.code
cost()
sys.exit(status)
"""
TINY = "numEnvs=4 maxIter=2 train.horizon_length=4"
TD3 = "train=BaseTaskFastTD3 train.learning_starts=1 train.batch_size=16 training.evalInterval=0"

# name: (command line, what it may not import, CPU-seconds that it may take where they were measured, exit status)
JOURNEYS = {
    "train with PPO": (f"train task=BaseTask {TINY}", NEVER, 6.0, 0),
    "train with FastTD3": (f"train {TINY} {TD3}", NEVER | {"gymnasium", "rl_games"}, 6.5, 0),
    "train in Gymnasium": (f"train task=Gym env.id=Pendulum-v1 {TINY}", NEVER | {"mujoco"}, 6.0, 0),
    "test": ("train test=true checkpoint=latest_train numEnvs=2 testing.saveTrajectories=false", NEVER, 6.0, 0),
    "a wrong key": ("train numEnv=3", HEAVY | {"hydra"}, 0.6, 2),
    "a wrong key of rlkit's": ("rlkit train numEnv=3", HEAVY | {"hydra", "rlkit.commands"}, 0.6, 2),
    "a wrong combination": ("train train.minibatch_size=1000 numEnvs=8", HEAVY, 1.5, 2),
    "help": ("train --help", HEAVY | {"hydra"}, 0.75, 0),
    "runs": ("rlkit runs", HEAVY | {"hydra"}, 0.75, 0),
    "show": ("rlkit runs show latest_train", HEAVY, 0.9, 0),
    "view": ("rlkit view --help", HEAVY | {"hydra"}, 0.6, 0),
    "a missing motion": ("rlkit motion convert walk.csv --out walk.npz", HEAVY | {"hydra"}, 0.75, 2),
    "export": ("rlkit export --help", HEAVY | {"hydra"}, 0.6, 0),
    "report": ("rlkit report latest_train", HEAVY - {"numpy", "matplotlib", "PIL"}, 3.0, 0),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.copied(tmp_path_factory.mktemp("start") / "project")
    (project.path / "runner.py").write_text(RUNNER)
    done = project.train("task=BaseTask", *TINY.split())  # what the others look at
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.parametrize("journey", JOURNEYS)
def test_a_journey_imports_what_it_needs(project: Project, journey: str) -> None:
    line, forbidden, most_seconds, status = JOURNEYS[journey]
    done = subprocess.run(
        [sys.executable, "runner.py", *line.split()],
        cwd=project.path, env=project.environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    modules, seconds = json.loads(done.stderr.splitlines()[-1])
    assert sorted(forbidden & set(modules)) == []
    assert_cheap(seconds, most_seconds)


def test_no_wait_is_silent(project: Project) -> None:
    """Torch takes a second to load: while it does, a line says so."""
    slow = project.path / "sitecustomize.py"
    slow.write_text("import sys, time\nclass Slow:\n    def find_spec(self, name, *_):\n"
                    "        if name == 'torch': sys.meta_path.remove(self); time.sleep(1.0)\n"
                    "sys.meta_path.insert(0, Slow())\n")  # fmt: skip
    try:
        done = subprocess.run(
            [sys.executable, "train.py", *TINY.split()],
            cwd=project.path, env={**project.environment, "PYTHONPATH": str(project.path)}, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
    finally:
        Path(slow).unlink()
    assert done.returncode == 0, done.stderr
    assert re.search(r"^run .*\n(  .*\n)+loading torch and the simulator \.\.\.\n", done.stdout, re.MULTILINE)
