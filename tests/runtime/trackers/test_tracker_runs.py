"""What the real packages have kept of a run, read back without a server."""

# pyright: reportMissingImports=false

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from needs import require_tracker
from wandb_file import of_kind, records, values

from rlkit.config import compose
from rlkit.runtime.progress.metrics import MetricsWriter
from rlkit.runtime.trackers.opening import trackers_of
from rlkit.workspace import Run, continue_run, read_record

pytestmark = pytest.mark.slow

KEY = "0123456789abcdef0123456789abcdef01234567"
SAID = ["logging.trackerTags=[first,second]", "logging.trackerNotes='api_key=hunter2hunter2'"]
SAID += ["logging.trackerGroup=all", "logging.trackerProject=ours"]


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Nothing of this user's, and nothing into his home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "TRACKIO_DIR", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)


def told(run: Run, tracker: str, iterations: range, *words: str, state: str = "done") -> None:
    """A training's words to its tracker: losses of 10 + iteration, a film at its end, the best checkpoint."""
    experiment = compose(["task=BaseTask", "device=cpu", f"logging.tracker={tracker}", *SAID, *words])
    first = iterations[0]
    writer = MetricsWriter(run.metrics, run.summaries, first_iteration=first)
    writer.add(trackers_of(experiment, run, first_iteration=first))
    for iteration in iterations:
        writer.write(iteration, 64 * iteration, 0.5, {"losses/actor": 10.0 + iteration, "bad": float("nan")})
    run.videos.mkdir(exist_ok=True)
    gif = run.videos / "iteration_000002.gif"
    gif.write_bytes(b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00"
                    b"\x02\x02D\x01\x00;")  # fmt: skip
    writer.add_video("eval/video", gif, iterations[-1])
    writer.add_video("eval/video", gif, iterations[0])
    writer.add_file("checkpoint", run.checkpoint_path("best"), {"iteration": 2, "return": 1.5})
    writer.state = state
    writer.close()


def start(workspace: Any) -> Run:
    run = workspace.start(command=["python", "train.py", "env.kwargs.token=hunter2hunter2"])
    workspace.save(run, "best", iteration=2)
    return run


def holds(folder: Path, secret: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_wandb_offline(workspace, monkeypatch):
    require_tracker("wandb")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = start(workspace)
    told(run, "wandb", range(1, 4))
    known = read_record(run.path).tracker
    assert (known["name"], known["mode"], known["project"]) == ("wandb", "offline", "ours")
    found = records(Path(known["folder"]))
    (header,) = of_kind(found, "run")[:1]
    assert (header.run_id, header.display_name, header.project) == (known["id"], run.name, "ours")
    assert (list(header.tags), header.run_group, header.notes) == (
        ["first", "second"],
        "all",
        "api_key=<masked>",
    )
    settings = values(header.config.update)
    assert settings["training"]["seed"] == 42
    assert settings["rlkit"]["command"] == "python train.py 'env.kwargs.token=<masked>'"
    rows = [values(row.item) for row in of_kind(found, "history")]
    assert [(row["_step"], row["losses/actor"], row["env_steps"]) for row in rows if "losses/actor" in row] == [
        (1, 11.0, 64), (2, 12.0, 128), (3, 13.0, 192),
    ]  # fmt: skip
    assert [row["eval/video._type"] for row in rows if "eval/video._type" in row] == ["video-file"]
    assert [
        (row["_step"], row["eval/video_iteration"], row["eval/video_1_iteration"]) for row in rows[2:]
    ] == [(3, 3, 1)]
    (artifact,) = [a for a in of_kind(found, "artifact") if a.type == "model"]
    assert artifact.name == f"{known['id']}-checkpoint"
    assert [done.exit_code for done in of_kind(found, "exit")] == [0]
    assert holds(run.path, KEY) == holds(run.path, "hunter2") == []


def test_a_run_that_goes_on_is_the_same_run_of_wandb(workspace):
    require_tracker("wandb")
    run = start(workspace)
    told(run, "wandb", range(1, 3), state="interrupted")
    first = run.record.tracker
    run.set_state("interrupted")
    again = continue_run(run.path, root=workspace.root, command=["python"], device="cpu")
    told(again, "wandb", range(3, 4))
    second = again.record.tracker
    again.close()
    assert second["id"] == first["id"] and second["folder"] != first["folder"]
    steps = [values(row.item)["_step"] for row in of_kind(records(Path(second["folder"])), "history")]
    assert steps[0] == 3
    assert [done.exit_code for done in of_kind(records(Path(first["folder"])), "exit")] == [1]


def test_mlflow_in_a_folder(workspace, tmp_path, monkeypatch):
    require_tracker("mlflow")
    from mlflow import MlflowClient

    run = start(workspace)
    told(run, "mlflow", range(1, 4), "logging.trackerSystem=false")
    known = run.record.tracker
    assert known["folder"] == (tmp_path / "mlruns").as_uri()
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # to read it; the tracker did without
    client = MlflowClient(tracking_uri=known["folder"])
    kept = client.get_run(known["id"])
    assert (kept.info.run_name, kept.info.status) == (run.name, "FINISHED")
    assert client.get_experiment(kept.info.experiment_id).name == "ours"
    assert {"first", "second"} <= set(kept.data.tags) and kept.data.tags["group"] == "all"
    assert kept.data.tags["mlflow.note.content"] == "api_key=<masked>"
    assert kept.data.params["training.seed"] == "42"
    rows = client.get_metric_history(known["id"], "losses/actor")
    assert [(row.step, row.value) for row in rows] == [(1, 11.0), (2, 12.0), (3, 13.0)]
    files = [
        file.path
        for folder in ("checkpoint", "videos")
        for file in client.list_artifacts(known["id"], folder)
    ]
    assert files == ["checkpoint/checkpoint_best.pth", "videos/iteration_000002.gif"]
    run.set_state("done")
    again = continue_run(run.path, root=workspace.root, command=["python"], device="cpu")
    told(again, "mlflow", range(4, 5), "logging.trackerSystem=false", state="failed")
    again.close()
    assert client.get_run(known["id"]).info.status == "FAILED"
    assert [row.step for row in client.get_metric_history(known["id"], "losses/actor")] == [1, 2, 3, 4]
    assert holds(tmp_path / "mlruns", "hunter2") == []


def test_trackio_in_its_database(workspace):
    require_tracker("trackio")
    run = start(workspace)
    told(run, "trackio", range(1, 4), "logging.trackerSystem=false")
    run.set_state("interrupted")
    again = continue_run(run.path, root=workspace.root, command=["python"], device="cpu")
    told(again, "trackio", range(4, 6), "logging.trackerSystem=false")
    again.close()
    known = again.record.tracker
    assert (known["id"], known["name"], known["project"]) == (run.name, "trackio", "ours")
    (file,) = Path(known["folder"]).glob("ours*.db")
    with sqlite3.connect(file) as base:
        rows = base.execute("SELECT run_name, step, metrics FROM metrics ORDER BY id").fetchall()
        ((config,),) = base.execute("SELECT config FROM configs").fetchall()
    base.close()
    losses = [(name, step, json.loads(text).get("losses/actor")) for name, step, text in rows]
    assert [row for row in losses if row[2] is not None] == [(run.name, n, 10.0 + n) for n in range(1, 6)]
    kept = [path.read_bytes() for path in Path(known["folder"], "artifacts").rglob("*") if path.is_file()]
    assert b"weights" in kept
    settings = json.loads(config)
    assert settings["training"]["seed"] == 42 and settings["tags"] == ["first", "second"]
    assert settings["notes"] == "api_key=<masked>"
    assert holds(Path(known["folder"]), "hunter2") == []
