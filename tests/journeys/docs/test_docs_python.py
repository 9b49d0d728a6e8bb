"""The Python of docs/python.md, of its reference and of the notebook, run as it stands there, each in a fresh Python.

A notebook is a list of cells; running them one after another in one Python is all that a test of it takes, without the
packages that would start a kernel for it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pages import ROOT, Page
from project import Project

DOCS = ROOT / "docs"
NOTEBOOK = DOCS / "tutorials" / "python.ipynb"

pytestmark = pytest.mark.journey


def blocks(page: str) -> list[str]:
    return Page(DOCS / page).blocks("python")


def cells() -> list[str]:
    """The code of the notebook, cell by cell."""
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert content["nbformat"] == 4
    assert all(cell["outputs"] == [] for cell in content["cells"] if cell["cell_type"] == "code")
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize(
    ("code", "prints"),
    [
        (
            blocks("python.md"),
            ["did you mean env.numEnvs=8", "grasp_to_goal", "Policy(Reach, ppo, iteration 4"],
        ),
        (blocks("api/python.md"), ["did you mean task=BaseTask"]),
        (
            cells(),
            ["a random arm earns", "20 {'episode/return'", "the trained one earns", "test Reach_test_"],
        ),
    ],
    ids=["guide", "reference", "notebook"],
)
def test_the_code_runs_as_it_stands(code: list[str], prints: list[str], project: Project) -> None:
    """Under `if __name__ == "__main__"` and with a name of its own, as a user's script."""
    assert len(code) > 5
    body = "\n\n".join(code).replace("\n", "\n    ")
    (project.path / "mine.py").write_text(f'if __name__ == "__main__":\n    {body}\n', encoding="utf-8")
    done = project.shell("python mine.py", timeout=240.0)
    assert done.returncode == 0, done.stdout + done.stderr
    for text in prints:
        assert text in done.stdout
    assert "Traceback" not in done.stderr and (project.path / "runs_all").is_dir()


def test_the_notebook_is_linked_and_lies_where_the_site_takes_it() -> None:
    for page in ("python.md", "tutorials/README.md"):
        assert any(target.endswith(NOTEBOOK.name) for target in Page(DOCS / page).links()), page
    assert NOTEBOOK.parent == Path(DOCS / "tutorials")
