"""`rlkit try` as a user types it: the page's example, a video, and a task that gives NaN."""

from __future__ import annotations

import re

import pytest
from pages import ROOT

pytestmark = pytest.mark.journey

NAN = '''
# rlkit/tasks/broken.py
from __future__ import annotations

import torch
from torch import Tensor

from rlkit.tasks.api import reward
from rlkit.tasks.reach import Reach


class Broken(Reach):
    """Reach with a reward that is no number from a step on."""

    @reward
    def root(self) -> Tensor:
        """Of what is below 0 then."""
        return torch.sqrt(self.config["rootOf"] - self.episode_step)
'''


def first_column(text):
    """The first cell of each line, and which rows there are in each table."""
    return [re.split(r"  +|: ", line.strip())[0] for line in text.strip().splitlines() if line.strip()]


def test_the_page_shows_what_is_printed(project):
    page = (ROOT / "docs" / "tasks.md").read_text()
    (block,) = re.findall(r"```text\n\$ (rlkit try [^\n]*)\n(.*?)```", page, re.DOTALL)
    command, shown = block
    done = project.shell(f"{command} sim=mujoco")
    assert done.returncode == 0, done.stderr
    printed = [line for line in done.stdout.splitlines() if "simulated" not in line]  # how far it got
    rate = re.compile(r"^[\d,]+ env-steps/s with 16 envs, each at .* real time; .* % of a step is physics$")
    assert rate.match(printed[-1]) and rate.match(shown.splitlines()[-1])
    assert first_column("\n".join(printed[:-1])) == first_column("\n".join(shown.splitlines()[:-1]))
    assert not (project.path / "runs_all").exists()


def test_a_film_of_noise(project):
    done = project.shell(
        "rlkit try --seconds 0.5 --video noise.mp4 task=Reach task.episodeLength=20 numEnvs=3 env.videoWidth=64"
        " env.videoHeight=64"
    )
    assert done.returncode == 0, done.stderr
    assert (project.path / "noise.mp4").stat().st_size > 1000
    assert "noise.mp4: 21 frames" in done.stdout


def test_a_reward_that_is_no_number_is_named_with_what_was_counted_before(project):
    (project.path / "rlkit" / "tasks" / "broken.py").write_text(NAN)
    (project.path / "conf" / "task" / "Broken.yaml").write_text(
        "# @package _global_\ndefaults: [Reach, _self_]\n"
        "task: {name: Broken, rootOf: 2.5, rewardWeights: {root: 1.0}}\n"
    )
    (project.path / "conf" / "train" / "BrokenPPO.yaml").write_text("defaults: [PPO, _self_]\n")
    done = project.shell("rlkit try task=Broken numEnvs=3")
    assert done.returncode == 1, done.stderr
    assert "no episode has ended yet" in done.stdout
    assert re.search(r"^error: task Broken: .*root.*in step 3$", done.stdout, re.MULTILINE)
    done = project.shell("rlkit try task=Broken numEnvs=3 task.rootOf=0.5")
    assert done.returncode == 1, done.stderr
    assert re.search(r"^root +1( +–)+", done.stdout, re.MULTILINE)
    assert re.search(r"^error: task Broken: .*root.*in step 1$", done.stdout, re.MULTILINE)


def test_what_cannot_be_is_refused(project):
    for words, message in (
        ("task=Reach agent=stance", "no such keyframe; there are zero, random, start"),
        ("task=Reech", "did you mean task=Reach"),
    ):
        done = project.shell(f"rlkit try {words}")
        assert done.returncode == 2, done.stdout
        assert message in done.stderr
