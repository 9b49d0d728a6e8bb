"""What is said twice about the project itself agrees: version, licence, and what checks it."""

from __future__ import annotations

import importlib
import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import rlkit
from rlkit import cli
from rlkit.packages import DISTRIBUTION
from rlkit.workspace.origin import package_versions

ROOT = Path(__file__).parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def recipe(target: str) -> str:
    """What stands behind and below a target of the Makefile."""
    found = re.search(rf"^{target}:(.*\n(?:\t.*\n)*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found, target
    return found[1]


def test_the_version_stands_in_one_place_that_all_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert 'version = { attr = "rlkit.__version__" }' in PYPROJECT
    assert not re.search(r'^version = "', PYPROJECT, re.MULTILINE)
    assert package_versions()["rlkit"] == rlkit.__version__
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"rlkit {rlkit.__version__}\n"


def test_the_changelog_begins_with_what_is_not_released_and_dates_all_else() -> None:
    heads = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert heads[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ \(20\d\d-\d\d-\d\d\)", head) for head in heads[1:])
    cited = read("CITATION.cff")
    assert cited["version"] == rlkit.__version__
    assert heads[1] == f"{cited['version']} ({cited['date-released']})"


def test_the_licence_is_the_same_wherever_it_is_told() -> None:
    assert "Copyright 2026 the rlkit authors" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert read("CITATION.cff")["license"] == "Apache-2.0"
    assert "License :: OSI Approved :: Apache Software License" in PYPROJECT


def test_notice_tells_of_every_model() -> None:
    told = re.findall(r"^(\w+\.xml)", (ROOT / "NOTICE").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(path.name for path in (ROOT / "rlkit/sims/models").glob("*.xml"))


def test_types_are_for_whoever_installs_it() -> None:
    assert (ROOT / "rlkit/py.typed").exists()
    assert re.search(r'^rlkit = \["py.typed", ', PYPROJECT, re.MULTILINE)


def test_nobody_is_told_to_install_rlkit_from_pypi() -> None:
    """That name is somebody else's there; ours is another."""
    assert re.search(r'^name = "(.*)"', PYPROJECT, re.MULTILINE)[1] == DISTRIBUTION  # type: ignore[index]
    assert not re.search(r'"rlkit\[', PYPROJECT)
    wrong = re.compile(r"""pip install(?:\s+-\S+(?:\s+[^\s,]+)?)*?\s+['"]?rlkit\b(?!-robotics)""")
    assert all(wrong.search(f"pip install {words}") for words in ("rlkit", "-c other.txt\n'rlkit[genesis]'"))
    assert not wrong.search("pip install -e '.[viewer]', rlkit doctor says it")
    assert not wrong.search(f"pip install '{DISTRIBUTION}[viewer]'")
    kinds = (".cff", ".ipynb", ".md", ".py", ".template", ".toml", ".txt", ".yaml", ".yml")
    texts = [path for path in ROOT.glob("*") if path.suffix in kinds or path.name == "Makefile"]
    for folder in ("rlkit", "docs", "benchmarks", "conf", "tests", ".github", ".ci"):
        texts += [path for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    texts += [ROOT / ".ci" / "run", ROOT / ".ci" / "pythons"]
    assert len(texts) > 500
    assert not [path for path in texts if wrong.search(path.read_text(encoding="utf-8"))]


def test_git_hooks_run_what_make_check_runs() -> None:
    hooks = [hook["entry"] for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    checks = recipe("check").partition("##")[0].split()
    assert checks[-1] == "fast-test"
    assert hooks == [f"make {name}" for name in checks[:-1]]


def test_the_workflow_calls_the_script_that_runs_anywhere() -> None:
    steps = read(".github/workflows/ci.yml")["jobs"]["checks"]["steps"]
    assert steps[-1]["run"] == ".ci/run"
    (setup,) = [step["with"] for step in steps if "setup-python" in step.get("uses", "")]
    *others, used = setup["python-version"].split()  # the last is what `python3` is
    versions = re.search(r"^for version in (.*); do$", (ROOT / ".ci/pythons").read_text(), re.MULTILINE)
    assert used == "3.11" and versions and others == versions[1].split()
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    targets = [
        word for line in re.findall(r"^make (.*)$", script, re.MULTILINE) for word in shlex.split(line)
    ]
    assert {"lint", "types", "docs", "test"} <= set(targets)


def test_another_python_that_is_missing_fails_in_the_workflow_alone(tmp_path: Path) -> None:
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    for ci, status in (("true", 1), ("", 0)):
        environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "GITHUB_ACTIONS": ci}
        command = [str(tmp_path / "bash"), str(ROOT / ".ci/pythons")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert "Python 3.8: not on this machine, not checked" in done.stdout


@pytest.mark.parametrize("extra", ["dev", "docs"])
def test_what_an_extra_asks_for_is_pinned(extra: str) -> None:
    pins = {
        re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    listed = re.search(rf"^{extra} = \[(.*?)\]\s*(?:#.*)?$", PYPROJECT, re.MULTILINE | re.DOTALL)
    assert listed
    asked = re.findall(r'"([^"]+)"', re.sub(r"#.*", "", listed[1]))
    assert len(asked) > 2
    for text in asked:
        name = Requirement(text).name
        assert name == DISTRIBUTION or name in pins, text


def test_no_path_is_expanded_by_the_call_that_raises_for_an_unknown_home() -> None:
    raising = re.compile(r"(?<!os\.path)\.expanduser\(")  # `untrusted.expanded` takes its place
    sources = (ROOT / "rlkit").rglob("*.py")
    assert [path.name for path in sources if raising.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize(
    ("words", "module"), [("train task=Reach", "rlkit.app"), ("runs", "rlkit.commands.zoo")]
)
def test_ctrl_c_while_modules_are_imported_is_one_line(
    words: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Impatient:
        def find_spec(self, name: str, *_: object) -> None:
            if name == module:
                raise KeyboardInterrupt

    parent, _, name = module.rpartition(".")
    monkeypatch.delattr(importlib.import_module(parent), name, raising=False)
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    assert cli.main(words.split()) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_without_our_signs_is_shown_others(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", out)
    assert cli.main(["zoo", "show", "Reach"]) == 0
    out.seek(0)
    assert "????" in out.read()  # the bars of its curve
