"""checkpoint=...: what users type, and what it stands for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from workspace_helper import Workspace

from rlkit.workspace import Resolved, ResolveError, WorkspaceLimits, resolve
from rlkit.workspace.find import Wanted


def find(workspace: Workspace, ref, **options) -> Resolved:
    return resolve(str(ref), root=workspace.root, **options)


def refusal(workspace: Workspace, ref, **options) -> str:
    with pytest.raises(ResolveError) as caught:
        find(workspace, ref, **options)
    return str(caught.value)


@pytest.fixture
def run(workspace):
    """A training run with every sort of checkpoint."""
    made = workspace.start("BoxGrasping")
    workspace.save(made, 100, 200)
    workspace.save(made, "last", iteration=250)
    workspace.save(made, "best", iteration=180)
    made.set_state("done")
    return made


@pytest.mark.parametrize(
    ("ending", "file", "iteration"),
    [("", "best", 180), (":best", "best", 180), (":last", "last", 250), (":100", "100", 100)],
)
@pytest.mark.parametrize(
    "form", ["latest", "latest_train", "name", "part", "runs", "runs/", "runs_all", "absolute", "nn"]
)
def test_every_spelling_finds_the_checkpoint(workspace, run, form, ending, file, iteration):
    ref = {
        "name": run.name,
        "part": run.name[5:-2],
        "runs": f"runs/{run.name}",
        "runs/": f"runs/{run.name}/",
        "runs_all": f"runs_all/{run.name}",
        "absolute": str(run.path),
        "nn": f"runs/{run.name}/nn",
    }.get(form, form)
    found = find(workspace, ref + ending)
    assert found.checkpoint == run.nn / f"checkpoint_{file}.pth"
    assert (found.run_path, found.iteration) == (run.path, iteration)
    assert run.name in found.how or form.startswith("latest")


def test_a_resume_takes_the_last_by_default(workspace, run):
    assert find(workspace, "latest", default="last").iteration == 250


def test_best_missing_means_last_and_last_missing_means_the_newest_iteration(workspace):
    run = workspace.start()
    workspace.save(run, 9, 10)
    assert find(workspace, run.name).iteration == 10
    workspace.save(run, "last")
    found = find(workspace, run.name)
    assert (found.checkpoint.name, found.iteration) == ("checkpoint_last.pth", None)


def test_a_file_is_taken_as_it_is(workspace, run, tmp_path):
    inside = find(workspace, f"runs/{run.name}/nn/checkpoint_100.pth")
    assert (inside.checkpoint, inside.run_path, inside.iteration) == (
        run.nn / "checkpoint_100.pth",
        run.path,
        100,
    )
    loose = tmp_path / "a model.pth"
    loose.write_bytes(b"x")
    found = find(workspace, loose, task="Anything")
    assert (found.checkpoint, found.run_path, found.iteration) == (loose, None, None)
    assert "a file" in refusal(workspace, f"{loose}:best")


def test_relative_paths_count_from_the_current_folder_then_from_the_root(
    workspace, run, tmp_path, monkeypatch
):
    monkeypatch.chdir(run.nn)
    assert find(workspace, "checkpoint_100.pth").iteration == 100
    monkeypatch.chdir(tmp_path)
    assert find(workspace, f"project/runs/{run.name}").run_path == run.path


def test_home_is_understood(workspace, run, monkeypatch):
    monkeypatch.setenv("HOME", str(workspace.root))
    assert find(workspace, f"~/runs_all/{run.name}:100").iteration == 100


@pytest.mark.parametrize("name", ["lr=0.1, seed=2", "best [1]"])
def test_unusual_names(workspace, name):
    run = workspace.trained("Box")
    run.path.rename(workspace.archive / name)  # as the user renamed it: no rule holds for that
    path = workspace.archive / name
    assert find(workspace, name).run_path == path
    assert find(workspace, f"runs/{name}").run_path == path


def test_pinned_runs_answer_to_both_names(workspace, run):
    (workspace.window / run.name).rename(workspace.pins / "best grasp")
    for ref in ("best grasp", "best gr", "runs/pinned/best grasp:best", run.name, f"runs/{run.name}"):
        assert find(workspace, ref).run_path == run.path


def test_a_run_outside_the_window_is_still_found_by_its_link_s_path(workspace, run):
    workspace.limits = WorkspaceLimits(max_train_runs=1)
    workspace.trained()
    assert not (workspace.window / run.name).exists()
    assert find(workspace, f"runs/{run.name}").run_path == run.path
    assert find(workspace, f"runs/{run.name}/nn/checkpoint_100.pth").iteration == 100


def test_after_a_move_everything_is_found_before_the_next_start(workspace, run, tmp_path):
    (workspace.window / run.name).rename(workspace.pins / "best")
    test = workspace.tested(run, 100)
    moved = Workspace(tmp_path / "elsewhere")
    workspace.root.rename(moved.root)
    for ref in ("latest", "runs/latest_train", "runs/pinned/best", "best", f"runs/{run.name}", str(run.path)):
        assert find(moved, ref).run_path == moved.archive / run.name
    assert find(moved, "runs/pinned/best/nn/checkpoint_200.pth").iteration == 200
    assert find(moved, test.name).checkpoint == moved.archive / run.name / "nn" / "checkpoint_100.pth"


def test_latest_keeps_to_the_task(workspace, run):
    other = workspace.trained("BaseTask")
    assert find(workspace, "latest").run_path == other.path
    assert find(workspace, "latest", task="BoxGrasping").run_path == run.path
    message = refusal(workspace, "latest", task="Soccer")
    assert "no training run of Soccer that holds a checkpoint" in message
    assert "there are some of BaseTask, BoxGrasping" in message
    assert "rlkit train task=Soccer" in message


def test_latest_passes_over_failed_and_empty_runs(workspace, run):
    workspace.trained("BoxGrasping", state="failed")
    workspace.start("BoxGrasping")
    assert find(workspace, "latest").run_path == run.path


def test_latest_takes_an_interrupted_run(workspace, run):
    killed = workspace.start("BoxGrasping")
    workspace.save(killed)
    killed.close()
    assert find(workspace, "latest").run_path == killed.path


def test_a_test_run_stands_for_what_it_tested(workspace, run):
    first = workspace.tested(run, 100)
    workspace.trained("BoxGrasping")
    for ref in ("latest_test", first.name, f"runs/{first.name}"):
        found = find(workspace, ref)
        assert (found.checkpoint, found.run_path) == (run.nn / "checkpoint_100.pth", run.path)
    assert find(workspace, "latest_test:last").iteration == 250
    assert find(workspace, "latest", kind="test").iteration == 100
    (run.nn / "checkpoint_100.pth").unlink()
    assert "which is gone" in refusal(workspace, "latest_test")


def test_an_ending_on_a_test_of_a_deleted_run_is_refused(workspace, run, tmp_path):
    test = workspace.tested(run)
    kept = tmp_path / "kept.pth"
    kept.write_bytes(b"x")
    test.update(checkpoint=kept)
    shutil.rmtree(run.path)
    assert find(workspace, "latest_test").checkpoint == kept
    assert f"the run {run.name}, which {test.name} tested, is gone" in refusal(workspace, "latest_test:last")


def test_kind_narrows_names(workspace, run):
    workspace.tested(run)
    assert "2 runs answer" in refusal(workspace, "BoxGrasping")
    assert find(workspace, "BoxGrasping", kind="train").run_path == run.path


def test_a_run_of_another_task_is_refused_with_the_task_that_works(workspace, run):
    for ref in (run.name, f"runs/{run.name}", str(run.nn / "checkpoint_100.pth"), run.name[5:]):
        message = refusal(workspace, ref, task="BaseTask")
        assert f"the run {run.name} is of BoxGrasping, not of BaseTask" in message
        assert "task=BoxGrasping checkpoint=" in message


def test_a_part_that_several_have_lists_them(workspace, run):
    other = workspace.trained("BoxGrasping")
    message = refusal(workspace, "BoxGrasping")
    assert "2 runs answer to that" in message
    assert run.name in message and f"checkpoint={other.path}" in message


def test_a_pin_and_a_run_of_one_name_are_not_guessed_between(workspace, run):
    other = workspace.trained("BoxGrasping", name="best")
    (workspace.window / run.name).rename(workspace.pins / "best")
    message = refusal(workspace, "best")
    assert str(run.path) in message or run.name in message
    assert other.name in message
    assert find(workspace, "runs/pinned/best").run_path == run.path


def test_a_misspelt_name_is_answered_with_the_near_one(workspace, run):
    wrong = run.name.replace("Grasping", "Graspin")
    message = refusal(workspace, wrong)
    assert f"did you mean {run.name}?" in message
    assert f"checkpoint={run.name}" in message
    assert "did you mean latest" in refusal(workspace, "lastest")
    assert str(Path.cwd() / "runs" / wrong) in refusal(workspace, f"runs/{wrong}")


def test_an_empty_workspace_says_how_to_begin(workspace):
    for ref in ("latest", "latest_test", "x.pth", "a/b.pth", ""):
        message = refusal(workspace, ref)
        assert "rlkit train" in message
        assert message.startswith(f"checkpoint={ref}")


def test_a_folder_without_a_checkpoint_is_not_passed_on(workspace, run, tmp_path):
    empty = workspace.start("BoxGrasping")
    assert "holds no checkpoint" in refusal(workspace, f"runs/{empty.name}")
    foreign = tmp_path / "download"
    foreign.mkdir()
    (foreign / "policy.pth").write_bytes(b"x")
    assert "name the file if you mean one of these: policy.pth" in refusal(workspace, foreign)
    (foreign / "checkpoint_best.pth").write_bytes(b"x")
    assert find(workspace, foreign).checkpoint == foreign / "checkpoint_best.pth"


def test_a_missing_iteration_lists_those_there_are(workspace, run):
    assert "has no checkpoint 150; it has 100, 200, best, last" in refusal(workspace, f"{run.name}:150")


def test_a_deleted_run_is_said_to_be_gone(workspace, run):
    shutil.rmtree(run.path)
    assert "there is no file or folder" in refusal(workspace, f"runs/{run.name}")


def test_a_torn_record_does_not_hide_the_checkpoints(workspace, run):
    (run.path / "run.json").write_text('{"schema": 1, "na')
    assert (
        find(workspace, f"runs/{run.name}", task="BoxGrasping").checkpoint == run.nn / "checkpoint_best.pth"
    )
    assert find(workspace, run.name).run_path == run.path


def test_half_written_files_are_no_checkpoints(workspace):
    run = workspace.start()
    (run.nn / ".checkpoint_last.pth.12.ab.tmp").write_bytes(b"x")
    assert "no training run" in refusal(workspace, "latest")


@pytest.mark.parametrize("ref", ["x" * 5000, "a\0b", "~nobody_here/x.pth", ":best", "..", "/"])
def test_odd_input_is_refused_not_a_traceback(workspace, run, ref):
    assert refusal(workspace, ref)


def test_the_resolver_loads_nothing_heavy():
    script = "import sys; import rlkit.workspace; print(' '.join(sys.modules))"
    loaded = set(
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True
        ).stdout.split()
    )
    assert not loaded & {
        "torch",
        "numpy",
        "hydra",
        "omegaconf",
        "yaml",
        "rich",
        "mujoco",
        "subprocess",
        "logging",
    }


def test_nothing_is_made_by_looking(workspace):
    refusal(workspace, "latest")
    assert not os.path.lexists(workspace.root)


def test_only_what_would_do_is_proposed(workspace, run):
    """As for task.skills, which takes policies of train=ASE alone."""
    other = workspace.trained(task="Style")
    wanted = Wanted(lambda record: record.task == "Style", "task=Style train=ASE")
    told = refusal(workspace, "nobody", setting="task.skills", wanted=wanted)
    assert told.endswith(f"this works:\n  task.skills={other.name}") and run.name not in told
    none = Wanted(lambda record: False, "task=Style train=ASE")
    told = refusal(workspace, "nobody", setting="task.skills", wanted=none)
    assert "would do" in told and told.endswith("train task=Style train=ASE")
    assert run.name not in told and "zoo:" not in told
