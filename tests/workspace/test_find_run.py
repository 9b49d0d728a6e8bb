"""find_run: from what a user types to one run folder, with or without a checkpoint in it."""

from __future__ import annotations

import pytest

from rlkit.workspace import ResolveError, find_run, resolve


def refusal(workspace, ref: str) -> str:
    with pytest.raises(ResolveError) as caught:
        find_run(ref, workspace.root)
    return str(caught.value)


@pytest.mark.parametrize(
    "form", ["name", "part", "pin", "runs", "runs_all", "absolute", "pinned", "nn", "file", "deep"]
)
def test_every_spelling_finds_the_run(workspace, form):
    workspace.trained("Other")
    run = workspace.trained("BoxGrasping", 100)
    deep = run.path / "trajectories" / "best" / "env_0.npz"
    deep.parent.mkdir(parents=True)
    deep.write_bytes(b"")
    (workspace.pins / "good one").symlink_to(run.path)
    ref = {
        "name": run.name,
        "part": "BoxGr",
        "pin": "good one",
        "runs": f"runs/{run.name}/",
        "runs_all": f"runs_all/{run.name}",
        "absolute": str(run.path),
        "pinned": "runs/pinned/good one",
        "nn": f"runs/{run.name}/nn",
        "file": f"runs/{run.name}/nn/checkpoint_100.pth",
        "deep": str(deep),
    }[form]
    assert find_run(ref, workspace.root) == run.path


def test_latest_is_what_the_links_in_runs_show(workspace):
    trained = workspace.trained()
    tested = workspace.tested(trained)
    workspace.start()  # newer, but without a checkpoint
    workspace.tested(trained, state="failed")
    for word in ("latest", "latest_train"):
        assert find_run(word, workspace.root) == trained.path
    assert find_run("latest_test", workspace.root) == tested.path
    assert find_run("runs/latest_test", workspace.root) == tested.path
    assert resolve("latest", root=workspace.root).run_path == trained.path


def test_latest_without_any_checkpoint_is_the_newest(workspace):
    workspace.start()
    run = workspace.start()
    assert find_run("latest", workspace.root) == run.path
    message = refusal(workspace, "latest_test")
    assert "there is no test run in" in message
    assert f"this works:\n  {run.name}" in message


def test_a_test_run_stands_for_itself(workspace):
    tested = workspace.tested(workspace.trained())
    assert find_run(tested.name, workspace.root) == tested.path


def test_an_unreadable_run_is_found(workspace):
    workspace.trained()
    (workspace.archive / "junk").mkdir()
    for ref in ("junk", "runs_all/junk"):
        assert find_run(ref, workspace.root) == workspace.archive / "junk"


def test_a_path_that_left_the_window_is_found(workspace):
    run = workspace.trained()
    (workspace.window / run.name).unlink()
    assert find_run(f"runs/{run.name}", workspace.root) == run.path


def test_several_runs_are_listed(workspace):
    first, second = workspace.trained("Box"), workspace.start("Box")
    message = refusal(workspace, "Box")
    assert message.startswith("run 'Box': 2 runs answer to that:")
    assert first.name in message and second.name in message


def test_a_near_miss_is_named(workspace):
    run = workspace.start("BoxGrasping")
    message = refusal(workspace, run.name.replace("Grasping", "Grapsing"))
    assert f"did you mean {run.name}?" in message
    assert "checkpoint" not in message


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        ("  ", "no name is given"),
        ("no/such/folder", "there is no file or folder"),
        ("/etc", "/etc is no run, and lies in none"),
        ("\0", "no run or pinned link"),
    ],
)
def test_what_is_no_run_is_refused(workspace, ref, problem):
    run = workspace.start()
    message = refusal(workspace, ref)
    assert problem in message and run.name in message


def test_an_empty_workspace_says_how_to_begin(workspace):
    assert "rlkit train" in refusal(workspace, "latest")
    assert "there are no runs in" in refusal(workspace, "foo")
