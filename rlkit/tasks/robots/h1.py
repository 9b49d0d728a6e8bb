"""The Unitree H1: 19 joints, 51 kg, 1.8 m."""

from __future__ import annotations

from rlkit.tasks.robots.humanoid_robot import HumanoidRobot, both_sides
from rlkit.tasks.robots.legged_robot import Servo

_HIP, _KNEE, _ANKLE = Servo(200.0, 5.0, 200.0), Servo(300.0, 6.0, 300.0), Servo(40.0, 2.0, 40.0)
_TORSO, _SHOULDER, _ARM = Servo(300.0, 6.0, 200.0), Servo(100.0, 2.0, 40.0), Servo(100.0, 2.0, 18.0)

_LEG = {"hip_yaw": _HIP, "hip_roll": _HIP, "hip_pitch": _HIP, "knee": _KNEE, "ankle": _ANKLE}
_ARMS = {"shoulder_pitch": _SHOULDER, "shoulder_roll": _SHOULDER, "shoulder_yaw": _ARM, "elbow": _ARM}

H1 = HumanoidRobot(
    name="h1",
    title="Unitree H1",
    servos={
        **{f"left_{name}": servo for name, servo in _LEG.items()},
        **{f"right_{name}": servo for name, servo in _LEG.items()},
        "torso": _TORSO,
        **{f"left_{name}": servo for name, servo in _ARMS.items()},
        **{f"right_{name}": servo for name, servo in _ARMS.items()},
    },
    bent=both_sides({"hip_pitch": -0.4, "knee": 0.8, "ankle": -0.4}),
    stance_height=0.98,
    standing_height=1.41,
    low={"lying": 0.2, "stooped": 0.6},
    sole=0.07,
    feet=("left_ankle_link", "right_ankle_link"),
    hands=("left_elbow_link", "right_elbow_link"),  # the forearm ends in a ball: no joint is beyond the elbow
)
