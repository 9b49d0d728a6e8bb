"""`rlkit.load_policy`: a checkpoint's policy acts as in its run, and nothing of the run is needed or run for it."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rlkit
from benchmarks.point_mass import PointMass
from rlkit.packages import python
from rlkit.runtime.checkpoints import checkpoint as checkpoints
from rlkit.runtime.checkpoints.env_spec import as_plain, spec_of
from rlkit.runtime.checkpoints.head import CheckpointError

CPU = torch.device("cpu")
LEARNERS = {
    "ppo": {"train": "ReachPPO", "train.units": [8]},
    "fast_td3": {
        "train": "ReachFastTD3",
        "train.learning_starts_total": 8,
        "task.randomization.enabled": True,
    },
    "fast_sac": {
        "train": "FastSAC",
        "train.actor_units": [8],
        "train.critic_units": [8],
        "train.batch_size": 16,
    },
    "flash_sac": {
        "train": "FlashSAC",
        "train.learning_starts_total": 8,
        "train.actor_units": [8],
        "train.critic_units": [8],
        "train.batch_size": 16,
    },
}


@pytest.fixture(scope="module", params=LEARNERS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> rlkit.Run:
    settings = {**LEARNERS[request.param], "training.evalInterval": 0, "training.threads": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("trained"))
        return rlkit.train("Reach", num_envs=4, max_iter=2, device="cpu", quiet=True, overrides=settings)


@pytest.mark.slow
def test_it_acts_as_the_learner_does(run: rlkit.Run) -> None:
    from rlkit.config import changed, from_file
    from rlkit.export.request import quiet_test
    from rlkit.runtime.build import build_env, build_learner
    from rlkit.runtime.process.ranks import Ranks
    from rlkit.workspace import resolve

    source = resolve(f"{run.path}:last")
    trained = from_file(run.path / "config.yaml")
    experiment = changed(trained, quiet_test(trained, source, 4, 1, "cpu"))
    env = build_env(experiment, Ranks())
    learner = build_learner(experiment, env)
    learner.load(checkpoints.load(source.checkpoint, CPU).learner, policy_only=True)
    policy, obs = rlkit.load_policy(source.checkpoint), env.reset()
    assert torch.allclose(policy(obs["policy"]), learner.policy()(obs), atol=1e-6)
    assert policy.actions == env.spec.action_names
    assert [(part.name, part.size) for part in policy.observations] == [*env.spec.observation_terms["policy"]]
    assert policy.control == {**env.deployment()} and set(policy.control["units"].values()) == {"rad", "m"}
    assert (policy.control_period, policy.run, policy.iteration) == (0.04, run.name, 2)
    env.close()


@pytest.mark.slow
def test_rows_parts_numpy_and_torch_give_the_same(run: rlkit.Run) -> None:
    policy = rlkit.load_policy(run)
    rows = np.random.default_rng(0).normal(size=(3, policy.num_observations)).astype(np.float32)
    actions = policy(rows)
    assert isinstance(actions, np.ndarray) and actions.shape == (3, 7) and np.abs(actions).max() <= 1.0
    assert policy(rows[0]) == pytest.approx(actions[0], abs=1e-6)
    tensors = policy(torch.from_numpy(rows))
    assert isinstance(tensors, torch.Tensor) and np.array_equal(tensors.numpy(), actions)
    parts = {part.name: rows[:, part.offset : part.offset + part.size] for part in policy.observations}
    assert np.array_equal(policy(parts), actions)
    assert np.array_equal(policy({name: part.tolist() for name, part in parts.items()}), actions)
    explores = rlkit.load_policy(run, stochastic=True)
    assert not np.array_equal(explores(rows), explores(rows))


@pytest.mark.slow
def test_what_does_not_fit_is_told(run: rlkit.Run) -> None:
    policy = rlkit.load_policy(run)
    with pytest.raises(
        rlkit.RlkitError, match=rf"{policy.num_observations} numbers.*shape \[3\].*goal_pos \(3\)"
    ):
        policy(np.zeros(3))
    with pytest.raises(rlkit.RlkitError, match=r"missing: arm_joint_pos.*unknown: goal_ps"):
        policy({"goal_ps": np.zeros(3)})
    obs = np.zeros((2, policy.num_observations))
    obs[1, policy.observations[1].offset] = np.nan
    with pytest.raises(rlkit.RlkitError, match=rf"not finite: NaN or Inf in {policy.observations[1].name}$"):
        policy(obs)
    with pytest.raises(rlkit.RlkitError, match="nothing_such"):
        rlkit.load_policy("nothing_such", root=run.path.parents[1])


@pytest.mark.slow
def test_no_simulator_and_no_hydra_come_with_it(run: rlkit.Run, tmp_path: Path) -> None:
    script = f"""
import rlkit
policy = rlkit.load_policy("latest", root={str(run.path.parents[1])!r})
policy([0.0] * policy.num_observations)
assert not {{"hydra", "mujoco", "jax"}} & set(sys.modules)
print(policy.task)
"""
    done = subprocess.run(python(script), capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("Reach\n", 0), done.stderr


@pytest.mark.slow
def test_a_file_alone_is_enough_where_its_networks_are_the_usual_ones(run: rlkit.Run, tmp_path: Path) -> None:
    file = shutil.copy(run.checkpoints["last"], tmp_path / "mine.pth")
    if run.learner == "fast_td3":
        policy = rlkit.load_policy(file)
        assert policy.run is None and policy.task == "Reach" and policy.checkpoint == file
    else:  # this one has other units than conf/
        with pytest.raises(rlkit.RlkitError, match="does not fit"):
            rlkit.load_policy(file)


@pytest.mark.slow
def test_an_older_checkpoint_says_what_to_do(run: rlkit.Run, tmp_path: Path) -> None:
    saved = checkpoints.load(run.checkpoints["last"], CPU)
    folder = shutil.copytree(run.path, tmp_path / "runs_all" / run.name)
    checkpoints.save(folder / "nn/checkpoint_last.pth", dataclasses.replace(saved, env_spec=None))
    with pytest.raises(CheckpointError, match=r"older rlkit.*rlkit export"):
        rlkit.load_policy(run.name)


def test_a_spec_survives_the_file() -> None:
    env = PointMass(4, asymmetric=True)
    spec, control = spec_of(as_plain(env), CPU)
    assert control == {} and spec.mirror is not None and env.spec.mirror is not None
    assert list(spec.mirror.actions[1]) == list(env.spec.mirror.actions[1])
    expected = dataclasses.replace(env.spec, num_envs=1, mirror=None)
    assert dataclasses.replace(spec, mirror=None) == expected


@pytest.mark.parametrize(
    "damage",
    [
        {"obs_sizes": {"policy": 10**9, "critic": 1}}, {"obs_sizes": {}}, {"obs_sizes": None}, {"action_names": []},
        {"observation_terms": {"policy": [["x", -1]]}}, {"mirror": 3}, {"deployment": None}, {"control_period": "x"},
    ],
)  # fmt: skip
def test_a_spec_that_is_none_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        spec_of({**as_plain(PointMass(1)), **damage}, CPU)
    with pytest.raises(CheckpointError, match="cannot be read"):
        spec_of({}, CPU)


@pytest.mark.slow
@pytest.mark.parametrize("stochastic", [False, True])
def test_a_policy_with_memory_acts_by_its_episode_until_it_is_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stochastic: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "train.units": [8],
        "train.memory": "lstm",
        "train.memory_units": 8,
        "train.horizon_length": 8,
        "training.evalInterval": 0,
        "training.threads": 1,
    }
    run = rlkit.train("Reach", num_envs=4, max_iter=1, device="cpu", quiet=True, overrides=settings)
    policy = rlkit.load_policy(run, stochastic=stochastic)
    rows = np.linspace(-1.0, 1.0, 3 * policy.num_observations, dtype=np.float32).reshape(3, -1)

    def played() -> np.ndarray:
        return np.stack([policy(rows) for _ in range(3)])

    first = played()
    policy.reset(np.array([False, True, False]))
    second = played()
    policy.reset()
    if stochastic:
        assert policy(rows[0]).shape == (policy.num_actions,)
        return
    assert np.array_equal(second[:, 1], first[:, 1])
    assert not np.array_equal(second[:, 0], first[:, 0])
    assert np.array_equal(played(), first)
    policy.reset()
    alone = [policy(rows[0]) for _ in range(3)]
    assert np.abs(np.stack(alone) - first[:, 0]).max() < 1e-6
