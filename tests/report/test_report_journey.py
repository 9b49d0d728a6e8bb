"""Train twice with two seeds, then report and compare as a user types it."""

from __future__ import annotations

import re

import pytest
from PIL import Image
from project import Project


@pytest.mark.journey
@pytest.mark.slow
def test_report_and_compare_two_trained_runs(tmp_path):
    project = Project.copied(tmp_path / "project")
    for seed in (1, 2):
        done = project.train(
            "train.units=[8]", "numEnvs=4", "maxIter=2", "task.episodeLength=8", f"seed={seed}"
        )
        assert done.returncode == 0, done.stderr
    first, second = project.names()

    done = project.shell("rlkit report latest")
    assert done.returncode == 0, done.stderr
    folder = project.run(second) / "report"
    assert done.stdout.splitlines()[0] == str(folder / "index.html")
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert f"<h1>{second}</h1>" in page
    assert "env.numEnvs" in page  # what was asked for, with its alias worked out
    assert "losses/critic" in page

    done = project.shell(f"rlkit compare {first} {second}")
    assert done.returncode == 0, done.stderr
    (page,) = project.path.glob("reports/compare_*/index.html")
    assert "2 runs, seeds 1, 2" in page.read_text(encoding="utf-8")
    pictures = [*page.parent.glob("*.png"), *folder.glob("*.png")]
    named = re.findall(r"\w+\.png", done.stdout)
    assert "return.png" in named
    assert sorted(picture.name for picture in page.parent.glob("*.png")) == sorted(named)
    for picture in pictures:
        with Image.open(picture) as image:
            assert image.width == 1020

    done = project.shell("rlkit compare latest nothing_like_it")
    assert done.returncode == 2
    assert "nothing_like_it" in done.stderr
    assert "Traceback" not in done.stderr
