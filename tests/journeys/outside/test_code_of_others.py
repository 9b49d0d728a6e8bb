"""A task, a learner and a simulator of somebody else, from training to export; and a run where they are not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from sample_package import command, environment, write_package, write_project

pytestmark = pytest.mark.journey

SMALL = ("numEnvs=4", "device=cpu", "training.evalInterval=0")
TEST = (
    "test=true",
    "testing.gamesNum=2",
    "numEnvs=2",
    "device=cpu",
    "env.render=false",
    "task.episodeLength=5",
)


class Place:
    """A folder to type commands in, with what Python finds besides."""

    def __init__(self, folder: Path, *paths: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.paths = folder, paths

    def type(self, *words: str, status: int = 0) -> str:
        """What a command says; its exit status is checked."""
        done = subprocess.run(
            command(*words), cwd=self.folder, env=environment(*self.paths), capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == status and "Traceback" not in said, said
        return said

    def runs(self, kind: str) -> list[Path]:
        return sorted(path for path in (self.folder / "runs_all").glob(f"*_{kind}_*"))


def test_a_packages_task_learner_and_simulator_go_all_the_way(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_package(site)
    here = Place(tmp_path / "here", site)
    here.type("train.py", "task=Touch", "train=Search", "sim=heavy", "maxIter=2", *SMALL)
    (first,) = here.runs("train")
    code = json.loads((first / "run.json").read_text())["code"]
    assert {kind: known["class"] for kind, known in code.items()} == {
        "task": "sample_robots.touch:Touch",
        "learner": "sample_robots.search:Search",
        "simulator": "sample_robots.heavy:Heavy",
    }
    assert {(known["package"], known["version"]) for known in code.values()} == {("sample-robots", "0.3")}
    assert "task sample_robots.touch:Touch of sample-robots 0.3" in here.type(
        "rlkit", "runs", "show", first.name
    )
    here.type("train.py", f"checkpoint={first.name}:last", "maxIter=3", *SMALL)
    row = json.loads((here.runs("train")[1] / "metrics.jsonl").read_text().splitlines()[-1])
    assert row["search/weight"] == pytest.approx(3 * 0.01)  # two iterations of the first run, one of its own
    here.type("train.py", f"checkpoint={first.name}", *TEST)
    (recording, *_) = sorted(here.runs("test")[0].glob("trajectories/*.npz"))
    assert "bit for bit" in here.type("rlkit", "replay", str(recording))
    here.type("rlkit", "export", first.name, "--format", "torchscript")
    assert "mujoco: return" in here.type("rlkit", "sim2sim", first.name, "sim=mujoco", "episodes=2")

    shutil.rmtree(site)  # the package is gone: what needs it says whose it is, the rest works
    lost = "is sample-robots 0.3's, which is not installed here: pip install sample-robots"
    for words in (
        ("train.py", f"checkpoint={first.name}", *TEST),
        ("train.py", f"checkpoint={first.name}:last", "maxIter=4"),
        ("rlkit", "export", first.name, "--format", "torchscript"),
        ("rlkit", "replay", str(recording)),
    ):
        assert lost in here.type(*words, status=2)
    for words in (
        ("runs",),
        ("runs", "show", first.name),
        ("report", first.name),
        ("replay", "--states", str(recording)),
    ):
        here.type("rlkit", *words)


def test_a_projects_own_code_needs_no_retyping_in_it_and_is_not_imported_elsewhere(tmp_path: Path) -> None:
    here = Place(write_project(tmp_path / "project"))
    conf = f"--config-dir={here.folder / 'conf'}"
    here.type("train.py", conf, "task=Touch", "train=Search", "maxIter=1", *SMALL)
    (run,) = here.runs("train")
    assert json.loads((run / "run.json").read_text())["code"]["task"]["version"] is None
    assert "task=my_project" not in here.type(
        "rlkit", "runs", "show", run.name
    )  # nothing has to be typed again
    here.type("train.py", f"checkpoint={run.name}", *TEST)
    here.type("rlkit", "export", run.name, "--format", "torchscript")
    elsewhere = Place(tmp_path / "elsewhere")
    said = elsewhere.type("train.py", f"checkpoint={run}", *TEST, status=2)
    assert "Search is my_project's, which is not here: start in its project folder" in said
    (here.folder / "conf" / "task" / "Touch.yaml").unlink()  # now only the run asks for it
    said = here.type("train.py", f"checkpoint={run.name}", *TEST, status=2)
    assert "type task=my_project.touch:Touch with rlkit train" in said
