"""The Unitree Go2: 12 joints, 15 kg, 0.4 m high.

Torque limits are the motors', the calf's behind its further gear. Gains: 35 N m/rad and 0.5 N m s/rad, as MuJoCo
Playground (Go1) and UniLab use them. The stance is that of legged_gym, Isaac Lab and unitree_rl_lab.
"""

from __future__ import annotations

from rlkit.tasks.robots.legged_robot import Servo
from rlkit.tasks.robots.quadruped_robot import LEGS, QuadrupedRobot

_MOTOR, _GEARED = Servo(35.0, 0.5, 23.7), Servo(35.0, 0.5, 45.43)
_BENT = {"FL": (0.1, 0.8, -1.5), "FR": (-0.1, 0.8, -1.5), "RL": (0.1, 1.0, -1.5), "RR": (-0.1, 1.0, -1.5)}
_PARTS = {"hip": _MOTOR, "thigh": _MOTOR, "calf": _GEARED}

GO2 = QuadrupedRobot(
    name="go2",
    title="Unitree Go2",
    servos={f"{leg}_{part}": servo for leg in LEGS for part, servo in _PARTS.items()},
    bent={f"{leg}_{part}": angle for leg in LEGS for part, angle in zip(_PARTS, _BENT[leg])},
    stance_height=0.3235,
    sole=0.022,
    feet=tuple(f"{leg}_foot" for leg in LEGS),
    trunk="base",
    thighs=tuple(f"{leg}_thigh" for leg in LEGS),
    calves=tuple(f"{leg}_calf" for leg in LEGS),
)
