"""An observation may be listed by its alias, and is called by its own name from then on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from stub_simulator import StubSimulator
from task_config import task_config

from rlkit.config import compose
from rlkit.config.files.terms import unaliased
from rlkit.env.randomization.noise import Noise
from rlkit.errors import ConfigError
from rlkit.tasks.api import Task, TaskError, chances_upto
from rlkit.tasks.registry import task_class

OLD = {
    "PickCube": {"joint_positions": "joint_pos", "joint_velocities": "joint_vel"},
    "Reach": {"arm_positions": "arm_joint_pos", "arm_velocities": "arm_joint_vel", "joint_positions": "joint_pos"},
    "BoxGrasping": {"grasp_time": "hold_time"},
    "HumanoidWalk": {
        "joint_offsets": "joint_pos_rel",
        "joint_angles": "joint_pos",
        "joint_velocities": "joint_vel",
    },
}  # fmt: skip
NOISE = "task.randomization.observationNoise"


def made(name: str, observations: list[str], **changes: Any) -> Task:
    config = {**task_config(f"task={name}"), "observations": observations, **changes}
    cls = task_class(name)
    return cls(config, StubSimulator(cls.scene(config), 2), torch.Generator())


@pytest.mark.parametrize("name", OLD)
def test_a_task_takes_the_old_names(name: str) -> None:
    task = made(name, list(OLD[name]))
    assert list(task.observation_terms) == list(OLD[name].values())
    assert set(OLD[name].values()) <= set(task.terms("observation"))
    assert not set(OLD[name]) & set(task.terms("observation"))


@pytest.mark.slow
@pytest.mark.parametrize("name", OLD)
def test_a_request_with_old_names_is_one_with_the_new_ones(name: str) -> None:
    old, new = OLD[name], list(OLD[name].values())
    words = [
        f"task={name}",
        f"task.observations=[{','.join(old)}]",
        *(f"+{NOISE}.{term}=0.5" for term in old),
    ]
    task = compose([*words, "device=cpu"]).task
    assert list(task["observations"]) == new
    assert dict(task["randomization"]["observationNoise"]) == dict.fromkeys(new, 0.5)


def test_a_run_of_another_day_is_its_own_task_still() -> None:
    section = task_config("task=Reach")
    back = {new: old for old, new in OLD["Reach"].items()}
    old = {**section, "observations": [back.get(name, name) for name in section["observations"]]}
    assert old["observations"][:2] == ["arm_positions", "arm_velocities"]
    assert unaliased(old) == unaliased(section) == section


def test_a_term_under_both_names_is_refused() -> None:
    with pytest.raises(ConfigError, match="names joint_pos twice, maybe by an alias"):
        compose(["task=ReachOrigin", "task.observations=[joint_pos,joint_positions]", "device=cpu"])


def test_a_wrong_name_is_still_refused_with_the_nearest() -> None:
    with pytest.raises(TaskError, match=r"no observation term 'joint_position'; did you mean joint_pos"):
        made("PickCube", ["joint_position"])


def test_noise_is_given_by_either_name() -> None:
    task = made("ReachOrigin", ["hand_pos", "joint_pos"])
    noise = Noise({"joint_positions": 0.5}, task.sim, task, 0)
    shown = noise.show(torch.zeros(2, 12), 1.0)
    assert (shown[:, :3] == 0.0).all() and (shown[:, 3:] != 0.0).all()


def test_a_name_of_its_own_comes_before_an_alias() -> None:
    from rlkit.tasks.api import observation
    from rlkit.tasks.reach_origin import ReachOrigin

    class Own(ReachOrigin):
        """Its parent's alias is a term here."""

        @observation(1)
        def joint_positions(self) -> torch.Tensor:
            """The first joint alone."""
            return self.sim.joint_pos[:, :1]

    config = {**task_config("task=ReachOrigin"), "observations": ["joint_positions", "joint_pos"]}
    task = Own(config, StubSimulator(Own.scene(config), 2), torch.Generator())
    assert [term().shape for term in task.observation_terms.values()] == [(2, 1), (2, 9)]


def test_one_of_several_is_drawn_by_weight_and_deterministically_on_any_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torch.multinomial adds up floats in parallel, which training.torchDeterministic refuses on CUDA."""
    upto = chances_upto(torch.tensor([1.0, 0.0, 3.0]))
    assert upto.tolist() == [0.25, 0.25, 1.0]
    task = made("Reach", ["joint_pos"])
    edges = torch.tensor([0.0, 0.2499, 0.25, 0.9999], dtype=torch.float64)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "rand", lambda *size, **_: edges)
        assert task.one_of(upto, 4).tolist() == [0, 0, 2, 2]  # never one of weight 0
    first = made("Reach", ["joint_pos"]).one_of(upto, 1000)
    assert torch.equal(task.one_of(upto, 1000), first)  # from the task's own generator
    assert 700 <= int((first == 2).sum()) <= 800
