"""A training that will take hours says so, once, as soon as its rate is known."""

from __future__ import annotations

import pytest

from rlkit.config import compose
from rlkit.runtime import schedule as schedule_module
from rlkit.runtime.forecast import Forecast
from rlkit.runtime.schedule import Schedule
from rlkit.runtime.standing import Standing


def told(monkeypatch, caplog, *words, seconds, steps, iterations=8):
    """The messages of a training whose iterations take so many seconds, the first ten times as long."""
    now = [0.0]
    monkeypatch.setattr(schedule_module.time, "perf_counter", lambda: now[0])
    experiment, at = compose(["device=cpu", "sim=mujoco", *words]), Standing()
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
        ("INFO", "at 2,048 env-steps/s the rest of this training takes 5h33m")
    ]


def test_more_envs_than_a_cpu_is_for(monkeypatch, caplog):
    ((level, message),) = told(monkeypatch, caplog, "config=train_headless", seconds=40.0, steps=262144)
    assert level == "WARNING"
    assert message.startswith("at 6,554 env-steps/s the rest of this training takes 1h05m; ")
    assert message.endswith("takes numEnvs=128 on a CPU, which makes as many iterations 64 times as short")


@pytest.mark.parametrize("seconds", [0.2, 20.0])
def test_minutes_are_not_worth_a_line(monkeypatch, caplog, seconds):
    assert told(monkeypatch, caplog, "maxIter=100", seconds=seconds, steps=4096) == []
