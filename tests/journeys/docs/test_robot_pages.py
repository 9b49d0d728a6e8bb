"""The pages about robots of others, as they stand there: from an installed package's file to a running training."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from needs import lacking
from project import Project

PAGES = Path(__file__).parents[3] / "docs" / "robots"
MODULES = {"quadruped": "mjlab", "arm": "mjlab", "hand": "gymnasium_robotics"}

pytestmark = pytest.mark.journey


def block(page: str, language: str, last: bool = False) -> str:
    found = re.findall(
        rf"```{language}\n(.*?)```", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL
    )
    return found[-1 if last else 0]


def test_there_is_a_page_for_each() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == set(MODULES)


@pytest.mark.parametrize("page", MODULES)
def test_a_robot_that_nobody_here_wrote_trains(page: str, project: Project) -> None:
    if importlib.util.find_spec(MODULES[page]) is None:
        lacking(
            "robots", f"{MODULES[page]} is not installed: make test installs it, without what it asks for"
        )
    code, settings = block(page, "python"), block(page, "yaml")
    assert len([line for line in code.splitlines() if line]) <= 60
    saved = re.search(r"# (my_robots/\w+\.py)", code)
    name = re.search(r"name: (\w+)", settings)
    assert saved is not None and name is not None
    (project.path / "my_robots").mkdir()
    (project.path / saved[1]).write_text(code)
    (project.path / f"conf/task/{name[1]}.yaml").write_text(settings)

    words = block(page, "bash", last=True).split()[2:]
    small = (
        "numEnvs=4",
        "maxIter=2",
        "train.horizon_length=16",
        "train.minibatch_size=64",
        "train.units=[16]",
    )
    done = project.train(*words, *small, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2/2" in done.stdout
    done = project.train(
        "test=true", "checkpoint=latest", "render=false", "testing.recordEnvs=2", "env.recordVideo=false",
        "testing.saveTrajectories=true", timeout=250,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    folder = project.path / "runs" / "latest_test" / "trajectories"
    models, episodes = list(folder.glob("model_*.xml.gz")), list(folder.glob("*.npz"))
    assert len(models) == 1 and len(episodes) >= 2
    assert max(path.stat().st_size for path in episodes) < 1_000_000 < 3 * models[0].stat().st_size
