"""Pretrained weights: what a file holds, read without torch; the tensors themselves, read without running its code."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from rlkit.learners.api import Fit
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.head import CheckpointError
from rlkit.runtime.checkpoints.pretrained import fit_table, load_tensors
from rlkit.runtime.checkpoints.weights_file import read_index, require_some_fit


class Actor(nn.Module):
    """The official soccer policy's architecture, narrow: LayerNorm after the activation, and two heads."""

    def __init__(self, size: int = 7, units: tuple[int, ...] = (5, 5), actions: int = 3) -> None:
        super().__init__()
        widths = list(zip((size, *units), units))
        self.hidden_layers = nn.ModuleList(nn.Linear(n, m) for n, m in widths)
        self.layer_norms = nn.ModuleList(nn.LayerNorm(m, eps=1e-6) for _, m in widths)
        self.mean_net = nn.Linear(units[-1], actions)
        self.log_std_net = nn.Linear(units[-1], actions)

    def forward(self, x):
        for linear, norm in zip(self.hidden_layers, self.layer_norms):
            x = norm(torch.relu(linear(x)))
        return self.mean_net(x), self.log_std_net(x).clamp(-5, 2).exp()


NAMES = [
    *(f"hidden_layers.{i}.{leaf}" for i in (0, 1) for leaf in ("weight", "bias")),
    *(f"layer_norms.{i}.{leaf}" for i in (0, 1) for leaf in ("weight", "bias")),
    "mean_net.weight", "mean_net.bias", "log_std_net.weight", "log_std_net.bias",
]  # fmt: skip


@pytest.fixture
def actor() -> Actor:
    torch.manual_seed(0)
    actor = Actor()
    # As weights converted from JAX are: the transpose of what was stored.
    actor.hidden_layers[0].weight.data = torch.randn(7, 5).T
    return actor


@pytest.fixture
def script(actor, tmp_path) -> Path:
    path = tmp_path / "model.pt"
    torch.jit.save(torch.jit.trace(actor, (torch.randn(1, 7),)), str(path))
    return path


def test_a_torchscript_archive_is_listed_and_read(actor, script):
    index = read_index(script)
    assert list(index) == NAMES
    assert index["hidden_layers.0.weight"].shape == (5, 7)
    assert index["hidden_layers.0.weight"].stride == (1, 5)  # stored transposed
    tensors = load_tensors(script)
    assert list(tensors) == NAMES
    for name, tensor in actor.state_dict().items():
        assert torch.equal(tensors[name], tensor), name


def test_a_state_dict_is_listed_and_read_with_views_types_and_nesting(tmp_path):
    whole = torch.arange(12.0).reshape(3, 4)
    content = {
        "policy": OrderedDict(row=whole[1], part=whole[1:, 2:], half=torch.ones(2, dtype=torch.bfloat16)),
        "layers": [{"weight": nn.Parameter(torch.tensor([[1.5, 2.5]], dtype=torch.float64))}, {"epoch": 3}],
        "optimizer": {"state": {0: {"exp_avg": torch.ones(5)}}},
        "steps": torch.tensor(7),  # a whole number is no weight
        "empty": torch.empty(0, 4),
    }
    torch.save(content, tmp_path / "weights.pth")
    assert list(read_index(tmp_path / "weights.pth")) == [
        "policy.row", "policy.part", "policy.half", "layers.0.weight", "empty"
    ]  # fmt: skip
    tensors = load_tensors(tmp_path / "weights.pth")
    assert tensors["policy.row"].tolist() == [4, 5, 6, 7]
    assert tensors["policy.part"].tolist() == [[6, 7], [10, 11]]
    assert tensors["policy.half"].dtype == torch.bfloat16
    assert tensors["layers.0.weight"].tolist() == [[1.5, 2.5]]
    assert tensors["layers.0.weight"].dtype == torch.float64
    assert tensors["empty"].shape == (0, 4)


def compiled(net: nn.Module) -> nn.Module:
    """A module too, though torch promises no more than something to call."""
    module = torch.compile(net)
    assert isinstance(module, nn.Module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrapped",
    [
        compiled,  # _orig_mod.
        nn.DataParallel,  # module.
        lambda net: compiled(nn.DataParallel(compiled(net))),  # _orig_mod.module._orig_mod.
        lambda net: nn.Sequential(OrderedDict(actor=compiled(net))),  # actor._orig_mod.
    ],
)
def test_names_are_those_of_the_module_whatever_was_wrapped_around_it(tmp_path, wrapped):
    net = nn.Linear(3, 2)
    saved = wrapped(net).state_dict()
    torch.save({"model": saved}, tmp_path / "wrapped.pth")
    loaded = load_tensors(tmp_path / "wrapped.pth")
    prefix = "model.actor" if any(name.startswith("actor") for name in saved) else "model"
    assert list(loaded) == [f"{prefix}.weight", f"{prefix}.bias"]
    assert torch.equal(loaded[f"{prefix}.weight"], net.weight)


def test_a_wrapper_s_word_stays_where_names_would_become_one(tmp_path):
    torch.save({"module.weight": torch.ones(2), "weight": torch.zeros(2)}, tmp_path / "own.pth")
    assert list(load_tensors(tmp_path / "own.pth")) == ["module.weight", "weight"]


def test_of_a_checkpoint_the_networks_count(tmp_path):
    learner = {
        "model": {"mu.weight": torch.eye(2)},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}},
        "critic_optimizer": {"state": {0: {"exp_avg": torch.ones(9)}}},
        "replay": {"rows": torch.ones(9)},
    }
    rest = {
        "task": "T",
        "learner_name": "ppo",
        "iteration": 3,
        "env_steps": 5,
        "seed": 0,
        "rng": {"x": torch.ones(4)},
    }
    path = tmp_path / "checkpoint_last.pth"
    checkpoints.save(path, checkpoints.Checkpoint(learner=learner, **rest))
    assert list(read_index(path)) == ["model.mu.weight"]
    assert torch.equal(load_tensors(path)["model.mu.weight"], torch.eye(2))


class Evil:
    def __reduce__(self):
        return os.system, ("touch owned",)


def test_no_code_of_the_file_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.eye(2), "trap": Evil()}, "trap.pt")
    assert list(read_index(Path("trap.pt"))) == ["weight"]
    assert torch.equal(load_tensors(Path("trap.pt"))["weight"], torch.eye(2))
    assert not Path("owned").exists()


def test_reading_needs_no_torch(script):
    code = (
        "import sys; from pathlib import Path; from rlkit.runtime.checkpoints.weights_file import read_index;"
        f"print(len(read_index(Path({str(script)!r}))), 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["12", "False"]


def test_files_that_are_no_weights_are_refused_by_kind(tmp_path, script):
    def refused(name: str, reason: str) -> None:
        for read in (read_index, load_tensors):
            with pytest.raises(CheckpointError, match=reason) as caught:
                read(tmp_path / name)
            assert name in str(caught.value)

    refused("absent.pt", "cannot be read: .*No such file")
    (tmp_path / "notes.txt").write_text("to be done")
    refused("notes.txt", r"torn or no file of weights \(File is not a zip file\).*what torch\.save wrote")
    (tmp_path / "cut.pt").write_bytes(script.read_bytes()[:-100])
    refused("cut.pt", "torn or no file of weights")
    (tmp_path / "old.pkl").write_bytes(pickle.dumps({"weight": [1.0]}))
    refused("old.pkl", "torn or no file of weights")
    torch.save({"epoch": 3, "steps": torch.tensor([1, 2])}, tmp_path / "none.pt")
    refused("none.pt", "holds no floating-point tensor")
    with zipfile.ZipFile(tmp_path / "sb3.zip", "w") as archive:
        archive.writestr("policy.pth", b"")
    refused("sb3.zip", "Stable-Baselines3.*unzip it and give its policy.pth")
    with zipfile.ZipFile(tmp_path / "cats.zip", "w") as archive:
        archive.writestr("cat.png", b"")
    refused("cats.zip", "it has no data.pkl")


def test_a_damaged_tensor_is_noticed(tmp_path):
    torch.save({"weight": torch.arange(64.0)}, tmp_path / "weights.pt")
    data = bytearray((tmp_path / "weights.pt").read_bytes())
    place = data.index(torch.arange(64.0).numpy().tobytes()) + 100
    data[place] ^= 1
    (tmp_path / "weights.pt").write_bytes(data)
    for read in (read_index, load_tensors):
        with pytest.raises(CheckpointError, match=r"weights\.pt is torn .*Bad CRC-32"):
            read(tmp_path / "weights.pt")


@pytest.mark.parametrize(
    "train",
    [
        {"units": (5, 5)},  # every layer
        {"units": (5, 64)},  # the first: [5, anything]
        {"units": (64, 5)},  # the last: [anything, 5]
        {"actor_units": (5,), "critic_units": (9, 9)},
        {"units": (7, 5, 7)},  # between two hidden layers: [5, 7]
    ],
)
def test_widths_that_leave_a_place_are_let_pass(script, train):
    require_some_fit(script, read_index(script), {"learner": "ppo", **train})


@pytest.mark.parametrize("units", [(64, 64), (64, 5, 64), (6, 8)])
def test_widths_that_leave_none_are_refused_with_those_of_the_file(script, units):
    with pytest.raises(CheckpointError) as caught:
        require_some_fit(script, read_index(script), {"actor_units": units, "critic_units": [32]})
    asked = ",".join(map(str, units))
    assert (
        f"none of its tensors can fit the networks of train.actor_units=[{asked}] train.critic_units=[32]"
        in str(caught.value)
    )
    assert "hidden_layers.0.weight [5, 7], hidden_layers.1.weight [5, 5]" in str(caught.value)
    assert str(caught.value).endswith("Give the file's widths: train.actor_units=[5,5]")


def test_a_file_of_vectors_alone_fits_nowhere(tmp_path):
    torch.save({"scale": torch.ones(5)}, tmp_path / "v.pt")
    with pytest.raises(CheckpointError, match="the file has no matrix"):
        require_some_fit(tmp_path / "v.pt", read_index(tmp_path / "v.pt"), {"units": (5, 5)})


def test_the_table_tells_what_was_taken(capsys):
    from rich.console import Console

    fit = Fit(tuple(f"torso.{i}" for i in range(14)), ("head.weight [2, 5]",), ())
    Console(width=80).print(fit_table(fit, "model.pt"))
    said = capsys.readouterr().out
    for text in ("weights from model.pt", "loaded (14)", "torso.11", "... and 2 more", "begins anew (1)"):
        assert text in said
    assert "torso.12" not in said
    assert "not used (0)" in said
