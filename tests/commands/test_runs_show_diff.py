"""`rlkit runs show`, `diff` and `path`: what a run is, and in what two of them differ."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from workspace_helper import EPOCH

from rlkit.cli import main
from rlkit.config import compose
from rlkit.runtime.checkpoints.checkpoint import Checkpoint, save
from rlkit.workspace import continue_run, run_details

CONFIG = "task: {}\nenv:\n  numEnvs: {}\ncomposed:\n  overrides: [{}]\n"


@pytest.fixture(autouse=True)
def in_the_workspace(workspace, monkeypatch):
    """Where commands are typed."""
    workspace.root.mkdir(parents=True)
    monkeypatch.chdir(workspace.root)


def output(capsys, workspace, *words: str) -> str:
    assert main(["runs", "--root", str(workspace.root), *words]) == 0
    return capsys.readouterr().out


def refused(capsys, workspace, *words: str) -> str:
    assert main(["runs", "--root", str(workspace.root), *words]) == 2
    return capsys.readouterr().err


@pytest.fixture
def family(workspace):
    """A run with everything, what it started from, a resume of it and a test of it."""
    first = workspace.trained("Box")
    run = workspace.start(
        "Box", parent=first.name, config_yaml=CONFIG.format("Box", 64, "env.numEnvs=64"), name="middle"
    )
    workspace.save(run, 100, 200)
    workspace.save(run, "best", iteration=100)
    run.update(iterations=200, best_return=12.5, best_success=0.625)
    line = '{"iteration": %d, "env_steps": %d, "episode/return": 3.5, "losses/actor": null}\n'
    run.metrics.write_text(line % (199, 12736) + line % (200, 12800) + '{"iteration": 201, "env_')
    (run.path / "videos").mkdir()
    (run.path / "videos" / "best.mp4").write_bytes(b"x" * 1000)
    (run.path / "trajectories" / "100").mkdir(parents=True)
    (run.path / "trajectories" / "100" / "env_0.npz").write_bytes(b"y" * 500)
    run.set_state("done")
    (workspace.pins / "keeper").symlink_to(run.path)
    child = workspace.trained("Box", parent=run.name)
    return first, run, child, workspace.tested(run, 100)


def test_the_page_tells_what_there_is_to_know(workspace, family, capsys):
    first, _, child, test = family
    page = output(capsys, workspace, "show", "middle")
    said = {line[:16].strip(): line[16:] for line in page.splitlines()[1:] if line.strip()}
    assert page.splitlines()[0] == "middle  done"
    assert said["task"] == "Box, train, ppo"
    assert said["progress"] == "iteration 200, 12,800 env-steps"
    assert said["best"] == "success 62.5 %, return 12.5, iteration 100"
    assert said["settings"] == "env.numEnvs=64"
    assert said["command"] == "python train.py task=Box"
    assert (said["started from"], said["resumed as"], said["tests of it"]) == (
        first.name,
        child.name,
        test.name,
    )
    assert said["checkpoints"].startswith("100, 7 B, ")
    assert "best (iteration 100), 7 B" in page
    assert (said["videos"], said["trajectories"]) == ("videos/best.mp4", "trajectories/100/env_0.npz")
    assert said["links"] == "runs/pinned/keeper"
    assert said["last metrics"] == "iteration 200, env_steps 12,800"
    assert said["episode"] == "return 3.5"
    for command in (
        "rlkit test checkpoint=middle",
        "rlkit view middle",
        "rlkit export middle",
    ):
        assert command in page


def test_numbers_are_told_in_their_units(workspace, capsys):
    run = workspace.trained("Track")
    run.metrics.write_text(
        '{"iteration": 1, "metric/body_error": 0.25, "episode/return": 3.5, "time/env": 2}\n'
    )
    run.update(units={"metric/body_error": "m", "time/env": "s"})
    page = output(capsys, workspace, "show", run.name)
    assert {"  metric        body_error 0.25 m", "  episode       return 3.5", "  time          env 2 s"} <= {
        *page.splitlines()
    }
    test = workspace.tested(run, 1)
    spread = {"mean": 0.5, "max": 1.0}
    results = {"length": {"mean": 20.0}, "facts": {"error_global": spread}, "units": {"error_global": "m"}}
    (test.path / "metrics.json").write_text(json.dumps(results))
    page = output(capsys, workspace, "show", test.name)
    assert "  facts/error_global mean 0.5 m, max 1 m" in page and "mean 20 control steps" in page


def test_json_has_the_record_and_the_rest(workspace, family, capsys):
    _, run, child, test = family
    told = json.loads(output(capsys, workspace, "--json", "show", "middle"))
    assert (told["task"], told["state"]) == ("Box", "done")
    assert (told["best_return"], told["best_success"]) == (12.5, 0.625)
    assert (told["children"], told["tests"], told["pinned"]) == ([child.name], [test.name], ["keeper"])
    assert [(saved["which"], saved["iteration"]) for saved in told["checkpoints"]] == [
        (100, 100),
        (200, 200),
        ("best", 100),
    ]
    assert told["metrics"]["iteration"] == 200
    assert told["bytes"] == sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())


def test_durations_are_counted_from_the_start(workspace):
    run = workspace.start()
    an_hour_on = EPOCH.replace(hour=4)
    assert run_details(run.path, workspace.root, an_hour_on).seconds == 59 * 60
    run.close()
    record = json.loads((run.path / "run.json").read_text())
    (run.path / "run.json").write_text(json.dumps({**record, "updated": "2026-01-02T03:15:05.000000Z"}))
    later = datetime(2027, 1, 1, tzinfo=timezone.utc)
    assert run_details(run.path, workspace.root, later).seconds == 600, "it died: until it last said a word"


def test_the_page_of_a_test_says_what_was_tested(workspace, family, capsys):
    *_, test = family
    (test.path / "metrics.json").write_text('{"return": {"mean": 4.25, "std": 0.5}, "success_rate": 1.0}')
    page = output(capsys, workspace, "show", "latest_test")
    assert "tested        " + str(workspace.archive / "middle" / "nn" / "checkpoint_100.pth") in page
    assert "return        mean 4.25, std 0.5" in page
    assert "runs/latest_test" in page
    assert f"rlkit test checkpoint={test.name}" in page


def test_the_page_of_a_run_without_a_checkpoint_does_not_offer_to_test_it(workspace, capsys):
    run = workspace.start()
    page = output(capsys, workspace, "show", "latest")
    assert "running" in page and "test=true" not in page and "export" not in page
    assert f"rlkit view {run.name}" in page


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"schema": 9}'])
def test_an_unreadable_run_still_has_a_page(workspace, capsys, content):
    junk = workspace.archive / "junk"
    junk.mkdir(parents=True)
    (junk / "run.json").write_text(content)
    (junk / "metrics.jsonl").write_text("[]\nnull\n\x00")
    page = output(capsys, workspace, "show", "junk")
    assert page.startswith("junk  unreadable\n  reason        run.json ")
    assert json.loads(output(capsys, workspace, "show", "junk", "--json"))["state"] == "unreadable"


def test_a_damaged_configuration_is_named(workspace, capsys):
    run = workspace.trained()
    run.config.write_text("a: [1\n")
    problem = f"{run.config}, the settings of the run, cannot be read"
    assert problem in refused(capsys, workspace, "diff", run.name, run.name)
    page = output(capsys, workspace, "show", run.name)
    assert problem in " ".join(page.split()) and "started 2026" in page, "the rest is shown all the same"


def test_diff_shows_only_what_differs(workspace, capsys):
    first = workspace.start(config_yaml="env:\n  numEnvs: 64\n  seed: null\ntask: Box\nunits: [8, 8]\n")
    second = workspace.start(config_yaml="env:\n  numEnvs: 128\ntask: Box\nunits: [8]\n", seed=8)
    told = json.loads(output(capsys, workspace, "diff", first.name, second.name, "--json"))
    assert told == {
        "runs": [first.name, second.name],
        "config": {
            "env.numEnvs": {"first": 64, "second": 128},
            "env.seed": {"first": None},
            "units": {"first": [8, 8], "second": [8]},
        },
        "git": {},
        "versions": {},
        "command": {},
    }
    lines = output(capsys, workspace, "diff", first.name, second.name).splitlines()
    assert [line.split() for line in lines if "env." in line] == [
        ["env.numEnvs", "64", "128"],
        ["env.seed", "null", "(absent)"],
    ]
    assert "task" not in "".join(lines)
    assert lines[-1] == "equal: git, versions, command"


def test_diff_shows_code_versions_and_command(workspace, capsys):
    first, second = workspace.trained(), workspace.trained(command=["python", "train.py", "seed=1"])
    record = json.loads((second.path / "run.json").read_text())
    record["git"] = {"commit": "abc", "branch": "main", "dirty": False, "untracked": []}
    record["packages"] = {**record["packages"], "torch": "1.0"}
    (second.path / "run.json").write_text(json.dumps(record))
    told = json.loads(output(capsys, workspace, "diff", first.name, second.name, "--json"))
    assert told["config"] == {}
    assert told["git"]["commit"] == {"second": "abc"}
    assert told["versions"]["torch"]["second"] == "1.0"
    assert told["command"]["command"]["second"] == "python train.py seed=1"


def test_runs_that_were_made_alike_are_said_to_be(workspace, capsys):
    first, second = workspace.trained(), workspace.trained()
    assert "were made alike" in output(capsys, workspace, "diff", first.name, second.name)


def test_diff_without_a_configuration_is_refused(workspace, capsys):
    first, second = workspace.trained(), workspace.trained()
    second.config.unlink()
    assert f"{second.path} has no config.yaml" in refused(capsys, workspace, "diff", first.name, second.name)


def test_path_prints_the_path_alone(workspace, family, capsys, monkeypatch):
    _, run, _, _ = family
    monkeypatch.chdir(workspace.root)
    for words in (["runs", "path", "middle"], ["runs", "--root", ".", "path", "keeper"]):
        assert main(words) == 0
        assert capsys.readouterr().out == f"{run.path}\n"
    for which in ("best", "200"):
        path = output(capsys, workspace, "path", "middle", "--checkpoint", which)
        assert path == f"{run.path}/nn/checkpoint_{which}.pth\n"
    assert "it has 100, 200, best" in refused(capsys, workspace, "path", "middle", "--checkpoint", "last")
    with pytest.raises(SystemExit):
        main(["runs", "path", "middle", "--checkpoint", "-1"])


def test_options_stand_before_or_after_the_action_or_are_refused(workspace, capsys):
    run, other = workspace.trained("Box"), workspace.trained("Base")
    for words in (("--task", "Box", "list", "--json"), ("list", "--task", "Box", "--json")):
        assert [row["name"] for row in json.loads(output(capsys, workspace, *words))] == [run.name]
    elsewhere = ["runs", "--root", "/nowhere", "path", other.name, "--root", str(workspace.root)]
    assert main(elsewhere) == 0, "the later word counts"
    assert capsys.readouterr().out == f"{other.path}\n"
    assert "--task means nothing here" in refused(capsys, workspace, "--task", "Box", "path", run.name)


@pytest.mark.parametrize("action", ["list", "show", "diff", "pin", "unpin", "path", "prune"])
def test_every_action_explains_itself(action, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["runs", action, "-h"])
    assert caught.value.code == 0
    assert "--root" in capsys.readouterr().out


def test_the_links_are_those_that_lead_to_the_run(workspace, capsys):
    first, run = workspace.trained(), workspace.trained(name="run")
    (workspace.window / "run").rename(workspace.window / "my name")
    (workspace.window / "broken").symlink_to(workspace.archive / "gone")
    (workspace.pins / "keeper").symlink_to(run.path)
    details = run_details(run.path, workspace.root)
    assert sorted(details.links) == ["runs/latest_train", "runs/my name", "runs/pinned/keeper"]
    assert details.latest and details.here
    (workspace.window / "latest_train").unlink()
    (workspace.window / "latest_train").symlink_to(first.path)
    page = output(capsys, workspace, "show", "run")
    assert "links         runs/my name, runs/pinned/keeper\n" in page
    assert "latest        latest_train stands for it, though no link of that name leads to it" in page
    assert run_details(first.path, workspace.root).links[-1] == "runs/latest_train"
    assert not run_details(first.path, workspace.root).latest


def test_a_run_of_elsewhere_is_shown_with_commands_that_work_here(workspace, tmp_path, capsys, monkeypatch):
    run = workspace.trained(name="a run")
    page = output(capsys, workspace, "show", "a run")
    assert """test          rlkit test checkpoint="'a run'"\n""" in page
    assert """go on         rlkit train checkpoint="'a run:last'"\n""" in page
    assert "keep          rlkit runs pin 'a run'\n" in page
    monkeypatch.chdir(tmp_path)
    for words in (
        ("--root", "project", "show", "a run"),
        ("show", str(run.path)),
        ("show", "project/runs/a run"),
    ):
        assert main(["runs", *words]) == 0
        page = capsys.readouterr().out
        assert f"""test          rlkit test checkpoint="'{run.path}'"\n""" in page
        assert f"export        rlkit export '{run.path}'\n" in page
        assert ("rlkit runs --root project pin 'a run'" in page) == (words[0] == "--root")
        assert ("rlkit runs pin" in page) is False


def test_what_a_foreign_record_says_cannot_steer_the_terminal(workspace, capsys):
    run = workspace.trained()
    record = json.loads((run.path / "run.json").read_text())
    record.update(state="failed", reason="red \x1b[31m \ud800 bell \x07", device="cpu\r\x9b2J")
    (run.path / "run.json").write_text(json.dumps(record))
    for words in (("show", run.name), ("list",)):
        told = output(capsys, workspace, *words)
        assert not set(told) & set("\x1b\x07\x9b\r\ud800")
    assert "\\x1b[31m" in output(capsys, workspace, "show", run.name)


@pytest.mark.parametrize(
    ("asked", "iteration", "word"),
    [
        ("maxIter=2", 2, "maxIter=100"),
        ("maxIter=100", 100, "maxIter=200"),
        ("training.maxSteps=640", 10, "training.maxSteps=1300"),
    ],
)
def test_a_finished_training_goes_on_with_a_goal_that_is_further(workspace, capsys, asked, iteration, word):
    experiment = compose(["task=BaseTask", "numEnvs=4", "device=cpu", asked])
    run = workspace.start("BaseTask", config_yaml=experiment.to_yaml(), name="over")
    save(run.checkpoint_path("last"), Checkpoint("BaseTask", "ppo", iteration, 64 * iteration, 1, {}, {}))
    run.checkpoint_saved("last", iteration)
    run.set_state("done")
    page = output(capsys, workspace, "show", "over")
    assert f"go on         rlkit train checkpoint=over:last {word}\n" in page


@pytest.mark.parametrize(
    ("tracker", "line"),
    [
        ({"name": "wandb", "mode": "online", "project": "p", "url": "https://wandb.ai/r", "id": "x"},
         "wandb, online, p: https://wandb.ai/r"),
        ({"name": "mlflow", "project": "p", "folder": "file:///mlruns", "id": "x"}, "mlflow, p: file:///mlruns"),
    ],
)  # fmt: skip
def test_the_page_says_where_a_tracker_has_the_run(workspace, capsys, tracker, line):
    run = workspace.start()
    run.update(tracker=tracker)
    assert f"  tracker       {line}\n" in output(capsys, workspace, "show", run.name)
    assert json.loads(output(capsys, workspace, "show", "--json", run.name))["tracker"] == tracker


def test_the_page_says_when_a_run_went_on_and_where_its_job_logs(workspace, capsys):
    run = workspace.start(job={"job": "12_3", "nodes": "n7", "log": "/logs/a-12_3.log"})
    page = output(capsys, workspace, "show", run.name)
    assert "  SLURM         job 12_3 on n7, log /logs/a-12_3.log\n" in page
    assert "  starts " not in page
    workspace.save(run, "last", iteration=9)
    run.set_state("interrupted")
    again = continue_run(
        run.path,
        root=workspace.root,
        command=["x"],
        device="cpu",
        changed={"training.maxIterations": ("5", "9")},
        job={"job": "12_3", "nodes": "n[1-2]"},
    )
    workspace.open_runs.append(again)
    page = " ".join(output(capsys, workspace, "show", run.name).split())
    assert "job 12_3 on n[1-2], log not known" in page
    assert ", iteration 0, on" in page
    assert ", iteration 9, on" in page
    assert "job 12_3, changed training.maxIterations" in page
