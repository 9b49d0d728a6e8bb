"""What the loop evaluates, saves and says, and when."""

from __future__ import annotations

import errno
import io
import os
import shutil
from typing import Any

import pytest
import torch
from puck import log_of, puck_env
from rich.console import Console
from scripted_env import ScriptedEnv

from benchmarks.metric_lines import read_metrics
from benchmarks.point_mass import PointMass
from rlkit.config import compose
from rlkit.learners.api import Iteration, Learner, LearnerError, Policy
from rlkit.learners.ppo.learner import PPO
from rlkit.runtime.process.ranks import Ranks
from rlkit.runtime.process.seeding import seed_everything
from rlkit.runtime.progress import metrics
from rlkit.runtime.progress.schedule import SaveClock
from rlkit.runtime.progress.train_state import Best, Score
from rlkit.runtime.training.train import Training
from rlkit.workspace import WorkspaceError, checkpoint_name


class Counting(Learner):
    """Steps the env twice an iteration and counts its iterations; keeps experience and one warning."""

    def __init__(self, env):
        self.spec, self.count = env.spec, 0

    def iterate(self, env):
        for _ in range(2):
            env.step(torch.zeros(self.spec.num_envs, 1))
        self.count += 1
        return Iteration(2 * self.spec.num_envs, {}, 0.0, 0.0, {"edge": f"at the edge for {self.count}"})

    def policy(self, *, stochastic=False):
        return Policy(lambda obs: torch.full((len(obs["policy"]), 1), float(self.count)))

    def state(self, *, experience=True):
        return {"count": self.count, **({"replay": torch.ones(3)} if experience else {})}

    def load(self, state, *, policy_only=False):
        self.count = state["count"]


class Scores:
    """An evaluation that gives the policy of iteration i the i-th return, and success."""

    def __init__(self, *returns, successes=()):
        self.returns, self.successes = returns, successes

    def metrics(self, policy):
        iteration = int(policy({"policy": torch.zeros(1, 1)})[0, 0])
        found = {"eval/return": self.returns[iteration - 1]}
        if self.successes:
            found["eval/success"] = self.successes[iteration - 1]
        return found


class Folder:
    """The parts of a `Run` that the loop writes to."""

    def __init__(self, path):
        self.path, self.metrics, self.summaries = path, path / "metrics.jsonl", path / "summaries"
        self.record: dict[str, Any] = {}
        self.saves = 0  # of checkpoint_last
        path.mkdir()

    def checkpoint_path(self, which):
        return self.path / checkpoint_name(which)

    def checkpoint_saved(self, which, iteration):
        self.record[f"saved {which}"] = iteration
        self.saves += which == "last"

    def update(self, **facts):
        self.record.update(facts)

    def saved(self, which):
        return torch.load(self.checkpoint_path(which), weights_only=True)


def train(folder, *words, evaluation=None, source=None, env=None):
    """Train to the end in a folder of this name; window returns are 2 (lengths of 2, rewards of 1)."""
    common = ["task=BaseTask", "device=cpu", "logging.logInterval=1"]
    if env is None:
        env = ScriptedEnv([2, 2], [1.0, 1.0])
        env.resumable = False  # new episodes after a resume
    run: Any = Folder(folder)
    training = Training(compose([*common, *words]), env, Counting(env), run, Ranks(), evaluation)
    if source is None:
        training.start()
    else:
        training.resume(source)
    training.loop(Console(file=io.StringIO()))
    return training, run


def evaluated(run):
    return {row["iteration"]: row["eval/return"] for row in read_metrics(run.metrics) if "eval/return" in row}


def test_every_nth_policy_and_the_last_is_evaluated(tmp_path):
    scores = Scores(*map(float, range(10, 17)))
    _, run = train(tmp_path / "a", "maxIter=7", "training.evalInterval=3", evaluation=scores)
    assert evaluated(run) == {3: 12.0, 6: 15.0, 7: 16.0}


def test_the_best_is_the_one_with_the_best_evaluation(tmp_path):
    scores = Scores(-3.0, -1.0, -2.0)
    _, run = train(tmp_path / "a", "maxIter=3", "training.evalInterval=1", evaluation=scores)
    assert run.saved("best")["iteration"] == run.record["saved best"] == 2
    assert run.record["best_return"] == run.saved("last")["progress"]["best_return"] == -1.0


def test_success_comes_before_the_return_which_decides_between_equals(tmp_path):
    scores = Scores(50.0, 90.0, 40.0, 45.0, 44.0, successes=(0.25, 0.125, 0.75, 0.75, 0.75))
    words = ("maxIter=5", "training.evalInterval=1")
    training, run = train(tmp_path / "a", *words, evaluation=scores)
    assert run.saved("best")["iteration"] == 4  # not the one of 90, which succeeds less often
    assert (run.record["best_return"], run.record["best_success"]) == (45.0, 0.75)
    assert str(training.state.best) == "success 75%, return 45.0 (iteration 4, evaluated)"
    # A continuation goes on from there, and only what is better by the same rule takes its place.
    more = Scores(*[0.0] * 5, 99.0, 45.5, successes=(*[0.0] * 5, 0.7, 0.75))
    words = ("maxIter=7", "training.evalInterval=1")
    _, again = train(tmp_path / "b", *words, evaluation=more, source=run.checkpoint_path("last"))
    assert again.saved("best")["iteration"] == 7


def test_episodes_of_training_rank_by_success_too(tmp_path):
    env = ScriptedEnv([2, 2], [1.0, 1.0], succeed=[1])
    _, run = train(tmp_path / "a", "maxIter=2", env=env)
    assert (run.record["best_return"], run.record["best_success"]) == (2.0, 0.5)


def test_a_checkpoint_from_before_successes_were_known_is_taken_up(tmp_path):
    scores = Scores(5.0, 4.0, 3.0, successes=(0.0, 0.0, 0.5))
    words = ("training.evalInterval=1",)
    _, run = train(tmp_path / "a", "maxIter=2", *words, evaluation=scores)
    for which in ("best", "last"):
        saved = run.saved(which)
        del saved["progress"]["best_success"]
        torch.save(saved, run.checkpoint_path(which))
    last = run.checkpoint_path("last")
    training, again = train(tmp_path / "b", "maxIter=3", *words, evaluation=scores, source=last)
    assert training.state.best == Best(Score(0.5, 3.0), 3, evaluated=True)
    assert again.saved("best")["iteration"] == 3
    worse = Scores(0.0, 0.0, 4.9, successes=(0.0, 0.0, 0.0))
    training, _ = train(tmp_path / "c", "maxIter=3", *words, evaluation=worse, source=last)
    assert training.state.best == Best(Score(0.0, 5.0), 1, evaluated=True)


def test_without_evaluation_the_best_is_that_of_training(tmp_path):
    _, run = train(tmp_path / "a", "maxIter=3")
    assert run.record["saved best"] == 1
    assert run.record["best_return"] == 2.0
    assert evaluated(run) == {}


@pytest.mark.slow
def test_checkpoints_by_the_clock_change_nothing(tmp_path, monkeypatch):
    def trained(folder, due):
        monkeypatch.setattr(SaveClock, "due", lambda *_: due)
        seed_everything(1, deterministic=False)
        env = PointMass(4, 10, seed=1)
        experiment = compose(["device=cpu", "numEnvs=4", "train.units=[8]", "maxIter=3"])
        learner = PPO(experiment.train, env.spec, seed=1)
        run: Any = Folder(folder)
        training = Training(experiment, env, learner, run, Ranks())
        training.start()
        training.loop(Console(file=io.StringIO()))
        return torch.cat([value.flatten() for value in learner.state()["model"].values()]), run

    plain, seldom = trained(tmp_path / "a", due=False)
    saved, often = trained(tmp_path / "b", due=True)
    assert torch.equal(plain, saved)
    assert (seldom.saves, often.saves) == (1, 3)


@pytest.fixture
def fill(monkeypatch):
    """fill(True): from now on the disk has no room, for files that are replaced and for lines that are appended."""
    full = [False]

    def refusing(function):
        def refuse(*arguments):
            if full[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments)

        return refuse

    monkeypatch.setattr(os, "fsync", refusing(os.fsync))
    monkeypatch.setattr(metrics, "append", refusing(metrics.append))
    return lambda now: full.__setitem__(0, now)


class Filling(Scores):
    """While the policies of `without` are evaluated, the disk fills up; with the next one there is room again."""

    def __init__(self, fill, without, *returns):
        super().__init__(*returns)
        self.fill, self.without = fill, without

    def metrics(self, policy):
        found = super().metrics(policy)
        self.fill(self.returns.index(found["eval/return"]) + 1 in self.without)
        return found


def test_a_full_disk_costs_what_it_does_not_take_and_no_more(tmp_path, fill, caplog):
    scores = Filling(fill, (2, 3), 1.0, 5.0, 4.0, 2.0)
    words = ("maxIter=4", "training.evalInterval=1", "training.checkpointInterval=1")
    training, run = train(tmp_path / "a", *words, evaluation=scores)
    assert evaluated(run) == {1: 1.0, 4: 2.0}
    assert {path.stem for path in run.path.glob("*.pth")} == {
        "checkpoint_1", "checkpoint_4", "checkpoint_best", "checkpoint_last"
    }  # fmt: skip
    assert not list(run.path.glob(".*"))
    assert run.saved("last")["iteration"] == 4
    # The better ones were lost: the best is the best of those that there are.
    assert training.state.best == Best(Score(0.0, 2.0), 4, evaluated=True)
    assert run.saved("best")["learner"]["count"] == 4
    told = caplog.text
    assert told.count("while there is no room: could not write ") == 1
    assert told.count("free some space") == 1
    for what in ("lines of metrics", "numbered checkpoints", "the latest checkpoints"):
        assert told.count(f"training goes on without {what} ") == 1
        assert f"there is room for {what} again; lost: 2" in told


def test_an_end_that_finds_no_room_fails_and_keeps_the_old_checkpoint(tmp_path, fill, caplog):
    scores = Filling(fill, (3,), 1.0, 2.0, 3.0)
    words = ("maxIter=3", "training.evalInterval=1", "training.checkpointInterval=2")
    with pytest.raises(WorkspaceError, match=r"checkpoint_last.pth: No space left .* free some space"):
        train(tmp_path / "a", *words, evaluation=scores)
    saved = torch.load(tmp_path / "a" / checkpoint_name("last"), weights_only=True)
    assert saved["iteration"] == 2
    assert "best checkpoints" in caplog.text


def test_what_never_found_room_is_told_at_the_end(tmp_path, fill, caplog):
    scores = Filling(fill, (2,), 1.0, 5.0, 0.5)
    training, run = train(tmp_path / "a", "maxIter=3", "training.evalInterval=1", evaluation=scores)
    best = training.state.best
    assert best is not None
    assert run.saved("best")["iteration"] == best.iteration == 1
    assert "best checkpoints that found no room: 1" in caplog.text


def test_a_folder_that_is_gone_ends_a_training_at_once(tmp_path):
    class Removing(Scores):
        def metrics(self, policy):
            found = super().metrics(policy)
            if found["eval/return"] == 2.0:
                shutil.rmtree(tmp_path / "a")
            return found

    scores = Removing(1.0, 2.0, 3.0)
    with pytest.raises(WorkspaceError, match="the folder is gone"):
        train(tmp_path / "a", "maxIter=3", "training.evalInterval=1", evaluation=scores)
    assert not (tmp_path / "a").exists()


def test_only_the_last_checkpoint_holds_the_experience(tmp_path):
    scores = Scores(1.0, 2.0)
    words = ("maxIter=2", "training.evalInterval=1", "training.checkpointInterval=1")
    _, run = train(tmp_path / "a", *words, evaluation=scores)
    held = {which: "replay" in run.saved(which)["learner"] for which in ("last", "best", 1, 2)}
    assert held == {"last": True, "best": False, 1: False, 2: False}


@pytest.mark.parametrize(("again", "best"), [(True, 5.0), (False, None)])
def test_a_best_by_another_measure_is_not_taken_over(tmp_path, again, best):
    scores = Scores(5.0, 4.0, 3.0)
    words = ("training.evalInterval=1", "logging.logInterval=100")
    _, first = train(tmp_path / "a", "maxIter=2", *words, evaluation=scores)
    source = first.checkpoint_path("last")
    training, run = train(
        tmp_path / "b", "maxIter=3", *words, evaluation=scores if again else None, source=source
    )
    assert (
        run.record.get("best_return")
        == (training.state.best and training.state.best.score.mean_return)
        == best
    )
    assert run.checkpoint_path("best").exists() == again


def test_a_damaged_best_is_told_and_does_not_stop_a_resume_from_a_whole_last(tmp_path, caplog):
    words = ("training.evalInterval=1", "logging.logInterval=100")
    _, first = train(tmp_path / "a", "maxIter=2", *words, evaluation=Scores(5.0, 4.0))
    best = first.checkpoint_path("best")
    best.write_bytes(best.read_bytes()[:1000])
    source = first.checkpoint_path("last")
    training, run = train(
        tmp_path / "b", "maxIter=3", *words, evaluation=Scores(5.0, 4.0, 3.0), source=source
    )
    assert f"{best} cannot be read: it is torn" in caplog.text and "a new best is looked for" in caplog.text
    assert training.state.best == Best(Score(0.0, 3.0), 3, evaluated=True)
    assert run.saved("best")["iteration"] == 3


class Errors(Scores):
    """The policy of iteration i has the i-th error besides."""

    def __init__(self, *errors, successes):
        super().__init__(*map(float, range(len(errors))), successes=successes)
        self.errors = errors

    def metrics(self, policy):
        found = super().metrics(policy)
        error = self.errors[int(found["eval/return"])]
        return found if error is None else {**found, "eval/error": error}


@pytest.fixture
def by_error(monkeypatch):
    """The words of a training whose best succeeds most, and among equals errs least."""
    monkeypatch.setattr("rlkit.config.checks.until.term_names", lambda task: None)
    return ("training.evalInterval=1", "training.bestBy=success:-eval/error")


def test_the_best_is_the_one_by_the_metrics_that_were_named(tmp_path, by_error):
    scores = Errors(0.5, 0.25, 0.125, None, 0.3, successes=(0.5, 0.5, 0.25, 1.0, 0.5))
    training, run = train(tmp_path / "a", "maxIter=5", *by_error, evaluation=scores)
    assert run.saved("best")["iteration"] == 2  # one without an error is not judged
    assert run.record["best_by"] == {"eval/success": 0.5, "-eval/error": 0.25}
    assert (run.record["best_return"], run.record["best_success"]) == (1.0, 0.5)
    assert str(training.state.best) == "eval/success 0.5, eval/error 0.25 (iteration 2, evaluated)"


@pytest.mark.slow
def test_a_resume_keeps_the_best_so_far_but_not_one_by_other_measures(tmp_path, by_error):
    scores = Errors(0.5, 0.25, 0.3, 0.2, successes=(0.5,) * 4)
    _, first = train(tmp_path / "a", "maxIter=2", *by_error, evaluation=scores)
    last = first.checkpoint_path("last")
    training, run = train(tmp_path / "b", "maxIter=3", *by_error, evaluation=scores, source=last)
    assert training.state.best is not None and training.state.best.iteration == 2
    assert run.saved("best")["iteration"] == 2
    _, run = train(tmp_path / "c", "maxIter=4", *by_error, evaluation=scores, source=last)
    assert run.saved("best")["iteration"] == 4
    training, run = train(tmp_path / "d", "maxIter=3", by_error[0], evaluation=scores, source=last)
    assert (run.saved("best")["iteration"], run.record["best_by"]) == (3, {})


def test_without_evaluations_it_is_by_the_window_of_episodes(tmp_path):
    words = ("maxIter=2", "training.bestBy=-length")
    training, run = train(tmp_path / "a", *words)
    assert run.record["best_by"] == {"-episode/length": 2.0}
    assert str(training.state.best) == "episode/length 2 (iteration 1, while exploring)"


@pytest.mark.parametrize("key", ["curriculum", "practised"])  # as older checkpoints call it
def test_a_curriculum_goes_on_where_a_resume_begins_new_episodes(tmp_path, key):
    def practising(num_envs):
        return puck_env(
            num_envs, logged=True, learning=True, mass={"range": [3.0, 3.0]}, curriculum={"steps": 8}
        )

    _, run = train(tmp_path / "a", "maxIter=2", env=practising(3))
    more, path = practising(5), run.checkpoint_path("last")
    saved = run.saved("last")
    saved["progress"][key] = saved["progress"].pop("curriculum")
    torch.save(saved, path)
    train(tmp_path / "b", "maxIter=2", env=more, source=path)
    assert more.task.level == 0.5 and (log_of(more).factors["mass"] == 2.0).all()  # 4 steps of 8


def test_a_warning_is_told_once_in_a_hundred_iterations(tmp_path, caplog):
    with caplog.at_level("WARNING", "rlkit"):
        train(tmp_path / "a", "maxIter=102")
    assert caplog.messages == [
        "iteration 1: at the edge for 1",
        "iteration 101: at the edge for 101",
    ]


def test_a_learner_that_takes_no_weights_says_so():
    with pytest.raises(LearnerError, match="Counting cannot start from other weights"):
        Counting(ScriptedEnv([1], [1.0])).initialize({})


def iterations(run):
    return [row["iteration"] for row in read_metrics(run.metrics)]


def test_an_evaluation_that_is_good_enough_ends_a_training(tmp_path):
    scores = Scores(1.0, 2.0, 3.0, 4.0, 5.0, successes=(0.1, 0.95, 0.2, 0.9, 1.0))
    words = ("task=BoxGrasping", "maxIter=5", "training.evalInterval=2", "until=success>=0.9")
    training, run = train(tmp_path / "a", *words, evaluation=scores)
    # Iteration 2 is the first that is evaluated; the policy of iteration 1 never is.
    assert iterations(run) == [1, 2]
    assert training.until.reached == "success>=0.9: eval/success is 0.95"
    assert run.record["saved last"] == run.record["saved best"] == 2

    training, run = train(tmp_path / "b", *words[:3], "until=return>=100", evaluation=scores)
    assert iterations(run) == [1, 2, 3, 4, 5] and training.until.reached is None


def test_episodes_are_good_enough_when_twenty_are(tmp_path):
    # Two episodes of return 2 an iteration: twenty of them are there after ten.
    training, run = train(tmp_path / "a", "maxIter=15", "until=return>=2")
    assert iterations(run) == list(range(1, 11))
    assert training.until.reached == "return>=2: episode/return is 2"
    # Resumed, the window is the one that was saved only where the episodes go on: here they begin anew.
    training, run = train(tmp_path / "b", "maxIter=30", "until=return>=2", source=run.checkpoint_path("last"))
    assert iterations(run) == list(range(11, 21))


def test_the_window_of_a_condition_is_resumed_exactly(tmp_path):
    env = ScriptedEnv([2, 2], [1.0, 1.0])
    env.resumable = True
    env.state = lambda: {"episode_step": torch.zeros(2), "age": env.age.clone()}  # type: ignore[method-assign]
    _, first = train(tmp_path / "a", "maxIter=6", "until=length<=2", env=env)
    training, second = train(
        tmp_path / "b", "maxIter=30", "until=length<=2", env=env, source=first.checkpoint_path("last")
    )
    assert iterations(second) == [7, 8, 9, 10] and training.until.reached is not None


def test_a_number_of_one_iteration_ends_it_before_the_last_evaluation(tmp_path):
    scores = Scores(1.0, 2.0, 3.0)
    training, run = train(
        tmp_path / "a", "maxIter=9", "training.evalInterval=9", "until=env_steps>=12", evaluation=scores
    )
    assert iterations(run) == [1, 2, 3]  # of four env-steps
    assert evaluated(run) == {3: 3.0}  # as after every last iteration
    assert training.until.reached == "env_steps>=12: env_steps is 12"
