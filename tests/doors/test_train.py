"""`rlkit.train` and `rlkit.evaluate`: runs like any other, in this process, which is as before afterwards."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rlkit
from rlkit.learners.api import LearnerError
from rlkit.runtime.process.stopping import SIGNALS, WARNINGS

pytestmark = pytest.mark.slow

SMALL = {"num_envs": 4, "device": "cpu", "overrides": {"train.units": [8], "training.threads": 1}}


def small(**settings) -> rlkit.Run:
    return rlkit.train("BaseTask", **{**SMALL, "quiet": True, **settings})


class Heard(rlkit.Callback):
    """What it was told, as (what, iteration)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def on_evaluation(self, now: rlkit.Moment) -> None:
        assert "eval/return" in now.metrics
        self.told.append(("evaluation", now.iteration))

    def on_iteration(self, now: rlkit.Moment) -> None:
        assert now.env_steps == 4 * 32 * now.iteration and now.seconds > 0.0 and "losses/actor" in now.metrics
        self.told.append(("iteration", now.iteration))


def test_a_run_comes_back_with_its_numbers_and_goes_on(tmp_path: Path) -> None:
    heard = Heard()
    run = small(
        max_iter=3,
        seed=5,
        callbacks=[heard],
        **{"training.evalInterval": 2, "training.evalEnvs": 2, "task.episodeLength": 20},
    )
    assert heard.told == [
        ("iteration", 1),
        ("evaluation", 2),
        ("iteration", 2),
        ("evaluation", 3),
        ("iteration", 3),
    ]
    assert (run.state, run.iterations, run.task, run.kind) == ("done", 3, "BaseTask", "train")
    assert run.path.parent == tmp_path / "runs_all" and set(run.checkpoints) == {"best", "last"}
    assert run.metrics["iteration"] == 3 and run.history["iteration"].tolist() == [1, 2, 3]
    assert np.isfinite(run.history["eval/return"]).tolist() == [False, True, True]
    assert run.best_return == pytest.approx(np.nanmax(run.history["eval/return"]))
    further = rlkit.train(checkpoint=f"{run.name}:last", max_iter=4, quiet=True)
    assert (further.state, further.iterations) == ("done", 4)
    assert [found.name for found in rlkit.runs(kind="train")] == [further.name, run.name]
    tested = rlkit.evaluate(run, episodes=3, num_envs=2, quiet=True)
    assert (tested.kind, tested.state, tested.metrics["episodes"]) == ("test", "done", 4)  # rounded up
    assert tested.metrics["checkpoint"] == str(run.checkpoints["best"])


def test_the_same_request_gives_the_same_policy_here_and_twice() -> None:
    runs = [small(max_iter=2, seed=7) for _ in range(2)]
    first, second = (rlkit.load_policy(run) for run in runs)
    obs = torch.rand(3, first.num_observations)
    assert torch.equal(first(obs), second(obs))


def test_the_process_is_as_before() -> None:
    def seed() -> None:
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    def everything() -> tuple[object, ...]:
        handlers = [signal.getsignal(number) for number in (*SIGNALS, *WARNINGS)]
        numbers = random.random(), float(np.random.rand()), float(torch.rand(()))
        return handlers, torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), numbers

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        seed()
        before = everything()
        seed()
        small(max_iter=1, overrides={**SMALL["overrides"], "training.torchDeterministic": True})
        assert everything() == before
    finally:
        torch.set_num_threads(threads)


def test_a_callback_ends_the_training() -> None:
    class Enough(rlkit.Callback):
        def on_iteration(self, now: rlkit.Moment) -> None:
            assert now.run.parent.name == "runs_all"
            if now.iteration == 2:
                now.stop()

    run = small(max_iter=50, callbacks=[Enough()])
    assert (run.state, run.iterations) == ("done", 2)


def test_a_training_in_a_callback_is_refused_and_hurts_nothing() -> None:
    class Nested(rlkit.Callback):
        def on_iteration(self, now: rlkit.Moment) -> None:
            for begin in (small, lambda: rlkit.evaluate(now.run)):
                with pytest.raises(rlkit.RlkitError, match="under way in this process"):
                    begin()

    run = small(max_iter=2, callbacks=[Nested()])
    assert (run.state, run.iterations) == ("done", 2) and len(rlkit.runs()) == 1
    assert small(max_iter=1).state == "done"  # the next one may begin


@pytest.mark.parametrize("wrong", [rlkit.Callback(), [rlkit.Callback], [print]])
def test_what_is_no_list_of_callbacks_is_refused_before_there_is_a_run(wrong: Any) -> None:
    with pytest.raises(rlkit.RlkitError, match=r"callbacks=\[MyCallback\(\)\]"):
        small(max_iter=1, callbacks=wrong)
    with pytest.raises(rlkit.RlkitError, match=r"overrides: takes a mapping"):
        small(max_iter=1, overrides=["task.episodeLength=40"])
    assert rlkit.runs() == []


def test_what_a_callback_raises_ends_the_run_as_failed_and_comes_out() -> None:
    class Broken(rlkit.Callback):
        def on_iteration(self, now: rlkit.Moment) -> None:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        small(max_iter=3, callbacks=[Broken()])
    (run,) = rlkit.runs()
    assert run.state == "failed" and "mine" in str(run.reason)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_and_comes_out(number: signal.Signals) -> None:
    class Presses(rlkit.Callback):
        def on_iteration(self, now: rlkit.Moment) -> None:
            if now.iteration == 2:
                os.kill(os.getpid(), number)

    handler = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as caught:
        small(max_iter=50, callbacks=[Presses()])
    stop = caught.value
    assert isinstance(stop, rlkit.Interrupted) and stop.signal == number
    assert stop.run.state == "interrupted" and "last" in stop.run.checkpoints
    assert signal.getsignal(number) is handler
    assert rlkit.train(checkpoint=f"{stop.run.name}:last", max_iter=4, quiet=True).iterations == 4


def test_errors_are_raised_before_there_is_a_run_and_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(rlkit.RlkitError) as caught:
        small(max_iter=0, num_env=3)
    assert len(caught.value.messages) == 2 and not (tmp_path / "runs_all").exists()
    with pytest.raises(rlkit.RlkitError, match="there is no training run"):
        rlkit.evaluate("latest")
    assert not (tmp_path / "runs_all").exists()

    def diverges(*_: object) -> None:
        raise LearnerError("a loss is not finite")

    monkeypatch.setattr("rlkit.runtime.training.train.Training.iterate", diverges)
    with pytest.raises(LearnerError, match="not finite"):
        small(max_iter=3)
    (run,) = rlkit.runs()
    assert run.state == "failed"


def test_quiet_prints_nothing_and_the_log_has_it(capfd: pytest.CaptureFixture[str]) -> None:
    run = small(max_iter=1)
    printed = capfd.readouterr()
    assert printed.out == "" and "1/1" in (run.path / "train.log").read_text()
    small(max_iter=1, quiet=False)
    assert "BaseTask: train" in capfd.readouterr().out


def test_a_notebook_gets_lines(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """What rich takes for a sign of a notebook; its panels need ipywidgets there."""
    shell = type("ZMQInteractiveShell", (), {})
    monkeypatch.setattr("builtins.get_ipython", shell, raising=False)
    small(max_iter=1, quiet=False)
    assert re.search(r"^1/1 .*steps", capfd.readouterr().out, re.MULTILINE)


def test_it_trains_in_another_thread_than_the_main_one() -> None:
    runs: list[rlkit.Run] = []
    thread = threading.Thread(target=lambda: runs.append(small(max_iter=1)))
    thread.start()
    thread.join()
    assert [run.state for run in runs] == ["done"]
