"""How long a training takes: said once its rate is known, and before the next one like it begins."""

from __future__ import annotations

import pytest

from rlkit.config import compose
from rlkit.runtime.progress import schedule as schedule_module
from rlkit.runtime.progress.forecast import Forecast, about
from rlkit.runtime.progress.schedule import Schedule
from rlkit.runtime.progress.train_state import TrainState


def told(monkeypatch, caplog, *words, seconds, steps, iterations=8):
    """The messages of a training whose iterations take so many seconds, the first ten times as long."""
    now = [0.0]
    monkeypatch.setattr(schedule_module.time, "perf_counter", lambda: now[0])
    experiment, at = compose(["device=cpu", "sim=mujoco", *words]), TrainState()
    schedule, forecast = Schedule(experiment.training, at), Forecast(experiment)
    with caplog.at_level("INFO", "rlkit"):
        for _ in range(iterations):
            now[0] += seconds if at.iteration else 10 * seconds
            at.iteration, at.env_steps = at.iteration + 1, at.env_steps + steps
            schedule.advanced(steps)
            forecast.look(schedule, {"rate/env_steps_per_s": steps / seconds})
    return [(record.levelname, record.message) for record in caplog.records if record.name == "rlkit"]


def test_hours(monkeypatch, caplog):
    words = ("maxIter=10000", "numEnvs=128")
    # The first iteration compiled something: the second one's rate counts.
    assert told(monkeypatch, caplog, *words, seconds=2.0, steps=4096) == [
        ("INFO", "at 2,048 env-steps/s the rest of this training takes about 5h33m")
    ]


def test_more_envs_than_a_cpu_is_for(monkeypatch, caplog):
    ((level, message),) = told(monkeypatch, caplog, "config=train_headless", seconds=40.0, steps=262144)
    assert level == "WARNING"
    assert message.startswith("at 6,554 env-steps/s the rest of this training takes about 1h05m; ")
    assert message.endswith("takes numEnvs=128 on a CPU, which makes as many iterations 64 times as short")


def test_minutes(monkeypatch, caplog):
    # 3 of 100 iterations are over when 10 s are: 97 of 2 s are left.
    words = ("maxIter=100", "until=return>=600")
    assert told(monkeypatch, caplog, *words, seconds=2.0, steps=4096) == [
        ("INFO", "at 2,048 env-steps/s the rest of this training takes about 3 min at most")
    ]


def test_less_than_a_minute_is_not_worth_a_line(monkeypatch, caplog):
    assert told(monkeypatch, caplog, "maxIter=20", seconds=2.0, steps=4096) == []


def kept(monkeypatch, *words, done, first=0, seconds=2.0, reached=False):
    """What the next training says that is like one which made so many iterations after the `first`."""
    now = [0.0]
    monkeypatch.setattr(schedule_module.time, "perf_counter", lambda: now[0])
    experiment, at = compose(["device=cpu", "sim=mujoco", *words]), TrainState(iteration=first)
    schedule, forecast = Schedule(experiment.training, at), Forecast(experiment)
    at.iteration, now[0] = first + done, done * seconds
    forecast.keep(schedule, reached=reached)
    return Forecast(compose(["device=cpu", "sim=mujoco", *words, "seed=7"])).beforehand()


UNKNOWN = "not known yet: said after the first iterations"


@pytest.mark.slow
def test_the_next_training_like_it_says_how_long_the_last_one_took(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Forecast(compose(["device=cpu"])).beforehand() == UNKNOWN
    assert kept(monkeypatch, "maxIter=200", done=10) == "about 7 min, as the last time here"
    # The newest counts: 200 iterations of a second.
    assert kept(monkeypatch, "maxIter=200", done=20, seconds=1.0) == "about 3 min, as the last time here"
    experiment = compose(["device=cpu", "sim=mujoco", "maxIter=200"])
    assert Forecast(experiment).beforehand(resumed=True) == "1 s an iteration, as the last time here"
    assert Forecast(experiment, ranks=2).beforehand() == UNKNOWN
    for other in ("numEnvs=7", "train.units=[8]", "task=Reach"):
        assert Forecast(compose(["device=cpu", "sim=mujoco", other])).beforehand() == UNKNOWN


@pytest.mark.slow
def test_it_says_when_the_last_one_was_good_enough(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    words = ("maxIter=200", "until=return>=600")
    at_most = "about 7 min at most, as the last time here; less once return>=600"
    assert kept(monkeypatch, *words, done=10) == at_most
    until = "about 40 s until return>=600, as the last time here; at most about 7 min"
    assert kept(monkeypatch, *words, done=20, reached=True) == until
    # A resumed one does not tell how long it takes from nothing, and a very short one tells no rate.
    assert kept(monkeypatch, *words, done=10, first=20, reached=True) == at_most
    assert kept(monkeypatch, *words, done=4, reached=True) == at_most


def test_a_file_that_says_nonsense_is_as_none(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept(monkeypatch, "maxIter=200", done=10)
    (file,) = tmp_path.rglob("*.json")
    file.write_text(file.read_text().replace('"each": 2.0', '"each": -1.0'))
    assert Forecast(compose(["device=cpu", "sim=mujoco", "maxIter=200"])).beforehand() == UNKNOWN


def test_spans_that_nobody_knows_exactly():
    assert [about(s) for s in (0.2, 42.4, 89.0, 91.0, 3599.0, 7800.0)] == [
        "about 1 s", "about 42 s", "about 89 s", "about 2 min", "about 60 min", "about 2h10m",
    ]  # fmt: skip
