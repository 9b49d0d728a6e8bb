"""A run becomes a policy with its card, and a policy a video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import rlkit
from rlkit import cli
from rlkit.runtime.checkpoints.head import read_head
from rlkit.zoo.card import Point, read_card

pytestmark = pytest.mark.slow

ABOUT = "an arm that has learnt next to nothing"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the run `small` and a test of its best checkpoint."""
    folder = tmp_path_factory.mktemp("made")
    words = {"train.units": [8], "training.evalInterval": 1, "training.evalEnvs": 2, "training.threads": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        named = {"logging.experimentName": "small", "sim.numThreads": 1}
        run = rlkit.train("Reach", num_envs=4, max_iter=2, seed=3, quiet=True, overrides={**words, **named})
        kept = {"testing.saveTrajectories": False}
        rlkit.evaluate(run, episodes=64, num_envs=64, quiet=True, overrides=kept)
    return folder


@pytest.fixture(autouse=True)
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def add(out: str, *words: str) -> int:
    return cli.main(["zoo", "add", "small", "--out", out, "--about", ABOUT, "--robot", "panda", *words])


def test_the_card_says_what_the_run_and_its_test_say(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add("policies/Small", "--seeds", "3,4", "--processor", "an abacus") == 0
    assert ABOUT in capsys.readouterr().out
    card = read_card(folder / "policies" / "Small")
    rows = [json.loads(line) for line in (folder / "runs_all/small/metrics.jsonl").read_text().splitlines()]
    head = read_head(folder / "policies/Small/nn/checkpoint_best.pth")
    best = rows[head.iteration - 1]
    assert (card.name, card.task, card.learner, card.robot) == ("Small", "Reach", "ppo", "panda")
    assert (card.seed, card.seeds, card.processor) == (3, (3, 4), "an abacus")
    assert card.env_steps == best["env_steps"] and card.seconds == round(best["wall_time"], 1)
    (test,) = (folder / "runs_all").glob("Reach_test_*")
    tested = json.loads((test / "metrics.json").read_text())
    assert (card.test.episodes, card.test.success) == (64, tested["success_rate"])
    assert card.test.mean_return == pytest.approx(tested["return"]["mean"], rel=1e-4)
    expected = [(row["env_steps"], row["eval/success"], row["eval/return"]) for row in rows]
    assert [point.env_steps for point in card.curve] == [steps for steps, _, _ in expected]
    for point, (steps, success, mean) in zip(card.curve, expected):
        assert point == Point(steps, success, pytest.approx(mean, rel=1e-4))  # type: ignore[arg-type]
    assert "small" not in (folder / "policies/Small/config.yaml").read_text()


def test_it_acts_as_the_run_does_and_holds_nothing_else(folder: Path) -> None:
    assert add("Alone") == 0
    whole, alone = rlkit.load_policy("small"), rlkit.load_policy(folder / "Alone")
    obs = np.random.default_rng(0).normal(size=(5, whole.num_observations)).astype(np.float32)
    assert np.array_equal(whole(obs), alone(obs))
    file = folder / "Alone" / "nn" / "checkpoint_best.pth"
    assert read_head(file, whole=True).acts_only and not read_head(whole.checkpoint).acts_only
    assert file.stat().st_size < whole.checkpoint.stat().st_size / 2
    assert sorted(path.name for path in folder.iterdir() if "lone" in path.name) == ["Alone"]


def test_what_cannot_be_one_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "taken").mkdir(exist_ok=True)
    for words, message in (
        (("taken",), "it is there already"),
        (("new", "--test", "nobody"), "needed, and this makes one: "),
        (("new", "--test", "small"), "small is no test of"),
    ):
        assert add(*words) == 2
        said = capsys.readouterr().err
        assert message in said
    assert "checkpoint=" in said and not (folder / "new").exists()
    words = ["zoo", "add", "zoo:Reach", "--out", "new", "--about", ABOUT]
    assert cli.main(words) == 2 and "lies in none of yours" in capsys.readouterr().err


def test_a_policy_is_exported_as_that_of_a_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert cli.main(["export", "zoo:Reach", "--format", "torchscript", "--out", str(out)]) == 0
    facts = json.loads((out / "policy.json").read_text())
    assert (facts["run"], facts["git"], facts["iteration"]) == ("Reach", {}, 60)
    assert (out / "policy.pt").is_file()


# imageio forks to read the video, which JAX minds where another test has imported it
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning", "ignore:os.fork:RuntimeWarning")
def test_a_demo_leaves_its_video_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import imageio.v3 as imageio

    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "Reach", "--seconds", "1.2"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["Reach.mp4"]
    facts = imageio.immeta(tmp_path / "Reach.mp4", plugin="FFMPEG")
    assert facts["fps"] == 25 and facts["duration"] == pytest.approx(
        1.2 + 1.0, abs=0.1
    )  # and the last picture
