"""A project of one's own with the wheel alone, without a clone: from `rlkit new` to a test of the policy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from needs import assert_cheap
from project import LAUNCHER_VARIABLES, ROOT

import rlkit

pytestmark = [pytest.mark.journey, pytest.mark.slow]

MADE_OF = (
    "setup.py",
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "NOTICE",
    "rlkit",
    "conf",
    "tests",
    "benchmarks",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built in a copy of the clone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for part in MADE_OF:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    build = f"import setuptools.build_meta as build; build.build_wheel({str(folder)!r})"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (found,) = folder.glob("*.whl")
    return found


class Installed:
    """A virtual environment with the wheel; of the packages around it only what rlkit depends on counts."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.bin = folder / "venv" / "bin"
        (self.site,) = (folder / "venv" / "lib").glob("python*/site-packages")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.bin / "python"),
            "install",
            "--no-index",
            "--no-deps",
        ]
        # compiled, as pip does it: the commands below keep nothing that they would compile
        variables = {name: value for name, value in os.environ.items() if name != "PIP_NO_COMPILE"}
        done = subprocess.run([*pip, str(wheel)], env=variables, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        # The other packages come behind; the .pth files that lie there, as that of an editable rlkit, do not count.
        others = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
        (self.site / "others.pth").write_text("\n".join(others))

    def __call__(self, line: str, folder: Path, timeout: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run a line in bash, with the environment activated."""
        variables = {k: v for k, v in os.environ.items() if k not in (*LAUNCHER_VARIABLES, "PYTHONPATH")}
        variables.update(PATH=f"{self.bin}:{variables['PATH']}", TERM="dumb", PYTHONDONTWRITEBYTECODE="1")
        words = ["bash", "-c", line]
        return subprocess.run(
            words, cwd=folder, env=variables, capture_output=True, text=True, timeout=timeout, check=False
        )


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def test_the_wheel_has_all_of_conf_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert sorted(name for name in names if name.startswith("rlkit/conf/")) == sorted(
        f"rlkit/{path.relative_to(ROOT)}" for path in (ROOT / "conf").rglob("*.yaml")
    )
    assert {
        "rlkit/new/conf/task/MyReach.yaml.template",
        "rlkit/sims/models/panda.xml",
        "rlkit/py.typed",
        "rlkit/zoo/Reach/card.yaml",
        "rlkit/zoo/Reach/config.yaml",
        "rlkit/zoo/Reach/nn/checkpoint_best.pth",
    } <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"rlkit", "rlkit_robotics"}


def test_a_project_of_ones_own_is_made_trained_and_tested(installed: Installed, tmp_path: Path) -> None:
    def typed(line: str, folder: Path) -> str:
        done = installed(line, folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert str(installed.site) in typed("python -c 'import rlkit; print(rlkit.__file__)'", tmp_path)
    before = os.times()
    said = typed("rlkit new p && cd p && rlkit train maxIter=2", tmp_path)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert_cheap(spent, 30.0)
    project = tmp_path / "p"
    assert "MyReach: train" in said and "done: 2 iterations in" in said
    (run,) = (path.name for path in project.glob("runs_all/MyReach_train_*"))
    assert f"rlkit test checkpoint={run}" in said and "train.py" not in said
    assert "2 passed" in typed("python -m pytest -q -p no:cacheprovider", project)
    assert "success/reached" in typed("rlkit test checkpoint=latest numEnvs=2", project)
    listed = typed("rlkit runs", project)
    assert run in listed and "MyReach_test_" in listed
    assert typed("python -m rlkit --version", project) == f"rlkit {rlkit.__version__}\n"
    shown = typed("rlkit runs show latest_train", project)
    assert f"go on         rlkit train checkpoint={run}:last maxIter=150" in shown
    assert "command       rlkit train maxIter=2" in shown
    assert "MyReach" in typed("rlkit train --help", project)
    swept = typed("rlkit train -m seed=1 maxIter=1 numEnvs=4 training.evalInterval=0", project)
    assert swept.count("done: 1 iteration in") == 1
    (project / "p" / "arm.xml").rename(project / "arm.xml")
    before = sorted(os.listdir(project / "runs_all"))  # noqa: PTH208
    gone = installed("rlkit test checkpoint=latest", project)
    assert gone.returncode == 2 and "there is no file" in gone.stderr
    assert sorted(os.listdir(project / "runs_all")) == before  # noqa: PTH208
    below = installed("rlkit train task=MyReach", project / "tests")
    assert below.returncode == 2 and "start there: cd .." in below.stderr


def test_what_is_wrong_is_said_as_in_a_clone(installed: Installed, tmp_path: Path) -> None:
    for start in ("rlkit train", "python -m rlkit train", "rlkit test"):
        done = installed(f"{start} numEnv=3", tmp_path)
        assert done.returncode == 2
        assert done.stderr == "error: numEnv=3: there is no setting numEnv; did you mean env.numEnvs=3?\n"
    nowhere = installed("rlkit test checkpoint=latest", tmp_path)
    assert nowhere.returncode == 2 and "train one first:\n  rlkit train" in nowhere.stderr
    hint = installed(
        "python -c 'from rlkit.packages import how_to_install as how; print(how(\"genesis\"))'", tmp_path
    )
    assert hint.stdout == "pip install 'rlkit-robotics[genesis]'\n"
    assert os.listdir(tmp_path) == []  # noqa: PTH208
