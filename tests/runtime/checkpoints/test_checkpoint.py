"""A checkpoint is there whole or not at all, runs no code when it is read, and says why it does not fit."""

from __future__ import annotations

import pickle
import resource
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.checkpoints.head import CheckpointError, CheckpointHead, read_head, require_fit
from rlkit.runtime.process.seeding import rng_state
from rlkit.tasks.robots.humanoids import HUMANOIDS
from rlkit.workspace import WorkspaceError

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def saved(tmp_path):
    checkpoint = Checkpoint(
        task="BoxGrasping",
        learner_name="ppo",
        iteration=7,
        env_steps=700,
        seed=5,
        learner={"model": {"weight": torch.arange(4.0)}, "lr": 1e-3},
        rng=rng_state(),
        env={"generators": [torch.ones(3, dtype=torch.uint8)]},
        monitor={"window": [{"count": 2.0}]},
        progress={"seconds": 1.5, "best_return": 3.0, "best_iteration": 4.0},
    )
    path = tmp_path / "checkpoint_last.pth"
    checkpoints.save(path, checkpoint)
    return path, checkpoint


def test_what_is_saved_is_what_is_loaded(saved):
    path, checkpoint = saved
    loaded = checkpoints.load(path, CPU)
    assert torch.equal(loaded.learner["model"]["weight"], torch.arange(4.0))
    assert loaded.env is not None
    assert torch.equal(loaded.env["generators"][0], torch.ones(3, dtype=torch.uint8))
    for name in ("task", "learner_name", "iteration", "env_steps", "seed", "monitor", "progress", "format"):
        assert getattr(loaded, name) == getattr(checkpoint, name)


def test_it_holds_tensors_and_plain_values_only(saved):
    # weights_only refuses numpy scalars and arrays, and every class but torch's own.
    content = torch.load(saved[0], weights_only=True)
    assert set(content) == {field.name for field in fields(Checkpoint)}


def test_its_size_is_told_without_a_look_at_the_file(saved):
    path, checkpoint = saved
    assert checkpoints.save(path, checkpoint) == path.stat().st_size


def test_nothing_is_left_over_beside_it(saved):
    assert [path.name for path in saved[0].parent.iterdir()] == ["checkpoint_last.pth"]


def test_a_save_that_fails_keeps_the_old_file(saved):
    path, checkpoint = saved
    before = path.read_bytes()
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        checkpoints.save(path, replace(checkpoint, learner={"model": lambda: None}))
    assert path.read_bytes() == before


def test_a_folder_that_is_gone_is_told(saved):
    path, checkpoint = saved
    with pytest.raises(WorkspaceError, match="gone"):
        checkpoints.save(path.parent / "gone" / "checkpoint_last.pth", checkpoint)


def test_a_disk_that_fills_up_is_told_and_keeps_the_old_file(saved):
    path, checkpoint = saved
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))  # as a disk with 1 MB left
    try:
        with pytest.raises(WorkspaceError, match=r"could not write .*_last.pth: File too large"):
            checkpoints.save(path, replace(checkpoint, learner={"replay": torch.zeros(1_000_000)}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [path.name for path in path.parent.iterdir()] == ["checkpoint_last.pth"]


def test_a_large_state_is_not_copied_to_be_saved(saved):
    path, checkpoint = saved
    large = replace(checkpoint, learner={"replay": torch.zeros(4_000_000)})
    tracemalloc.start()
    try:
        checkpoints.save(path, large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 16_000_000
    assert peak < 1_000_000


def load(path):
    return checkpoints.load(path, CPU)


both_readers = pytest.mark.parametrize("read", [load, read_head], ids=["whole", "head"])


@both_readers
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_torn_file_is_told(saved, share, read):
    path, _ = saved
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"_last.pth cannot be read: it is torn .*:<iteration>"):
        read(path)


@both_readers
def test_a_file_of_another_program_is_told(tmp_path, read):
    path = tmp_path / "policy.pth"
    torch.save({"actor_state_dict": {"weight": torch.zeros(2)}}, path)
    with pytest.raises(
        CheckpointError, match=r"policy.pth is no rlkit checkpoint: it lacks task, learner_name"
    ):
        read(path)
    torch.save(torch.zeros(2), path)
    with pytest.raises(CheckpointError, match="is no rlkit checkpoint"):
        read(path)
    path.write_text("not a checkpoint at all\n")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "any other archive")
    with pytest.raises(CheckpointError, match="cannot be read"):
        read(path)


@both_readers
def test_a_missing_file_is_told(tmp_path, read):
    with pytest.raises(CheckpointError, match=r"gone.pth cannot be read"):
        read(tmp_path / "gone.pth")


@both_readers
def test_a_file_that_would_run_code_runs_none(tmp_path, read):
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (marker.write_text, ("code ran",))

    path = tmp_path / "evil.pth"
    torch.save({"task": Evil()}, path)
    with pytest.raises(CheckpointError):
        read(path)
    assert not marker.exists()


@both_readers
def test_a_later_format_is_told(saved, read):
    path, checkpoint = saved
    checkpoints.save(path, replace(checkpoint, format=99))
    with pytest.raises(CheckpointError, match="has format 99, this rlkit reads format 1"):
        read(path)


def rewritten(path, **changes):
    """The file with fields changed, or without those that are given as `...`."""
    content = {**torch.load(path, weights_only=True), **changes}
    torch.save({name: value for name, value in content.items() if value is not ...}, path)


def test_a_field_with_a_default_may_be_missing_in_an_older_file(saved):
    path, checkpoint = saved
    rewritten(path, progress=..., monitor=...)
    assert read_head(path, whole=True).iteration == 7
    loaded = checkpoints.load(path, CPU)
    assert (loaded.progress, loaded.monitor, loaded.seed) == (None, None, checkpoint.seed)


@both_readers
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rng": ..., "monitor": ...}, "is no rlkit checkpoint: it lacks rng$"),
        ({"iteration": "7"}, "is no rlkit checkpoint: it lacks iteration$"),
        ({"tomorrow": 1, "day": 2}, "is of a newer rlkit, .* does not know day, tomorrow$"),
    ],
)
def test_fields_that_do_not_fit_are_named_and_no_others(saved, changes, message, read):
    rewritten(saved[0], **changes)
    with pytest.raises(CheckpointError, match=message):
        read(saved[0])


def test_the_head_is_read_without_torch(saved):
    path, _ = saved
    assert read_head(path) == CheckpointHead("BoxGrasping", "ppo", 7, saved[1].env_steps, 1)
    code = (
        "import sys; from pathlib import Path; from rlkit.runtime.checkpoints.head import read_head;"
        "print(read_head(Path(sys.argv[1])).task, {'torch', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "BoxGrasping set()\n"


@pytest.mark.parametrize("spec", [None, 3, {}, {"action_names": 3}, {"action_names": ["left_knee"]}])
def test_the_robot_is_known_by_the_joints_that_are_the_actions(saved, spec):
    rewritten(saved[0], env_spec={"action_names": list(HUMANOIDS["g1"].joints)})
    head = replace(read_head(saved[0]), task="HumanoidRun")
    assert head.robot == "g1" and head.task_words == ("task=HumanoidRun", "task.robot=g1")
    require_fit(head, saved[0], {"name": "HumanoidRun", "robot": "g1"}, "ppo")
    require_fit(head, saved[0], {"name": "HumanoidRun", "robot": "a dog of mine"}, "ppo")
    told = r"is of robot g1, not of h1, which has other joints; write task\.robot=g1"
    with pytest.raises(CheckpointError, match=told):
        require_fit(head, saved[0], {"name": "HumanoidRun", "robot": "h1"}, "ppo")
    rewritten(saved[0], env_spec=spec)
    head = read_head(saved[0])
    assert head.robot is None and head.task_words == ("task=BoxGrasping",)


def test_another_task_or_learner_is_told(saved):
    path, _ = saved
    head = read_head(path)
    require_fit(head, path, {"name": "BoxGrasping"}, "ppo")
    with pytest.raises(
        CheckpointError, match="is of task BoxGrasping, not of BaseTask; write task=BoxGrasping"
    ):
        require_fit(head, path, {"name": "BaseTask"}, "ppo")
    with pytest.raises(CheckpointError, match="is of learner ppo, not of fast_td3; choose a train= file"):
        require_fit(head, path, {"name": "BoxGrasping"}, "fast_td3")
