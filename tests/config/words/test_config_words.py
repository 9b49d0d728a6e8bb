"""Command lines of any kind: no traceback, nothing made, values echoed in part; text in any language works."""

from __future__ import annotations

import sys

import pytest

from benchmarks.fuzz import fuzz
from rlkit import app, packages
from rlkit.config import ConfigError, compose
from rlkit.config.facts.machine import Machine
from rlkit.config.words.preflight import read_words

CPU = Machine(cores=2, simulators=frozenset({"mujoco", "gymnasium"}))


def refused(*words: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_words(words)
    return caught.value.report()


def test_text_in_any_language_reaches_its_setting():
    text = compose(
        ["env.camera=käm", "logging.experimentName=günther_α_実験", "env.viewerHost=ä b"], machine=CPU
    )
    assert (text.env.camera, text.logging.experiment_name, text.env.viewer_host) == (
        "käm",
        "günther_α_実験",
        "ä b",
    )
    gym = compose(["task=Gym", "env.ids=[ä-v0,'ß,x',b]", "env.kwargs.name=büro", "env.kwargs.more={a: ö, b: [é, 1]}"],
                  machine=CPU)  # fmt: skip
    assert gym.env.ids == ("ä-v0", "ß,x", "b")
    assert (gym.env.kwargs["name"], gym.env.kwargs["more"]["a"], gym.env.kwargs["more"]["b"]) == (
        "büro",
        "ö",
        ("é", 1),
    )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (f"seed={'9' * 400}", "a number has fewer than 400 digits"),
        (f"seed={'9' * 390}", "needs int in [-1, 2147483647], got 999"),
        (f"train.learning_rate={'9' * 350}", "needs float in (0, 1]"),
        (f"numEnvs={'x' * 5000}", "(5002 characters)"),
        (f"{'x' * 5000}=3", "there is no setting xxx"),
        (f"env.camera={'x' * 30_000}", "a value has at most 20000 characters"),
        (f"task.observations={'[' * 3000}", "brackets in brackets, more than 20 deep"),
        (f"env.kwargs.x={'{a:' * 3000}", "brackets in brackets, more than 20 deep"),
        ("env.camera=\udcff", "holds bytes that are no UTF-8"),
        ("env.camera=a\x01", "holds the control character"),
        ("env.kwargs.größe=3", "names on the command line are of letters a to z"),
        ("--experimental-rerun=x.pickle", "reads a pickle, which may run anything"),
        ("--cfg=x", "write --cfg job"),
        ("--resolve", "goes with --cfg job"),
        ("hydra.verbose=null", "needs bool or text or list of text"),
        ("hydra.sweep.subdir=${nope}", "there is no setting nope"),
        ("training.initFrom=~nouser/x.pt", ""),
    ],
    ids=lambda text: text[:30],
)
def test_an_odd_word_is_one_short_refusal(word, message):
    if message:
        report = refused(word)
        assert message in report
        assert max(map(len, report.splitlines())) < 700
        value = word.partition("=")[2]
        assert len(value) <= 200 or value[:201] not in report
    else:
        with pytest.raises(ConfigError, match="there is no folder ~nouser"):
            compose([word], machine=CPU)


def test_hydras_own_options_that_do_not_go_together_are_refused():
    assert "--run and --multirun: one of them at a time" in refused("--run", "--multirun")
    assert app.main(["-sc", "nope"]) == 2


def test_a_request_that_is_refused_leaves_no_folder_of_hydras(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert app.main(["hydra.run.dir=there", "device=cpu"]) == 2
    assert "hydra.run.dir=there: runs lie in runs_all/" in capsys.readouterr().err
    assert app.main(["hydra.job.name=a", "train.minibatch_size=1000", "device=cpu"]) == 2
    assert app.main(["hydra.verbose=5"]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_python_without_rlkits_packages_is_told_which_environment_to_activate(tmp_path, monkeypatch):
    assert packages.problem() is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(packages, "NEEDED", ("sys", "no_such_module"))
    assert str(packages.problem(tmp_path)).endswith(f"or make one in {tmp_path}: make train")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    assert str(packages.problem(tmp_path)).endswith("installed in: source .venv/bin/activate")
    assert f"({sys.executable}, " in str(packages.problem(tmp_path))


def test_help_fits_its_width_shows_defaults_and_one_section(capsys):
    assert app.main(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    assert "  testing.reloadInterval=0.0  [s]" in lines
    assert "train: the learner" in lines
    assert app.main(["--help", "train.", "task=Reach", "train=FastTD3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "train: the learner"
    assert all(line.startswith(("  train.", "      ")) for line in lines[1:] if line)
    assert "  train.learner=fast_td3" in lines
    assert app.main(["--help", "nowhere."]) == 2


@pytest.mark.slow
def test_random_requests_are_answered():
    """A share of `python -m benchmarks.fuzz`, which tries ten thousand."""
    tally = fuzz(240, own_process=120)
    assert tally.faults == []
    assert set(tally.statuses) == {0, 2}
