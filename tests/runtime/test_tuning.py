"""What is quickest on this machine is timed, remembered, and the same from then on."""

from __future__ import annotations

import dataclasses
import json
import os
import random
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
import torch

from rlkit import app
from rlkit.config import compose
from rlkit.config.facts.machine import Machine
from rlkit.env.api import EnvSpec
from rlkit.learners import registry as learners
from rlkit.runtime import tuning
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.process import machine_memory
from rlkit.sims.facts import USABLE

pytestmark = pytest.mark.slow

CPU = Machine(cores=8, simulators=frozenset(USABLE), cpu_bf16=True)
SMALL = ["numEnvs=4", "device=cpu"]
FAST_TD3 = [*SMALL, "train=FastTD3", "train.actor_units=[8]", "train.critic_units=[8]", "train.batch_size=16"]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tuning, "available_cores", lambda: 8)
    return tmp_path / "cache" / "rlkit"


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> dict[object, float]:
    """Seconds that an iteration is said to take: by threads, and 16-bit arithmetic's times that."""
    table: dict[object, float] = {1: 1.0, 2: 1.0, 4: 1.0, 8: 1.0, "16 bit": 1.0}

    def iteration(_experiment: object, _spec: object, _trial: object, amp: bool) -> Callable[[], float]:
        return lambda: table[torch.get_num_threads()] * (table["16 bit"] if amp else 1.0)

    monkeypatch.setattr(tuning, "_iteration", iteration)
    monkeypatch.setattr(tuning, "SECONDS", 0.0)
    return table


def spec_of(experiment) -> EnvSpec:
    sizes = {"policy": 6, "critic": 9}
    return EnvSpec("T", experiment.env.num_envs, torch.device("cpu"), sizes, 2, ("a", "b"), 100, 0.02)


def decide(words: list[str], kept: dict | None = None, *, alone: bool = True) -> tuning.Choice:
    experiment = compose(words, machine=CPU)
    choice = tuning.decide(experiment, spec_of(experiment), kept or {}, alone=alone)
    assert choice is not None
    settled = tuning.with_choices(experiment, choice.values)
    assert tuning.undecided(settled) == ()
    assert settled.training.threads == choice.values.get("training.threads", experiment.training.threads)
    return choice


@pytest.mark.parametrize(
    ("seconds", "threads"),
    [
        ({2: 0.9}, 1),  # too little for a thread that the simulator may want
        ({2: 0.6}, 2),
        ({2: 0.6, 4: 0.55, 8: 0.1}, 2),  # where more do not pay, still more are not tried
        ({2: 0.6, 4: 0.4, 8: 0.5}, 4),
        ({2: 0.6, 4: 0.4, 8: 0.2}, 8),
        ({2: 3.0}, 1),
    ],
)
def test_threads_are_the_fewest_that_are_quickest(rates, seconds, threads):
    rates.update(seconds)
    assert decide(SMALL).values == {"training.threads": threads}


@pytest.mark.parametrize(("factor", "amp"), [(0.5, True), (0.97, False), (1.0, False), (1.4, False)])
def test_16_bit_must_be_quicker_than_float32(rates, factor, amp):
    rates["16 bit"] = factor
    assert decide(FAST_TD3).values == {"training.threads": 1, "train.amp": amp}
    assert decide([*FAST_TD3, "training.threads=2"]).values == {"train.amp": amp}
    assert decide([*FAST_TD3, "train.amp=true"]).values == {"training.threads": 1}


def test_the_same_request_gets_the_same_answer_and_another_one_its_own(rates):
    rates[2] = 0.5
    first = decide(SMALL)
    assert "timed just now: 1 thread 1e+03 ms, 2 threads 500 ms" in first.how
    rates[2] = 2.0
    again = decide(SMALL)
    assert (again.values, again.how) == (
        first.values,
        first.how.replace("just now", "on this machine before"),
    )
    assert decide([*SMALL, "train.learning_rate=1e-4"]).values == first.values  # no matter of time
    assert decide([*SMALL, "train.units=[32,32]"]).values == {"training.threads": 1}
    assert decide(["numEnvs=8", "device=cpu"]).values == {"training.threads": 1}


def test_a_resumed_run_keeps_what_it_had_where_this_machine_can(rates):
    assert decide(SMALL, {"training.threads": 4}).values == {"training.threads": 4}
    for odd in (0, 64, "4", True, 2.0, None):
        assert decide(SMALL, {"training.threads": odd}).values == {"training.threads": 1}
    assert decide(FAST_TD3, {"training.threads": 2, "train.amp": True}).values["train.amp"] is True
    rates["16 bit"] = 0.5
    choice = decide(FAST_TD3, {"training.threads": 2})  # it had only one of the two
    assert choice.values == {"training.threads": 2, "train.amp": True}
    assert choice.how.startswith("training.threads as the resumed run had; timed just now")
    choice = decide(FAST_TD3, {"training.threads": 64, "train.amp": False})  # which has more cores
    assert choice.values == {"training.threads": 1, "train.amp": False}
    assert decide(SMALL, {"training.threads": 4}, alone=False).values == {"training.threads": 1}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b"[" * 5000,
        b"7",
        b'{"question": 1}',
        b'{"answer": {"training.threads": 8}}',
        b"{" * 10**6,
    ],
)
def test_a_damaged_answer_is_none(rates, cache, content):
    decide(SMALL)
    (file,) = cache.iterdir()
    file.write_bytes(content)
    rates[2] = 0.5
    assert decide(SMALL).values == {"training.threads": 2}
    assert decide(SMALL).how.startswith("timed on this machine before")  # and is replaced


@pytest.mark.parametrize(
    "answer",
    [
        {"training.threads": 4096, "times": ""},
        {"training.threads": True, "times": ""},
        {"training.threads": 2, "times": "\x1b[2J"},
        {"training.threads": 2},
        {"training.threads": 2, "train.amp": True, "times": ""},
        [],
    ],
)
def test_an_answer_that_cannot_be_ours_is_none(rates, cache, answer):
    decide(SMALL)
    (file,) = cache.iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "answer": answer}))
    assert decide(SMALL).values == {"training.threads": 1}


def test_without_a_place_to_remember_it_is_timed_each_time(rates, cache, monkeypatch, tmp_path):
    cache.parent.mkdir()
    cache.write_text("a file where the folder should be")
    assert decide(SMALL).how.startswith("timed just now")
    assert decide(SMALL).how.startswith("timed just now")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "file" / "home"))
    (tmp_path / "file").write_text("")
    assert decide(SMALL).how.startswith("timed just now")
    monkeypatch.setattr(Path, "home", classmethod(lambda _: (_ for _ in ()).throw(RuntimeError("no home"))))
    assert decide(SMALL).how.startswith("timed just now")


def test_a_pipe_in_the_place_of_an_answer_does_not_hold_the_start_up(rates, cache):
    decide(SMALL)
    (file,) = cache.iterdir()
    file.unlink()
    os.mkfifo(file)
    assert decide(SMALL).values == {"training.threads": 1}


def test_of_several_processes_the_first_answer_counts(cache):
    question = {"machine": "m", "sizes": [1, 2]}
    assert machine_memory.recall(question, bool) is None
    assert machine_memory.remember(question, {"a": 1}, bool) == {"a": 1}
    assert (
        machine_memory.remember(question, {"a": 2}, bool) == machine_memory.recall(question, bool) == {"a": 1}
    )
    assert [file.suffix for file in cache.iterdir()] == [".json"]


@pytest.mark.parametrize("words", [SMALL, FAST_TD3], ids=["ppo", "fast_td3"])
def test_a_learner_is_really_timed_and_leaves_nothing_behind(words, monkeypatch):
    monkeypatch.setattr(tuning, "available_cores", lambda: 2)
    monkeypatch.setattr(tuning, "SECONDS", 0.0)
    experiment = compose(words, machine=dataclasses.replace(CPU, cores=2))
    spec, threads = spec_of(experiment), torch.get_num_threads()
    before = (
        torch.get_rng_state(),
        random.getstate(),
        np.random.get_state(legacy=False)["state"]["key"].tolist(),
    )
    choice = tuning.decide(experiment, spec, {})
    assert choice is not None
    assert choice.values["training.threads"] in (1, 2)
    assert "1 thread " in choice.how
    assert torch.get_num_threads() == threads
    after = (
        torch.get_rng_state(),
        random.getstate(),
        np.random.get_state(legacy=False)["state"]["key"].tolist(),
    )
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_the_short_iteration_has_the_networks_and_the_batch_of_the_long_one_but_for_giants():
    ppo = compose(["numEnvs=64", "device=cpu", "train.units=[32,16]"], machine=CPU)
    trial = learners.trial("ppo", ppo.train, spec_of(ppo))
    assert trial is not None
    assert (trial.num_envs, trial.updates, trial.train["units"]) == (64, 5, (32, 16))
    assert trial.train["minibatch_size"] == ppo.train["minibatch_size"] == 64 * trial.train["horizon_length"]
    fast = compose(["train=FastTD3", "numEnvs=64", "device=cpu", "train.num_updates=8"], machine=CPU)
    trial = learners.trial("fast_td3", fast.train, spec_of(fast))
    assert trial is not None
    assert (trial.num_envs, trial.updates, trial.train["num_updates"]) == (64, 4, 2)
    assert 64 <= trial.train["batch_size"] < fast.train["batch_size"] == 1024


@pytest.mark.slow
def test_a_training_says_what_it_chose_and_its_continuation_keeps_it(rates, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["train.py"])
    rates[2] = 0.5
    words = ["numEnvs=4", "device=cpu", "train.horizon_length=4", "maxIter=1"]
    threads = torch.get_num_threads()
    try:
        assert app.main(words) == 0
        assert "for this machine training.threads=2 (timed just now: 1 thread " in capsys.readouterr().out
        assert torch.get_num_threads() == 2
        rates[2] = 2.0
        assert app.main(["checkpoint=latest", "maxIter=2"]) == 0
        assert "training.threads=2 (as the resumed run had)" in capsys.readouterr().out
    finally:
        torch.set_num_threads(threads)
    for record in tmp_path.glob("runs_all/*/run.json"):
        assert json.loads(record.read_text())["chosen"] == {"training.threads": 2}


@pytest.mark.slow
def test_a_training_with_a_trial_before_it_equals_one_without(monkeypatch, tmp_path):
    """Weights, optimiser, normalisers, envs and all generators, bit for bit."""
    monkeypatch.setattr(tuning, "available_cores", lambda: 2)
    monkeypatch.setattr(tuning, "SECONDS", 0.0)
    monkeypatch.setattr("sys.argv", ["train.py"])
    monkeypatch.chdir(tmp_path)
    words = ["numEnvs=4", "device=cpu", "train.horizon_length=4", "maxIter=2", "seed=3"]
    before = torch.get_num_threads()
    try:
        assert app.main([*words, "logging.experimentName=timed"]) == 0
        chosen = json.loads((tmp_path / "runs_all/timed/run.json").read_text())["chosen"]["training.threads"]
        assert app.main([*words, "logging.experimentName=told", f"training.threads={chosen}"]) == 0
    finally:
        torch.set_num_threads(before)
    timed, told = (
        checkpoints.load(tmp_path / f"runs_all/{name}/nn/checkpoint_last.pth", torch.device("cpu"))
        for name in ("timed", "told")
    )
    for part in ("learner", "rng", "env", "monitor"):
        assert_equal(getattr(timed, part), getattr(told, part))


def assert_equal(one, other):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, (dict, list, tuple)):
        assert len(one) == len(other)
        pairs = [(one[key], other[key]) for key in one] if isinstance(one, dict) else zip(one, other)
        for pair in pairs:
            assert_equal(*pair)
    else:
        assert one == other


def test_a_learner_with_nothing_to_time_takes_one_thread(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setattr(learners, "trial", lambda *_: None)
    choice = decide(SMALL)
    assert choice == tuning.Choice({"training.threads": 1}, "this learner has nothing to time")
    assert not cache.exists()
