"""The Unitree G1 with 29 joints and no hands (revision 1.0): 33 kg, 1.3 m.

A servo's gains let the rotor's inertia, as the joint feels it, swing at 10 Hz with a damping ratio of 2: stiffness is
I (2 pi 10 Hz)^2, damping 4 I (2 pi 10 Hz). The heights of failures are the H1's, by the ratio of their stances.
"""

from __future__ import annotations

from rlkit.tasks.robots.humanoid_robot import HumanoidRobot, both_sides
from rlkit.tasks.robots.legged_robot import Servo

# By motor, as the model's classes: 0.01017752, 0.025101925, 0.00721945, 0.003609725 and 0.00425 kg m^2.
_M7520_14, _M7520_22 = Servo(40.17924, 2.55789, 88.0), Servo(99.09843, 6.308802, 139.0)
_M5020_PAIR, _M5020 = Servo(28.50125, 1.814446, 50.0), Servo(14.25062, 0.907223, 25.0)
_M4010 = Servo(16.77833, 1.068142, 5.0)

_LEG = {
    "hip_pitch": _M7520_14,
    "hip_roll": _M7520_22,
    "hip_yaw": _M7520_14,
    "knee": _M7520_22,
    "ankle_pitch": _M5020_PAIR,
    "ankle_roll": _M5020_PAIR,
}
_ARM = {
    "shoulder_pitch": _M5020,
    "shoulder_roll": _M5020,
    "shoulder_yaw": _M5020,
    "elbow": _M5020,
    "wrist_roll": _M5020,
    "wrist_pitch": _M4010,
    "wrist_yaw": _M4010,
}

G1 = HumanoidRobot(
    name="g1",
    title="Unitree G1",
    servos={
        **{f"left_{name}": servo for name, servo in _LEG.items()},
        **{f"right_{name}": servo for name, servo in _LEG.items()},
        "waist_yaw": _M7520_14,
        "waist_roll": _M5020_PAIR,
        "waist_pitch": _M5020_PAIR,
        **{f"left_{name}": servo for name, servo in _ARM.items()},
        **{f"right_{name}": servo for name, servo in _ARM.items()},
    },
    bent=both_sides(
        {
            "hip_pitch": -0.312,
            "knee": 0.669,
            "ankle_pitch": -0.363,
            "shoulder_pitch": 0.2,
            "shoulder_roll": 0.2,
            "elbow": 0.6,
        },
        opposite=("shoulder_roll",),
    ),
    stance_height=0.757,
    standing_height=1.04,  # 6 mm below the stance's, where the H1's is 9 mm below
    low={"lying": 0.15, "stooped": 0.46},
    sole=0.035,
    feet=("left_ankle_roll_link", "right_ankle_roll_link"),
    hands=("left_wrist_yaw_link", "right_wrist_yaw_link"),
)
