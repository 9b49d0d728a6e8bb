"""Which run the same command goes on with: state, name, seed and job decide."""

from __future__ import annotations

from pathlib import Path

import pytest
from workspace_helper import Workspace

from rlkit.config import ConfigError
from rlkit.config.compose import compose
from rlkit.runtime import continuation
from rlkit.runtime.continuation import Continuation, find, told
from rlkit.workspace import Resolved
from rlkit.workspace.sweeps import JOB_VARIABLE

TYPED = Resolved(None, Path("typed.pth"), None, "")
WORDS = ("task=ReachOrigin", "training.resume=auto", "device=cpu")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_RESTART_COUNT"):
        monkeypatch.delenv(name, raising=False)
    return Workspace(tmp_path)


def begun(workspace, *words, state="interrupted", saved=True, **changes):
    """A run of these words in a state; `running` is still held by this process."""
    request = compose([*WORDS, *words])
    name = request.logging.experiment_name
    changes.setdefault("seed", request.training.seed)
    run = workspace.start("ReachOrigin", name=name, config_yaml=request.to_yaml(), **changes)
    if saved:
        workspace.save(run, "last", iteration=3)
    if state != "running":
        run.set_state(state)
    return run


def found(*words, **how):
    return find(compose([*WORDS, *words]), **how)


def run_of(*words) -> Continuation:
    run = found(*words).run
    assert run is not None
    return run


def checkpoint_of(*words) -> Path | None:
    """What a request starts from whose own checkpoint is TYPED."""
    source = found(*words).source(TYPED)
    return None if source is None else source.checkpoint


def path_of(*words, **how):
    run = found(*words, **how).run
    return None if run is None else run.path


@pytest.mark.slow
def test_the_newest_unfinished_run_of_the_request_goes_on(workspace):
    assert path_of() is None
    begun(workspace)
    newest = begun(workspace)
    begun(workspace, "seed=7")
    assert path_of() == newest.path
    assert path_of("maxIter=900") == newest.path
    assert checkpoint_of("maxIter=900") == newest.checkpoint_path("last")
    assert told(run_of("maxIter=900")) == ["changed  training.maxIterations: 200 -> 900"]


def test_without_the_word_nothing_goes_on(workspace):
    begun(workspace)
    assert path_of("training.resume=null") is None
    assert path_of("training.resume=new") is None


def test_a_run_that_was_started_without_the_word_goes_on_with_it(workspace):
    run = begun(workspace, "training.resume=null")
    assert path_of() == run.path


def test_before_the_first_checkpoint_the_folder_is_kept_and_the_source_is_what_was_asked(workspace):
    run = begun(workspace, saved=False)
    assert (path_of(), checkpoint_of()) == (run.path, TYPED.checkpoint)


def test_a_failed_run_goes_on_from_its_last_checkpoint_if_it_has_one(workspace):
    begun(workspace, state="failed", saved=False)
    assert path_of() is None
    run = begun(workspace, state="failed")
    assert path_of() == run.path


def test_a_request_that_is_under_way_is_refused_by_the_rank_that_leads(workspace):
    run = begun(workspace, state="running")
    with pytest.raises(
        ConfigError, match=rf"{run.name} is this very request, and under way \(process \d+ on"
    ):
        found()
    assert path_of(leads=False) is None


@pytest.mark.slow
def test_other_settings_under_the_same_name_are_refused_with_the_ways_out(workspace, monkeypatch):
    begun(workspace, "logging.experimentName=mine")
    with pytest.raises(ConfigError) as refused:
        found("logging.experimentName=mine", "train.gamma=0.5", "maxIter=900")
    (message,) = refused.value.messages
    assert "mine was trained with other settings, which it cannot go on with" in message
    assert "train.gamma was 0.97, now 0.5" in message
    assert "maxIterations" not in message
    assert "checkpoint=mine:last train.gamma=0.5" in message
    assert "training.resume=new" in message
    assert path_of("logging.experimentName=mine", "train.gamma=0.5", "training.resume=new") is None
    assert path_of("logging.experimentName=mine", "seed=7") is None, "another seed is another run"
    monkeypatch.setenv(JOB_VARIABLE, "Reach_sweep_1/4")
    assert path_of("logging.experimentName=mine", "train.gamma=0.5") is None, "a neighbour in a sweep"


@pytest.mark.slow
def test_a_job_of_a_sweep_goes_on_with_its_own_interrupted_run_and_tries_again_what_failed(
    workspace, monkeypatch
):
    begun(workspace, "training.resume=null")
    monkeypatch.setenv(JOB_VARIABLE, "Reach_sweep_1/4")
    mine = begun(workspace, "training.resume=null", "training.threads=1")
    assert path_of("training.resume=null", "training.threads=2") == mine.path, (
        "with another share of the cores"
    )
    assert path_of("training.resume=null", "train.gamma=0.5") is None, "conf/ has changed since"
    monkeypatch.setenv(JOB_VARIABLE, "Reach_sweep_1/5")
    assert path_of("training.resume=null") is None, "of another job"
    monkeypatch.setenv(JOB_VARIABLE, "Reach_sweep_1/6")
    begun(workspace, "training.resume=null", state="failed")
    assert path_of("training.resume=null") is None


def test_without_a_name_other_settings_are_another_run_and_it_says_so(workspace):
    run = begun(workspace)
    other = found("train.gamma=0.5")
    assert other.run is None
    (note,) = other.notes
    assert f"a new run begins: {run.name}, which is interrupted" in note
    assert "train.gamma was 0.97, now 0.5" in note
    assert found("seed=7").notes == ()


@pytest.mark.slow
def test_of_drawn_seeds_the_unfinished_one_goes_on_with_its_seed_and_a_done_one_is_another(workspace):
    begun(workspace, "seed=-1", state="done")
    begun(workspace, "seed=-1", state="running")
    assert path_of("seed=-1") is None
    run = begun(workspace, "seed=-1", seed=1234)
    going_on = found("seed=-1")
    assert (path_of("seed=-1"), going_on.experiment.training.seed) == (run.path, 1234)


@pytest.mark.slow
def test_a_job_goes_on_with_its_own_run(workspace, monkeypatch):
    mine = begun(workspace, "seed=-1", job={"job": "12_3"})
    other = begun(workspace, "seed=-1", job={"job": "12_4"})
    assert path_of("seed=-1") == other.path
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    assert path_of("seed=-1") == mine.path
    assert path_of("seed=-1", "training.resume=new") is None, "its first start"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert path_of("seed=-1", "training.resume=new") == mine.path, "new was its first start alone"


def test_a_run_that_began_from_a_checkpoint_goes_on_from_its_own(workspace):
    run = begun(workspace, "checkpoint=base:last")
    assert path_of("checkpoint=base:last") == run.path
    assert checkpoint_of("checkpoint=base:last") == run.checkpoint_path("last")
    assert path_of("checkpoint=other:last") is None


def test_a_requeued_job_waits_for_the_lock_of_its_earlier_start(workspace, monkeypatch):
    run = begun(workspace, state="running", job={"job": "7"})
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            run.close()

    monkeypatch.setattr(continuation.time, "sleep", sleep)
    assert path_of(leads=False) is None, "its first rank has just taken it"
    assert not waited
    assert path_of() == run.path
    assert len(waited) == 3
