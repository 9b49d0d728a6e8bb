"""A small recording made by hand: a box on a slide and a free ball above a plane, ten steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlkit.media.recording import Recording, model_hash

MJCF = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <light pos="0 0 3"/>
    <geom name="ground" type="plane" size="2 2 0.1"/>
    <body name="cart" pos="0 0 0.2">
      <joint name="slide" type="slide" axis="1 0 0"/>
      <geom name="box" type="box" size="0.1 0.1 0.1" rgba="0.8 0.2 0.2 1"/>
      <body name="arm" pos="0 0 0.1">
        <joint name="hinge" type="hinge" axis="0 1 0"/>
        <geom name="capsule" type="capsule" fromto="0 0 0 0 0 0.3" size="0.03" rgba="0.2 0.6 0.3 1"/>
      </body>
    </body>
    <body name="ball" pos="0.5 0 0.3">
      <freejoint/>
      <geom name="sphere" type="sphere" size="0.1" rgba="0.2 0.3 0.8 1"/>
    </body>
  </worldbody>
  <actuator><position name="slide" joint="slide" kp="10"/></actuator>
</mujoco>
"""
LENGTH, PERIOD = 10, 0.02


def make_recording(length: int = LENGTH, stride: int = 1, **changes: Any) -> Recording:
    """The cart moves 0.01 m a step, the arm turns, the ball falls; `changes` replace entries of the header."""
    steps = np.unique(np.append(np.arange(0, length + 1, stride), length))
    qpos = np.zeros((len(steps), 9))
    qpos[:, 0] = 0.01 * steps
    qpos[:, 1] = 0.05 * steps
    qpos[:, 2:5] = (0.5, 0.0, 0.3)
    qpos[:, 5] = 1.0
    header = {
        "schema": 1,
        "task": "Cart",
        "engine": "simulator",
        "simulator": "mujoco",
        "control_period": PERIOD,
        "env": 0,
        "episode": 0,
        "seed": 1,
        "iteration": 7,
        "checkpoint": "checkpoint_best.pth",
        "return": float(length),
        "length": length,
        "success": False,
        "ended": "timeout",
        "names": {
            "actions": ["slide"],
            "ctrl": ["slide"],
            "reward_terms": ["alive", "speed"],
            "criteria": ["failure/unstable"],
            "observations": [["position", 1], ["velocity", 1]],
        },
        "stride": stride,
        "content": "full",
        "pushes": [],
        "model_sha256": model_hash(MJCF),
        "versions": {"mujoco": "3.17.0"},
        "git": {"commit": None, "dirty": False},
        "platform": "test",
        "created": "2026-01-01T00:00:00.000000Z",
        "config": {},
    }
    arrays = {
        "mjcf": np.frombuffer(MJCF.encode("utf-8"), np.uint8),
        "steps": steps.astype(np.int64),
        "time": PERIOD * steps,
        "qpos": qpos,
        "qvel": np.zeros((len(steps), 8)),
        "act": np.zeros((len(steps), 0)),
        "actions": np.linspace(-1, 1, length, dtype=np.float32)[:, None],
        "ctrl": np.zeros((length, 1), np.float32),
        "rewards": np.ones(length, np.float32),
        "terms": np.tile(np.array([[0.75, 0.25]], np.float32), (length, 1)),
        "terminated": np.zeros(length, bool),
        "truncated": np.arange(length) == length - 1,
        "criteria": np.zeros((length, 1), bool),
        "obs": np.zeros((length, 2), np.float32),
    }
    return Recording({**header, **changes}, arrays)


AHEAD = 0.4  # m: so far the ghost's cart is along the slide


def with_reference(recording: Recording) -> Recording:
    """The same episode of a task whose reference is the cart 0.4 m ahead, with its error as a metric."""
    ghost = recording.arrays["qpos"].copy()
    ghost[:, 0] += AHEAD
    metrics = np.full((recording.length, 1), AHEAD, np.float32)
    header = {**recording.header, "names": {**recording.header["names"], "metrics": ["cart_error"]}}
    return Recording(header, {**recording.arrays, "ghost": ghost, "metrics": metrics})
