"""What acts without a policy: reproducible noise, and the actions that hold a pose."""

from __future__ import annotations

import pytest
import torch
from puck import puck_env

from rlkit.config import ConfigError, compose
from rlkit.runtime.build import build_env
from rlkit.runtime.process.ranks import Ranks
from rlkit.sims.mjcf import MjcfError
from rlkit.sims.mjmodel.keyframes import held_by, held_joints, keyframes
from rlkit.tryout.agents import make_agent

MODEL = """
<mujoco>
  <worldbody>
    <body><joint name="arm"/><geom size="0.1"/>
      <body><joint name="rail" type="slide"/><geom size="0.1"/></body>
    </body>
  </worldbody>
  <actuator>
    <position name="servo" joint="rail" kp="50"/>
    <general name="geared" joint="arm" gear="2" gainprm="10" biastype="affine" biasprm="0 -5 -1"/>
  </actuator>
  <keyframe><key name="bent" qpos="0.4 0.3"/><key name="told" qpos="0 0" ctrl="0.7 0.1"/></keyframe>
</mujoco>"""


def test_a_keyframe_is_held_by_what_its_servos_want():
    names = ("geared", "servo")
    assert keyframes(MODEL) == ("bent", "told")
    # Gain 10 times the command is what 5 times the length pulls back with; the length is twice the angle.
    assert held_joints(MODEL, names) == [("arm", 1.0), ("rail", 1.0)]  # 2 * 5 / 10, and 50 / 50
    assert held_by(MODEL, "bent", names) == [0.4, 0.3]
    assert held_by(MODEL, "told", names) == [0.1, 0.7]
    with pytest.raises(MjcfError, match="no keyframe straight; it has bent, told"):
        held_by(MODEL, "straight", names)
    motor = MODEL.replace(
        '<position name="servo" joint="rail" kp="50"/>', '<motor name="servo" joint="rail"/>'
    )
    with pytest.raises(MjcfError, match="servo is no position servo"):
        held_by(motor, "bent", names)


def test_noise_is_uniform_and_comes_from_the_seed():
    env = puck_env(64)
    obs = env.reset()
    one, same, other = (make_agent("random", env, seed)(obs) for seed in (3, 3, 4))
    assert one.shape == (64, 1) and one.abs().max() <= 1.0
    assert (one < 0).any() and (one > 0).any()
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert not make_agent("zero", env, 0)(obs).any()


def test_what_has_no_position_servos_holds_nothing():
    env = puck_env()
    for name, message in (
        ("start", r"is no position servo of a joint: it holds no pose; there are zero, random$"),
        ("stance", r"the scene has no such keyframe; there are zero, random$"),
        ("Random", r"the scene has no such keyframe; did you mean random\? there are zero, random$"),
    ):
        with pytest.raises(ConfigError, match=rf"agent={name}: .*{message}"):
            make_agent(name, env, 0)


def built(*words):
    return build_env(compose([*words, "numEnvs=3", "device=cpu", "sim=mujoco"]), Ranks())


def test_the_stance_of_a_humanoid_is_its_action_of_zero():
    env = built("task=HumanoidStand")
    act = make_agent("stance", env, 0)
    assert act(env.reset()).abs().max() < 1e-5
    env.close()


@pytest.mark.parametrize("mode", ["position", "position_delta"])
def test_the_hand_stays_where_its_episode_began(mode):
    env = built("task=BoxGrasping", f"task.controlMode={mode}")
    obs = env.reset()
    act, sim = make_agent("start", env, 0), env.sim  # type: ignore[attr-defined]
    first, before = sim.joint_pos.clone(), env.task.memory()["targets"].clone()  # type: ignore[attr-defined]
    actions = act(obs)
    assert torch.equal(env.task.memory()["targets"], before), "asking changes nothing"  # type: ignore[attr-defined]
    for _ in range(20):
        obs = env.step(actions).obs
        actions = act(obs)
    assert (sim.joint_pos - first).abs().max() < 2e-3
    env.close()
