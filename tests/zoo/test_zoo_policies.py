"""The policies that come with rlkit do what their cards say."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import rlkit
from rlkit import zoo
from rlkit.zoo.card import Results, read_card

EPISODES = 16


def agrees(test: Results, success: float, mean_return: float) -> bool:
    """Whether EPISODES others may come from the same policy: within three standard errors, and a twentieth."""
    share = test.success or 0.0
    # Of a share of 1 the error would be 0: one more failure is taken for possible.
    known = (share * test.episodes + 1) / (test.episodes + 2)
    enough = share - 3 * math.sqrt(known * (1 - known) / EPISODES)
    error = test.std_return / math.sqrt(EPISODES)
    return success >= enough and abs(mean_return - test.mean_return) <= 3 * error + 0.05 * abs(
        test.mean_return
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.shipped())
def test_a_policy_reaches_what_its_card_says(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    card = read_card(zoo.folder_of(name))
    settings = {"testing.saveTrajectories": False, "sim.numThreads": 1, "seed": 7}
    run = rlkit.evaluate(f"zoo:{name}", episodes=EPISODES, num_envs=EPISODES, quiet=True, overrides=settings)
    assert agrees(card.test, run.metrics["success_rate"], run.metrics["return"]["mean"]), run.metrics


def test_a_policy_that_has_learnt_nothing_would_not_pass() -> None:
    for name in zoo.shipped():
        test = read_card(zoo.folder_of(name)).test
        assert test.success is not None and agrees(test, test.success, test.mean_return)
        assert not agrees(test, 0.5, test.mean_return)
        assert not agrees(test, 1.0, test.mean_return - 4 * test.std_return - abs(test.mean_return))


def test_every_card_is_whole_and_every_policy_small() -> None:
    names = zoo.shipped()
    assert {"Reach", "Style"} <= set(names)
    for name in names:
        folder, card = zoo.folder_of(name), read_card(zoo.folder_of(name))
        assert card.name == name and card.seed in card.seeds and card.licence == "Apache-2.0"
        assert card.test.episodes >= 64 and (card.test.success or 0.0) >= 0.9
        assert card.command.startswith("python train.py task=") and "experimentName" not in card.command
        assert card.curve and card.curve[-1].env_steps >= card.env_steps > 0 and card.seconds > 0
        assert len(card.about) <= 60 and "\n" not in card.about
        assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
            "card.yaml",
            "config.yaml",
            "nn/checkpoint_best.pth",
        }
        assert zoo.size_of(folder) < 1e6
    assert sum(zoo.size_of(zoo.folder_of(name)) for name in names) < 3e6
