"""Latents of a task by hand: unit vectors on the whole sphere, each for a time, and which clips they lead to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config
from test_style import put
from test_track_motion import clip_file

from rlkit.tasks.style import Style


@pytest.fixture
def glide(tmp_path: Any) -> str:
    return clip_file(tmp_path)


def skilled(motion: str, n: int, **latent: Any) -> Style:
    config = task_config("task=Style", "train=ASE", f"motion={motion}")
    config["latent"] = {**config["latent"], **latent}
    sim = StubSimulator(Style.scene(config), n, joint_limit=3.0)
    task = Style(config, sim, torch.Generator().manual_seed(0))
    task.begin(torch.arange(n))
    return task


def test_they_are_uniform_on_the_sphere_and_belong_to_what_the_policy_sees(glide: str) -> None:
    """Each number's mean square is 1/8."""
    task = skilled(glide, 4000, size=8)
    latents = task.latent()
    torch.testing.assert_close(latents.norm(dim=1), torch.ones(4000))
    torch.testing.assert_close(latents.T @ latents / 4000, torch.eye(8) / 8.0, atol=0.01, rtol=0.0)
    assert latents.mean(dim=0).abs().max() < 0.03
    assert task.observation_sizes()["latent"] == 8 and "latent" in task.observation_terms
    assert task.mirror() is None
    assert set(task.memory()) >= {"latent", "latent_left"}


def test_each_holds_for_a_time_within_its_bounds(glide: str) -> None:
    """From 0.04 to 0.1 s: from 2 to 5 steps of 0.02 s, all of them."""
    task = skilled(glide, 200, size=4, time=[0.04, 0.1])
    assert task.latents is not None
    held: set[int] = set()
    since, before = torch.zeros(200, dtype=torch.long), task.latent().clone()
    for _ in range(40):
        task.latents.advance()
        since += 1
        changed = (task.latent() != before).any(dim=1)
        held |= set(since[changed].tolist())
        since[changed] = 0
        before = task.latent().clone()
    assert held == {2, 3, 4, 5}


def test_an_episode_begins_with_a_new_one_and_the_others_keep_theirs(glide: str) -> None:
    task = skilled(glide, 4)
    before = task.latent().clone()
    task.begin(torch.tensor([1]))
    assert (task.latent() != before).any(dim=1).tolist() == [False, True, False, False]


def test_shares_tell_which_clips_an_episode_was_near_to(tmp_path: Any) -> None:
    """Three steps in the first clip's state at 1 s, its left knee bent by 0.2 rad; one as in the second, a loop in
    one pose.
    """
    folder = tmp_path / "clips"
    folder.mkdir()
    clip_file(folder, name="bends")
    clip_file(folder, name="glides", loop=True)
    task = skilled(str(folder), 1)
    assert set(task.told_facts()) >= {"near", "cover", "share/bends", "share/glides"}
    bends = task.window.library.names.index("bends")
    for clip in (bends, bends, bends, 1 - bends):
        put(task, 1.0, clip)
        task.episode_step += 1
        task.refresh()
        task.advance()
    facts = task.episode_facts()
    assert (facts["share/bends"].item(), facts["share/glides"].item()) == (0.75, 0.25)


def test_without_ase_there_are_none(glide: str) -> None:
    config = task_config("task=Style", "train=AMP", f"motion={glide}")
    sim = StubSimulator(Style.scene(config), 2, joint_limit=3.0)
    task = Style(config, sim, torch.Generator().manual_seed(0))
    assert task.latents is None and "latent" not in task.memory()
    assert not [name for name in task.told_facts() if name.startswith("share/")]


def test_an_env_that_is_looked_at_keeps_to_a_latent_until_it_is_let_go(glide: str) -> None:
    task = skilled(glide, 3, size=2, time=[0.02, 0.02])
    assert task.held_latents == 2 and task.latents is not None
    task.hold_latent(1, (3.0, 4.0))
    for _ in range(3):
        task.latents.advance()
        torch.testing.assert_close(task.latent()[1], torch.tensor([0.6, 0.8]))
    task.begin(torch.arange(3))  # from the first observation of a new episode on
    torch.testing.assert_close(task.latent()[1], torch.tensor([0.6, 0.8]))
    others = task.latent()[[0, 2]].clone()
    task.latents.advance()
    assert (task.latent()[[0, 2]] != others).any(dim=1).all()  # these are drawn in every step
    task.hold_latent(2, (3.0, 4.0))  # another env is shown now
    task.latents.advance()
    torch.testing.assert_close(task.latent()[2], torch.tensor([0.6, 0.8]))
    assert not torch.allclose(task.latent()[1], torch.tensor([0.6, 0.8]))
    task.hold_latent(2, ())
    task.latents.advance()
    assert not torch.allclose(task.latent()[2], torch.tensor([0.6, 0.8]))
