"""An exported policy acts as the original, says what its numbers mean, and is written whole or not at all."""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import shutil
import site
import sys
from pathlib import Path
from typing import Any

import known_envs  # noqa: F401  registers the environments
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import yaml

from rlkit.commands import export as export_command
from rlkit.config import compose
from rlkit.env.api import EnvSpec
from rlkit.env.cameras.settings import Camera
from rlkit.env.images import Image
from rlkit.env.task_env import TaskEnv
from rlkit.errors import ConfigError
from rlkit.export import export as exporting
from rlkit.export.compare import Played, largest_difference, policy_of, require_equal
from rlkit.export.export import export
from rlkit.export.facts import _observations
from rlkit.export.formats import WRITERS, Exported, ExportError, as_numpy
from rlkit.export.request import read_request
from rlkit.learners.api import Learner
from rlkit.runtime.build import build_env, build_learner
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.checkpoint import Checkpoint
from rlkit.runtime.checkpoints.head import CheckpointError
from rlkit.runtime.process.ranks import Ranks
from rlkit.workspace import WorkspaceError, WorkspaceLimits, open_run
from rlkit.workspace.store import atomic

pytestmark = pytest.mark.slow

BOTH = ("onnx", "torchscript")


def make_run(root: Path, *words: str, task: str = "BaseTask", name: str = "made") -> tuple[Path, Learner]:
    """A run with one checkpoint of an untrained learner, which is returned too."""
    words = (f"task={task}", "device=cpu", "numEnvs=4", "seed=3", *words)
    experiment = compose(words)
    limits = WorkspaceLimits(
        max_recent_runs=None, max_train_runs=9, max_test_runs=9, use_clean_workspace=False
    )
    root.mkdir(exist_ok=True)
    run = open_run(
        task, "train", root=root, settings=limits, name=name, config_yaml=experiment.to_yaml(), command=words,
        learner=experiment.train["learner"], seed=3, device="cpu",
    )  # fmt: skip
    env = build_env(experiment, Ranks())
    learner = build_learner(experiment, env)
    _spread(learner)
    env.close()
    checkpoints.save(
        run.checkpoint_path("best"),
        Checkpoint(task, experiment.train["learner"], 7, 700, 3, learner.state(experience=False), rng={}),
    )
    run.checkpoint_saved("best", 7)
    run.set_state("done")
    run.close()
    return run.path, learner


def _spread(learner) -> None:
    """Statistics and a last layer that an untrained policy does not have: its actions would all be about 0."""
    state = learner.state(experience=False)
    generator = torch.Generator().manual_seed(1)
    if "policy_norm" in state:
        norm, head = state["policy_norm"], state["update"]["actor"]["head.weight"]
        norm["mean"].normal_(generator=generator)
    else:
        norm, head = state["model"], state["model"]["a2c_network.mu.weight"]
        if "running_mean_std.running_mean" in norm:  # images have none
            norm["running_mean_std.running_mean"].normal_(generator=generator)
    head.normal_(generator=generator)
    learner.load(state, policy_only=True)


def request(root, *, ref="made", formats=BOTH, out=None):
    return read_request(ref, root, formats, out)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A run of BaseTask, its learner, and the folder of its export."""
    root = tmp_path_factory.mktemp("workspace")
    run, learner = make_run(root, "train.units=[8]")
    return run, learner, export(request(root))


def acts(folder):
    """How the written files act, by file."""
    session = onnxruntime.InferenceSession(folder / "policy.onnx", providers=["CPUExecutionProvider"])
    return {
        "policy.onnx": lambda obs: session.run(["actions"], {"obs": obs})[0],
        "policy.pt": lambda obs: as_numpy(torch.jit.load(folder / "policy.pt"))(obs)[0],
    }


# The files.


@pytest.mark.slow
@pytest.mark.parametrize("file", ["policy.onnx", "policy.pt"])
@pytest.mark.parametrize("rows", [1, 5])
def test_the_files_act_as_the_policy_for_any_number_of_rows(exported, file, rows):
    _, learner, folder = exported
    obs = 3.0 * torch.randn(
        rows, learner.spec.obs_sizes["policy"], generator=torch.Generator().manual_seed(2)
    )
    actions = learner.policy()({"policy": obs}).numpy()
    assert np.abs(actions).max() == 1.0 and np.abs(actions).min() < 0.9  # clamped, yet not all of them
    assert np.abs(acts(folder)[file](obs.numpy()) - actions).max() < 1e-5


@pytest.mark.slow
def test_both_files_carry_what_policy_json_says(exported):
    run, _, folder = exported
    facts = json.loads((folder / "policy.json").read_text())
    checked, files = facts.pop("checked"), facts.pop("files")
    assert set(files) == {"policy.onnx", "policy.pt"} and checked["observations"] == 800
    assert max(checked["largest_difference"].values()) < 1e-5
    assert set(checked["latency_us"]) == {"torch", "onnx", "torchscript"}
    model = onnx.load(folder / "policy.onnx")
    onnx.checker.check_model(model)
    read = {prop.key: prop.value for prop in model.metadata_props}
    assert {k: v if isinstance(facts[k], str) else json.loads(v) for k, v in read.items()} == facts
    extra = {"policy.json": ""}
    torch.jit.load(folder / "policy.pt", _extra_files=extra)
    assert json.loads(extra["policy.json"]) == facts
    assert (facts["run"], facts["iteration"], facts["learner"]) == (run.name, 7, "ppo")
    best = (run / "nn" / "checkpoint_best.pth").read_bytes()
    assert facts["checkpoint"] == {
        "file": "checkpoint_best.pth",
        "sha256": hashlib.sha256(best).hexdigest(),
    }
    for file, digest in files.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest


def test_the_onnx_file_names_no_folder_of_this_machine(exported):
    content = (exported[2] / "policy.onnx").read_bytes()
    for folder in (*site.getsitepackages(), str(Path(exporting.__file__).parents[2])):
        assert folder.encode() not in content


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mlp", "layer_norm", "simba"])
def test_every_network_of_fast_td3_can_be_exported(tmp_path, network):
    words = ("train=BaseTaskFastTD3", f"train.network={network}", "train.actor_units=[16,16]")
    words += ("train.critic_units=[16,16]", "train.buffer_size=64", "train.weight_decay=0.0")
    _, learner = make_run(tmp_path, *words)
    folder = export(request(tmp_path))
    obs = torch.randn(5, learner.spec.obs_sizes["policy"])
    for act in acts(folder).values():
        assert np.abs(act(obs.numpy()) - learner.policy()({"policy": obs}).numpy()).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("memory", ["gru", "lstm"])
def test_a_policy_with_memory_takes_its_state_and_gives_the_next(tmp_path, memory):
    words = (f"train.memory={memory}", "train.memory_units=8", "train.memory_layers=2", "train.units=[8]")
    _, learner = make_run(tmp_path, *words)
    folder = export(request(tmp_path))
    facts = json.loads((folder / "policy.json").read_text())
    parts = ["h"] if memory == "gru" else ["h", "c"]
    assert facts["state"] == [
        {
            "input": f"{part}_in",
            "output": f"{part}_out",
            "shape": [2, "batch", 8],
            "type": "float32",
            "at_episode_start": 0,
        }
        for part in parts
    ]
    session = onnxruntime.InferenceSession(folder / "policy.onnx", providers=["CPUExecutionProvider"])
    script = as_numpy(torch.jit.load(folder / "policy.pt"))
    outputs = ["actions", *(part["output"] for part in facts["state"])]

    def run_onnx(obs, *state):
        return session.run(outputs, {"obs": obs, **dict(zip([p["input"] for p in facts["state"]], state))})

    generator = torch.Generator().manual_seed(2)
    obs = torch.randn(12, 3, learner.spec.obs_sizes["policy"], generator=generator)
    ended = torch.tensor([False, True, False])
    both: list[Any] = [run_onnx, script]
    for act in both:
        policy, seen = learner.policy(), []
        state = [np.zeros((2, 3, 8), np.float32) for _ in parts]
        for step, rows in enumerate(obs):
            actions, *state = act(rows.numpy(), *state)
            assert np.abs(actions - policy({"policy": rows}).numpy()).max() < 1e-5
            seen.append(actions)
            if step == 5:  # the second episode ends, and another begins
                policy.forget(ended)
                for part in state:
                    part[:, 1] = 0.0
        assert np.abs(np.stack(seen)).min() < 0.9


# What the numbers mean.


def test_observations_and_gains_are_those_of_task_and_model(exported):
    mujoco = pytest.importorskip("mujoco")
    from rlkit.tasks.base_task import BaseTask

    facts = json.loads((exported[2] / "policy.json").read_text())
    terms = {term["name"]: term for term in facts["observations"]}
    assert [terms[n]["offset"] for n in ("base_dof_pos", "base_dof_vel", "active_finger_dof_pos")] == [
        0,
        6,
        12,
    ]
    assert "rad/s" in terms["active_finger_dof_vel"]["meaning"]
    assert sum(term["size"] for term in terms.values()) == facts["input"]["shape"][1]
    model = mujoco.MjModel.from_xml_string(BaseTask.scene(facts["settings"]).mjcf)
    assert len(facts["actuators"]) == model.nu == 25
    for listed in facts["actuators"]:
        actuator = model.actuator(listed["name"])
        assert listed["ctrl_range"] == pytest.approx(actuator.ctrlrange)
        assert listed["force_range"] == pytest.approx(actuator.forcerange)
        assert (listed["kp"], listed["kv"]) == (actuator.gainprm[0], -actuator.biasprm[2])
        slide = model.joint(int(actuator.trnid[0])).type == mujoco.mjtJoint.mjJNT_SLIDE
        assert listed["unit"] == ("m" if slide else "rad")
    for listed in facts["joints"]:
        assert listed["range"] == pytest.approx(model.joint(listed["name"]).range)


def carry_out(facts, actions):
    """Joint targets `[steps, joints]` from actions by policy.json alone, as someone with a robot would."""
    control, period = facts["control"], facts["control_period"]
    targets = {command["name"]: command["initial_target"] for command in control["commands"]}
    rows = []
    for action in actions:
        joints = dict.fromkeys([joint["name"] for joint in facts["joints"]], 0.0)
        for command in control["commands"]:
            name, (low, high) = command["name"], command["range"]
            step = command["max_velocity"] * period
            if command["action"] is not None:
                a = action[command["action"]]
                if control["mode"] == "position_delta":
                    target = targets[name] + a * step
                else:
                    wanted = low + (a + 1) / 2 * (high - low)
                    target = np.clip(wanted, targets[name] - step, targets[name] + step)
                targets[name] = np.clip(target, low, high)
            for joint, factor in command["joints"].items():
                joints[joint] += factor * targets[name]
        rows.append(list(joints.values()))
    return np.array(rows)


@pytest.mark.parametrize("mode", ["position_delta", "position"])
@pytest.mark.parametrize("base", ["true", "false"])
def test_the_rule_in_policy_json_gives_the_joint_targets_of_the_task(tmp_path, mode, base):
    noise = [f"task.resetNoise.{name}=0.0" for name in ("handPosition", "handRotation", "fingers")]
    words = ("train.units=[8]", f"task.controlMode={mode}", f"task.policyControlsHandBase={base}", *noise)
    make_run(tmp_path, *words)
    asked = request(tmp_path, formats=("torchscript",))
    facts = json.loads((export(asked) / "policy.json").read_text())
    env = build_env(asked.experiment, Ranks())
    env.reset()
    generator = torch.Generator().manual_seed(4)
    actions = torch.rand(60, env.spec.num_actions, generator=generator) * 2 - 1
    actions[20:] = actions[20:].sign()  # far enough to meet the ends of the ranges
    assert isinstance(env, TaskEnv)
    targets = [env.task.controls(action.expand(4, -1))[0].clone() for action in actions]
    env.close()
    assert np.abs(carry_out(facts, actions.numpy()) - torch.stack(targets).numpy()).max() < 1e-5


def test_with_several_environments_it_says_in_which_order_the_observation_names_them(tmp_path):
    ids = "env.ids=[known_envs:Count-v0,known_envs:Endless-v0]"
    make_run(tmp_path, ids, "train.units=[8]", task="Gym")
    facts = json.loads((export(request(tmp_path, formats=("torchscript",))) / "policy.json").read_text())
    assert facts["one_hot"] == ["Count-v0", "Endless-v0"]
    assert [env["id"] for env in facts["environments"]] == ["known_envs:Count-v0", "known_envs:Endless-v0"]
    assert facts["observations"][-1]["name"] == "task" and facts["observations"][-1]["size"] == 2


@pytest.mark.slow
def test_a_gymnasium_policy_says_what_its_actions_are_scaled_to(tmp_path):
    make_run(tmp_path, "env.id=known_envs:Count-v0", "train.units=[8]", task="Gym")
    facts = json.loads((export(request(tmp_path)) / "policy.json").read_text())
    (env,) = facts["environments"]
    assert env["id"] == "known_envs:Count-v0"
    assert env["action_low"] == [-2.0, 0.0] and env["action_high"] == pytest.approx([4.0, 0.1])
    assert facts["observations"] == [{"name": "observation", "offset": 0, "size": 2, "meaning": ""}]
    assert "actuators" not in facts and facts["control_period"] == pytest.approx(0.05)


@pytest.mark.slow
def test_a_policy_that_sees_images_takes_bytes_or_with_a_vector_beside_them_numbers(tmp_path):
    words = ("env.id=known_envs:Dot-v0", "train.units=[8]", "task.episodeLength=24")
    formats = {"alone": ("uint8", 256), "beside": ("float32", 258)}
    for name, (kind, size) in formats.items():
        kwargs = f"env.kwargs.speed={str(name == 'beside').lower()}"
        _, learner = make_run(tmp_path, *words, kwargs, task="Gym", name=name)
        folder = export(request(tmp_path, ref=name))
        facts = json.loads((folder / "policy.json").read_text())
        assert max(facts["checked"]["largest_difference"].values()) < 1e-5
        assert facts["input"] == {"name": "obs", "shape": ["batch", size], "type": kind}
        eye = facts["observations"][-1]
        assert eye["image"] == {"shape": [16, 16, 1], "order": "HWC", "range": [0, 255]}
        assert (eye["offset"], eye["size"]) == (size - 256, 256)
        session = onnxruntime.InferenceSession(folder / "policy.onnx")
        pixels = np.random.default_rng(0).integers(0, 256, (3, 256), np.uint8)
        given = pixels if kind == "uint8" else np.hstack([np.full((3, 2), 0.5, np.float32), pixels])
        actions = np.asarray(session.run(None, {"obs": given})[0])
        wanted = learner.network()(torch.from_numpy(given)).numpy()
        assert np.abs(actions - wanted).max() < 1e-5 and np.ptp(actions) > 1e-3


def test_of_a_camera_it_says_where_it_is():
    spec = EnvSpec("Task", 1, torch.device("cpu"), {}, 1, ("a",), 10, 0.02,
                   {"policy": (("place", 4), ("eye", 64))}, images={"eye": Image(8, 8, 1)})  # fmt: skip
    eye = Camera("eye", (8, 8), lookat=(1.0, 0.0, 0.0), channels="grey")
    place, seen = _observations(spec, {"place": "m"}, [eye])
    assert place == {"name": "place", "offset": 0, "size": 1, "meaning": "m"}
    assert (seen["offset"], seen["image"]["shape"], seen["camera"]) == (1, [8, 8, 1], eye.described())


# Whole or not at all.


@pytest.mark.slow
@pytest.mark.parametrize("error", [2e-5, float("nan")])
def test_a_format_that_differs_is_not_written(tmp_path, monkeypatch, capsys, error):
    make_run(tmp_path, "train.units=[8]")

    def wrong(network, size, memory, facts):
        def act(obs):
            (actions,) = as_numpy(network)(obs)
            actions = actions.copy()
            actions[-1, 3] += error
            return (actions,)

        return Exported("policy.pt", b"", act)

    monkeypatch.setitem(WRITERS, "torchscript", wrong)
    parser = argparse.ArgumentParser()
    export_command.configure(parser)
    words = ["made", "--root", str(tmp_path), "--out", str(tmp_path / "out")]
    assert export_command.run(parser.parse_args(words)) == 1
    assert "torchscript differs from the policy by up to" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_difference_in_the_first_row_alone_is_found():
    def single(obs):
        return (np.full((len(obs), 2), 0.5 if len(obs) == 1 else 0.0, np.float32),)

    def nothing(obs):
        return (np.zeros((len(obs), 2), np.float32),)

    played = Played(torch.zeros(5, 3, 4), torch.zeros(5, 3, dtype=torch.bool))
    assert largest_difference(policy_of(single, {}), policy_of(nothing, {}), played) == 0.5
    require_equal("good", 0.99e-5)
    with pytest.raises(ExportError):
        require_equal("bad", 1e-5)


@pytest.mark.slow
def test_a_full_disk_leaves_an_older_export_as_it_was(exported, tmp_path, monkeypatch):
    run, _, folder = exported
    out = tmp_path / "out"
    shutil.copytree(folder, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "policy.pt").write_bytes(before["policy.pt"] + b"!")
    fill, filled = atomic._fill, []

    def full(handle, content):
        filled.append(handle.name)
        if len(filled) == len(before):  # the last file
            raise OSError(errno.ENOSPC, "No space left on device")
        fill(handle, content)

    monkeypatch.setattr(atomic, "_fill", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        export(request(run.parents[1], out=out))
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after == {**before, "policy.pt": before["policy.pt"] + b"!"}


# Requests.


@pytest.mark.parametrize("package", ["onnx", "onnxruntime", "onnxscript"])
def test_a_missing_package_is_told_before_anything_is_looked_for(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WorkspaceError, match=rf"needs {package}, .*pip install -e '.*\[export\]'"):
        request(tmp_path, ref="nothing_of_that_name")


def test_torchscript_needs_no_package(tmp_path, monkeypatch):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        monkeypatch.setitem(sys.modules, package, None)
    make_run(tmp_path, "train.units=[8]")
    folder = export(request(tmp_path, formats=("torchscript",)))
    assert {path.name for path in folder.iterdir()} == {"policy.pt", "policy.json"}


def test_what_the_run_was_made_with_stands_above_todays_conf(tmp_path):
    """As if conf/ had listed fewer observations and other layers when the run was made."""
    fewer = "task.observations=[episode_time,base_dof_pos]"
    run, learner = make_run(tmp_path, fewer, "train.units=[7]")
    content = yaml.safe_load((run / "config.yaml").read_text())
    content["composed"]["overrides"] = ["task=BaseTask"]
    (run / "config.yaml").write_text(yaml.safe_dump(content))
    facts = json.loads((export(request(tmp_path, formats=("torchscript",))) / "policy.json").read_text())
    assert [(term["name"], term["offset"]) for term in facts["observations"]] == [
        ("episode_time", 0),
        ("base_dof_pos", 1),
    ]
    assert learner.spec.obs_sizes["policy"] == 7


def test_settings_for_a_gpu_do_not_stand_in_the_way(tmp_path):
    run, _ = make_run(tmp_path, "train.units=[8]")
    content = yaml.safe_load((run / "config.yaml").read_text())
    content["train"].update(mixed_precision=True, torch_compile=True)
    content["composed"]["overrides"] += [
        "train.mixed_precision=true",
        "train.torch_compile=true",
        "device=cuda",
    ]
    (run / "config.yaml").write_text(yaml.safe_dump(content))
    assert request(tmp_path).experiment.env.device == "cpu"
    export(request(tmp_path, formats=("torchscript",)))


def test_a_file_outside_of_a_run_is_taken_with_its_tasks_own_settings(tmp_path):
    run, _ = make_run(tmp_path, "train=BaseTaskFastTD3", "train.buffer_size=64")
    file = tmp_path / "sent_to_me.pth"
    shutil.copy(run / "nn" / "checkpoint_best.pth", file)
    with pytest.raises(WorkspaceError, match="--out FOLDER"):
        request(tmp_path, ref=str(file))
    asked = request(tmp_path, ref=str(file), out=tmp_path / "out")
    assert asked.experiment.train["learner"] == "fast_td3"


def test_wrong_files_are_refused_as_a_test_refuses_them(tmp_path):
    run, _ = make_run(tmp_path, "train.units=[8]")
    other, _ = make_run(tmp_path, "train=BaseTaskFastTD3", "train.buffer_size=64", name="other")
    best = run / "nn" / "checkpoint_best.pth"
    whole = best.read_bytes()
    best.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="it is torn or no rlkit checkpoint"):
        request(tmp_path)
    shutil.copy(other / "nn" / "checkpoint_best.pth", best)
    with pytest.raises(CheckpointError, match="is of learner fast_td3, not of ppo"):
        request(tmp_path)
    best.write_bytes(whole)
    (run / "config.yaml").write_text("task: [")
    with pytest.raises(ConfigError, match="the settings of the run, cannot be read"):
        request(tmp_path)
    (run / "config.yaml").write_text("task: BaseTask")
    with pytest.raises(ConfigError, match=r"is no config\.yaml that rlkit wrote"):
        request(tmp_path)
