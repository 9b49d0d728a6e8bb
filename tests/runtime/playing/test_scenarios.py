"""Episodes to order: each scenario counts once, whatever the number of envs, and by hand-computed facts."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from puck import Courses, courses_env, task_of
from rich.console import Console

from rlkit.config import compose
from rlkit.env.api import EnvError, EnvSpec
from rlkit.env.transfer import DeviceEnv
from rlkit.learners.api import Policy
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.playing import policy_test, rollout, scenarios
from rlkit.runtime.playing.evaluation import Evaluation
from rlkit.tasks.api import Fact, Task, fact
from rlkit.workspace import Resolved, WorkspaceLimits, open_run

ROWS = [
    # Positions 1, 2; 1, 2, 3, 4; 1, 2, 3 m. A step pays 1 and lasts .5 s.
    {
        "scenario": "short",
        "success": 1,
        "length": 2,
        "seconds": 1.0,
        "mean_position": 1.5,
        "last_position": 2.0,
    },
    {
        "scenario": "long",
        "success": 1,
        "length": 4,
        "seconds": 2.0,
        "mean_position": 2.5,
        "last_position": 4.0,
    },
    {
        "scenario": "broken",
        "success": 0,
        "length": 3,
        "seconds": 1.5,
        "mean_position": 2.0,
        "last_position": 3.0,
    },
]
CSV = """\
iteration,course,success (at 2 m, 4 m),mean_position [m],last_position [m],return,length [control steps],time [s]
7,short,1,1.5,2.0,2.0,2,1.0
7,long,1,2.5,4.0,4.0,4,2.0
7,broken,0,2.0,3.0,3.0,3,1.5
""".replace("success (at 2 m, 4 m)", '"success (at 2 m, 4 m)"')


@Policy
def zero_policy(obs):
    return torch.zeros(len(obs["policy"]), 1)


@pytest.mark.parametrize(
    ("num_envs", "begun", "steps"),
    [
        # Env 0 of two plays on freely when "short" is over, and both begin anew when "long" is.
        (2, [[0, 1], [-1], [-1], [2, -1]], 4 + 3),
        (3, [[0, 1, 2], [-1], [-1]], 4),
        (5, [[0, 1, 2, -1, -1], [-1], [-1]], 4),
    ],
)
def test_each_scenario_is_played_once_from_its_start(num_envs, begun, steps):
    env = courses_env(num_envs)
    results = rollout.play(env, zero_policy, per_env=3)
    assert [{name: row[name] for name in ROWS[0]} for row in results["scenarios"]] == ROWS
    assert task_of(env).begun[: len(begun)] == begun
    assert env._num_steps == steps
    assert (results["episodes"], results["failed"]) == (3, ["broken"])
    assert results["success_rate"] == pytest.approx(2 / 3)
    assert results["return"]["mean"] == results["length"]["mean"] == 3.0
    assert results["facts"]["mean_position"] == pytest.approx(
        {"mean": 2.0, "std": 0.5, "min": 1.5, "max": 2.5}
    )
    assert json.loads(json.dumps(results)) == results


def test_nothing_is_randomised_until_the_next_reset():
    """The noise on the position is of 1 m; it is drawn all the same, and added to nothing."""
    env = courses_env(4)
    assert not torch.equal(env.reset()["policy"], torch.zeros(4, 1))
    assert torch.equal(env.begin_scenarios(torch.arange(4) % 3)["policy"], torch.zeros(4, 1))
    assert torch.equal(env.step(torch.zeros(4, 1)).obs["policy"], torch.ones(4, 1))
    assert env.task.level == 1.0
    assert not torch.equal(env.reset()["policy"], torch.zeros(4, 1))


def test_an_evaluation_tells_the_means_and_comes_out_the_same_again():
    evaluation = Evaluation(lambda: courses_env(2))
    for _ in range(2):
        metrics = evaluation.metrics(zero_policy)
        assert metrics.pop("time/evaluation") > 0.0
        assert metrics == {
            "eval/return": 3.0,
            "eval/length": 3.0,
            "eval/success": pytest.approx(2 / 3),
            "eval/timeout": 0.0,
            "eval/mean_position": 2.0,
            "eval/last_position": 3.0,
        }
        success, facts = scenarios.found(evaluation.results, evaluation.env.spec)
        assert success.tolist() == [True, True, False]
        assert facts["last_position"].tolist() == [2.0, 4.0, 3.0]


def test_a_fact_that_is_not_finite_counts_in_no_mean_and_is_null_in_json():
    class Lost(Courses):
        @fact("m")
        def mean_position(self):
            return torch.where(self.scenario == 1, torch.nan, self.sums / self.steps_played)

    env = courses_env(3, task=Lost)
    results = rollout.play(env, zero_policy, per_env=1)
    assert results["facts"]["mean_position"]["mean"] == (1.5 + 2.0) / 2
    assert [row["mean_position"] for row in results["scenarios"]] == [1.5, None, 2.0]
    assert "7,long,1,,4.0" in scenarios.as_csv([(7, row) for row in results["scenarios"]], env.spec)
    assert [row["scenario"] for row in scenarios.worst_first(results["scenarios"], env.spec)][:2] == [
        "broken",
        "long",
    ]


def test_the_table_for_people_shows_the_worst_and_says_how_many_more_there_are():
    spec = replace(courses_env(1).spec, facts={"error": Fact("rad")})
    rows = [
        {"scenario": f"c{i:02d}", "success": i % 2, "error": float(i), "return": 1.0, "seconds": 1.0}
        for i in range(30)
    ]
    console = Console(width=120, record=True)
    console.print(scenarios.scenarios_table({"scenarios": rows, "failed": [""] * 15}, spec))
    text = console.export_text()
    assert "15 of 30 courses failed" in text and "error [rad]" in text and "and 10 better ones" in text
    shown = [
        line.split()[0] for line in text.splitlines() if line.startswith(" c") and line.split()[0] != "course"
    ]
    assert shown[:2] == ["c28", "c26"] and shown[14:16] == ["c00", "c29"] and len(shown) == 20


def test_names_and_numbers_are_whole_on_eighty_columns():
    names = [f"error_{word}" for word in ("global", "root_relative", "joints", "worst")]
    spec = replace(courses_env(1).spec, facts={name: Fact("rad") for name in names})
    row = {"scenario": "sidestep_right (mirror image)", "success": 0, "return": -123.0, "seconds": 10.0}
    console = Console(width=80, record=True)
    console.print(
        scenarios.scenarios_table(
            {"scenarios": [{**row, **dict.fromkeys(names, 0.0884)}], "failed": [""]}, spec
        )
    )
    line = next(line for line in console.export_text().splitlines() if "sidestep" in line)
    assert line.split() == ["sidestep_right", "0", "%", *["0.0884"] * 4, "-123", "10"]


def test_an_env_behind_a_transfer_plays_the_same():
    plain, behind = courses_env(2), DeviceEnv(courses_env(2), torch.device("cpu"))
    assert rollout.play(behind, zero_policy, per_env=1) == rollout.play(plain, zero_policy, per_env=1)


class Playing:
    """A learner whose policy does nothing."""

    def policy(self, *, stochastic=False):
        return zero_policy

    def load(self, state, *, policy_only=False):
        assert policy_only


@pytest.fixture
def tested(tmp_path):
    """The run folder of a test of the courses, by its number of envs."""
    runs: list[Any] = []

    def test(num_envs, *words):
        line = ["task=BaseTask", "device=cpu", f"numEnvs={num_envs}", "test=true", "checkpoint=x", *words]
        experiment = compose(line)
        facts: dict[str, Any] = {"config_yaml": "", "command": ["python"], "learner": "ppo", "device": "cpu"}
        run = open_run("Courses", "test", root=tmp_path, settings=WorkspaceLimits(), seed=1, **facts)
        runs.append(run)
        checkpoints.save(tmp_path / "a.pth", Checkpoint("Courses", "ppo", 7, 0, 1, {}, {}))
        learner: Any = Playing()
        source, console = Resolved(run.path, tmp_path / "a.pth", 7, "it"), Console(width=120)
        assert (
            policy_test.PolicyTest(experiment, courses_env(num_envs), learner, source, run, console).play()
            is None
        )
        return run.path

    yield test
    for run in runs:
        run.close()


@pytest.mark.parametrize("num_envs", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_a_test_writes_a_row_a_scenario_and_what_failed(tested, num_envs, capsys, monkeypatch):
    monkeypatch.setattr(policy_test, "viewer_for", lambda *_: None)
    folder = tested(num_envs, "testing.recordEnvs=0")
    assert (folder / "courses.csv").read_text() == CSV
    assert (folder / "failed_courses.txt").read_text() == "broken\n"
    found = json.loads((folder / "metrics.json").read_text())
    assert (found["episodes"], found["complete"], found["failed"]) == (3, True, ["broken"])
    assert [row["scenario"] for row in found["scenarios"]] == ["short", "long", "broken"]
    assert "1 of 3 courses failed" in capsys.readouterr().out
    assert len((folder / "episodes.csv").read_text().splitlines()) == 4


@pytest.mark.slow
def test_games_asked_for_are_left_aside_with_a_word(tested, caplog, monkeypatch):
    monkeypatch.setattr(policy_test, "viewer_for", lambda *_: None)
    folder = tested(2, "testing.recordEnvs=0", "testing.gamesNum=50")
    assert "each of 3 courses is played once" in caplog.text
    assert len((folder / "courses.csv").read_text().splitlines()) == 4


def test_without_scenarios_none_can_be_ordered():
    class Free(Courses):
        scenarios = ()

    env = courses_env(2, task=Free)
    with pytest.raises(EnvError, match="task Courses has no scenarios"):
        env.begin_scenarios(torch.tensor([0, 1]))
    results = rollout.play(env, zero_policy, per_env=1)  # facts are told without them too: 1 to 6 m
    assert results["facts"]["mean_position"]["mean"] == 3.5 and "scenarios" not in results


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario_noun": "a b"}, "scenario_noun is 'a b'"),
        ({"scenarios": ("one", "two", "one")}, "two scenarios are called one"),
        ({"length": fact("m")(lambda self: self.at)}, "a fact is called length"),
    ],
)
def test_names_that_would_meet_others_are_refused(change, message):
    with pytest.raises(EnvError, match=message):
        courses_env(2, task=type("Named", (Courses,), change))


def test_training_tells_no_facts_and_pays_for_none():
    class Costly(Courses):
        @fact()
        def costly(self):
            raise AssertionError("nobody asked")

    env = courses_env(2, task=Costly, learning=True)
    env.reset()
    assert all(env.step(torch.zeros(2, 1)).info.facts == {} for _ in range(7))


def test_every_task_and_spec_has_none_by_default():
    assert Task.scenarios == () and Task.facts() == {}
    assert EnvSpec.scenarios == () and EnvSpec.scenario_noun == Task.scenario_noun


def test_which_scenario_an_env_plays_is_part_of_its_state():
    env, other = courses_env(3), courses_env(3)
    env.begin_scenarios(torch.arange(3))
    other.reset()
    other.load_state(env.state())
    assert task_of(other).scenario.tolist() == [0, 1, 2]
    older = {name: value for name, value in env.state().items() if name != "scenario"}
    other.load_state(older)
    assert task_of(other).scenario.tolist() == [-1, -1, -1]
