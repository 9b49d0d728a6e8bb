"""Shares of a machine, scores of jobs, kinds over seeds, and going on with a sweep."""

from __future__ import annotations

import json
import shlex
from types import SimpleNamespace

import pytest
from workspace_helper import Workspace
from workspace_helper import workspace as workspace

from rlkit.config.facts import machine
from rlkit.config.schema.ranking import Measure
from rlkit.errors import ConfigError
from rlkit.sweeps.again import named_sweep
from rlkit.sweeps.score import Course, measure_of, score_of
from rlkit.sweeps.search import Settings
from rlkit.sweeps.shares import divided, share_by_others, shares
from rlkit.sweeps.table import Kind, Row, best_of, kinds_of
from rlkit.workspace import ResolveError, WorkspaceError
from rlkit.workspace.store.scan import read_entry
from rlkit.workspace.sweeps import (
    JOB_VARIABLE,
    JobNow,
    Sweep,
    SweepJob,
    find_sweep,
    new_record,
    read_sweep,
    sweep_folders,
)

CONFIG = "sim: {{numThreads: {threads}}}\ntrain: {{gamma: {gamma}}}\ncomposed: {{asked: {{sim.numThreads: auto}}}}\n"


def begun(
    workspace: Workspace, name: str, *jobs: str, words: tuple[str, ...] = ("--multirun", "training.seed=1,2")
):
    record = new_record(
        "Box", command="python train.py -m seed=1,2", words=words, common=(), jobs=[[job] for job in jobs],
        sweeper="basic", measure="return",
    )  # fmt: skip
    return Sweep.begin(workspace.archive / name, record)


# --- shares


@pytest.mark.parametrize(
    ("cores", "parts", "counts"), [(8, 2, [4, 4]), (7, 3, [3, 2, 2]), (2, 4, [1, 1, 1, 1]), (1, 1, [1])]
)
def test_cores_are_divided_and_nobody_has_none(cores, parts, counts):
    assert divided(cores, parts) == counts


def test_each_job_is_told_its_cores_and_what_the_user_has_set_stays():
    first, second = shares(2, cores=5, environ={"OMP_NUM_THREADS": "7"})
    assert (first["RLKIT_CORES"], second["RLKIT_CORES"]) == ("3", "2")
    assert first["OPENBLAS_NUM_THREADS"] == "3" and "OMP_NUM_THREADS" not in first
    assert "CUDA_VISIBLE_DEVICES" not in first
    assert shares(1, cores=5) == [{}]


def test_a_job_on_ray_has_the_cores_that_ray_is_told_it_needs():
    for remote, cores in (({}, "1"), ({"num_cpus": 4}, "4"), ({"num_cpus": 0.5}, "1")):
        on_ray = SimpleNamespace(ray_cfg=SimpleNamespace(remote=remote))
        assert share_by_others(on_ray) == {"RLKIT_CORES": cores}
    assert share_by_others(SimpleNamespace()) == {}


def test_several_gpus_are_dealt_out():
    dealt = shares(3, cores=3, gpus=2, environ={"CUDA_VISIBLE_DEVICES": "4,6"})
    assert [share["CUDA_VISIBLE_DEVICES"] for share in dealt] == ["4", "6", "4"]


def test_a_job_sees_its_share_alone(monkeypatch):
    monkeypatch.delenv("RLKIT_CORES", raising=False)
    here = machine.available_cores()
    for told, seen in (("1", 1), ("0", 1), (str(here + 3), here), ("many", here)):
        monkeypatch.setenv("RLKIT_CORES", told)
        assert machine.available_cores() == seen


# --- scores


def test_jobs_are_compared_by_what_the_best_policy_is_chosen_by():
    assert measure_of(None, "success:return") == Measure("return")
    assert measure_of(None, "-eval/error:return") == Measure("eval/error", less=True)
    assert measure_of("success", "success:return") == Measure("success")
    with pytest.raises(ConfigError, match="one metric"):
        measure_of("success:return", "success:return")


def test_a_score_is_what_the_run_tells(workspace):
    run = workspace.start()
    rows = [
        {"iteration": n, "env_steps": n, "wall_time": n, "eval/error": e} for n, e in ((1, 0.5), (2, 0.25))
    ]
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run.update(best_return=3.5, best_by={"-eval/turning": 0.75})
    entry = read_entry(run.path)
    assert score_of(entry, Measure("return")) == 3.5
    assert score_of(entry, Measure("eval/turning", less=True)) == 0.75
    assert score_of(entry, Measure("eval/error", less=True)) == 0.25
    assert score_of(entry, Measure("eval/error")) == 0.5
    assert score_of(entry, Measure("success")) is None
    assert score_of(None, Measure("return")) is None


def test_a_course_is_means_over_spans_of_iterations_as_they_come(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    course = Course(metrics, Measure("return"), every=2)
    assert course.news() == []
    lines = [{"iteration": 1, "episode/return": 1.0}, {"iteration": 2, "episode/return": 4.0}]
    metrics.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"iteration": 3, "epi')
    assert course.news() == [(2, 2.5)]
    with metrics.open("a") as file:
        file.write('sode/return": 6.0}\n{"iteration": 4}\n{"iteration": 7, "episode/return": 9.0}\n')
    assert course.news() == [(4, 6.0)]
    assert course.news() == []


def row(number: int, *words: str, score: float | None, state: str = "done") -> Row:
    return Row(JobNow(SweepJob(number, words, state), None, False), words, score)


def test_kinds_are_jobs_that_differ_in_the_seed_alone():
    rows = [
        row(0, "train.gamma=0.9", "training.seed=1", score=1.0),
        row(1, "train.gamma=0.9", "training.seed=2", score=2.0),
        row(2, "train.gamma=0.5", "training.seed=1", score=4.0),
        row(3, "train.gamma=0.5", "training.seed=2", score=None, state="failed"),
    ]
    low, high = Kind(("train.gamma=0.9",), (1.0, 2.0), 2), Kind(("train.gamma=0.5",), (4.0,), 2)
    assert kinds_of(rows, Measure("return")) == [high, low]
    assert kinds_of(rows, Measure("return", less=True)) == [low, high]
    assert best_of(rows, Measure("return")) is rows[2]
    assert best_of(rows, Measure("return", less=True)) is rows[0]
    assert best_of(rows[3:], Measure("return")) is None


def test_what_a_search_is_told_is_checked_as_a_whole():
    with pytest.raises(ConfigError) as caught:
        Settings.of({"n_trials": 0, "seed": True, "pruner": "hyperband", "sampler": "tpe"})
    assert [message.partition("=")[0] for message in caught.value.messages] == [
        "hydra.sweeper.n_trials", "hydra.sweeper.seed", "hydra.sweeper.pruner"
    ]  # fmt: skip


# --- the folder


def test_a_sweep_is_written_down_and_read_back(workspace, monkeypatch):
    workspace.start().close()
    sweep = begun(workspace, "Box_sweep_1", "training.seed=1", "training.seed=2")
    sweep.update(1, state="pruned", reason="below the median")
    assert read_sweep(sweep.path) == sweep.record
    assert sweep.add(["training.seed=3"]).number == 2
    monkeypatch.setenv(JOB_VARIABLE, "Box_sweep_1/0")
    run = workspace.start()
    assert run.record.sweep == {"name": "Box_sweep_1", "job": 0}
    assert [(its.state, its.run and its.run.name) for its in sweep.now()] == [
        ("running", run.name), ("pruned", None), ("waiting", None)
    ]  # fmt: skip
    run.set_state("failed", "no luck")
    assert sweep.now()[0].state == "failed"


def test_two_cannot_carry_out_one_sweep(workspace):
    workspace.start().close()
    sweep = begun(workspace, "Box_sweep_1", "a=1")
    with pytest.raises(WorkspaceError, match="is still under way"):
        Sweep.take_up(sweep.path)
    sweep.close()
    Sweep.take_up(sweep.path).close()


@pytest.mark.parametrize(
    "change", [{"schema": 2}, {"jobs": [{"number": 3}]}, {"words": "a"}, {"command": None}]
)
def test_a_record_that_is_none_is_refused(workspace, change):
    workspace.start().close()
    sweep = begun(workspace, "Box_sweep_1", "a=1")
    file = sweep.path / "sweep.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(WorkspaceError, match="is not what rlkit writes"):
        read_sweep(sweep.path)


def test_sweeps_are_found_by_name_part_and_latest(workspace):
    workspace.start().close()
    assert sweep_folders(workspace.root) == []
    with pytest.raises(ResolveError, match="there are no sweeps"):
        find_sweep("latest", workspace.root)
    one, other = (begun(workspace, name, "a=1").path for name in ("Box_sweep_2", "Box_sweep_1"))
    assert find_sweep("latest", workspace.root) == other
    assert find_sweep("sweep_2", workspace.root) == one
    assert find_sweep(str(one), workspace.root) == one
    with pytest.raises(ResolveError, match="several have that"):
        find_sweep("Box", workspace.root)


# --- going on


def test_a_sweep_goes_on_with_its_own_words_and_others_of_hydra(workspace, monkeypatch):
    workspace.start().close()
    words = (
        "--multirun",
        "task=Box",
        "training.seed=1,2",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    )
    begun(workspace, "Box_sweep_1", words=words)
    monkeypatch.chdir(workspace.root)
    assert named_sweep(["task=Box"]) == ["task=Box"]
    assert named_sweep(["-m", "sweep=latest", "hydra.launcher.n_jobs=1"]) == [
        "-m", "task=Box", "training.seed=1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1",
        "hydra.sweep.dir='runs_all/Box_sweep_1'",
    ]  # fmt: skip
    assert named_sweep(["sweep=Box_sweep_1", "seed=1"]) == [
        "-m", "seed=1", "hydra.sweep.dir='runs_all/Box_sweep_1'"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["task=mine:Task", "hydra.launcher.setup=[echo]", "+hydra.callbacks.x=1", "--config-dir=/x", "a=${oc.env:X}",
     "logging.trackerUrl=<masked>", "hydra.launcher._target_=os.system"],
)  # fmt: skip
def test_words_of_a_file_that_may_run_something_are_typed_again(workspace, monkeypatch, word):
    workspace.start().close()
    begun(workspace, "Box_sweep_1", words=("--multirun", "training.seed=1,2", word))
    monkeypatch.chdir(workspace.root)
    with pytest.raises(
        ConfigError, match=r"type its words again: python train\.py -m seed=1,2 sweep=Box_sweep_1"
    ):
        named_sweep(["sweep=latest"])
    assert shlex.join(named_sweep(["sweep=latest", word])).startswith("-m ")
