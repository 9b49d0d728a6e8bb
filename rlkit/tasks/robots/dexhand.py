"""The DexHand's names and its twelve finger controls: what every task with this hand shares."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import torch
from torch import Tensor

from rlkit.sims import models

BASE_JOINTS = ("ARTx", "ARTy", "ARTz", "ARRx", "ARRy", "ARRz")
FINGERS = ("thumb", "index", "middle", "ring", "little")

# control: the joints it drives and by what factor. The first joint is the one that is observed. One order, for
# actions and observations alike. The middle finger's spread is locked in this hand.
COUPLING = {
    "th_rot": {"r_f_joint1_1": 1.0},
    "th_mcp": {"r_f_joint1_2": 1.0},
    "th_dip": {"r_f_joint1_3": 1.0, "r_f_joint1_4": 1.0},
    "ff_spr": {"r_f_joint2_1": 1.0, "r_f_joint4_1": 1.0, "r_f_joint5_1": 2.0},
    "ff_mcp": {"r_f_joint2_2": 1.0},
    "ff_dip": {"r_f_joint2_3": 1.0, "r_f_joint2_4": 1.0},
    "mf_mcp": {"r_f_joint3_2": 1.0},
    "mf_dip": {"r_f_joint3_3": 1.0, "r_f_joint3_4": 1.0},
    "rf_mcp": {"r_f_joint4_2": 1.0},
    "rf_dip": {"r_f_joint4_3": 1.0, "r_f_joint4_4": 1.0},
    "lf_mcp": {"r_f_joint5_2": 1.0},
    "lf_dip": {"r_f_joint5_3": 1.0, "r_f_joint5_4": 1.0},
}
CONTROLS = tuple(COUPLING)
# The one observed for each control
CONTROL_JOINTS = tuple(next(iter(joints)) for joints in COUPLING.values())
FINGER_JOINTS = tuple(f"r_f_joint{f}_{j}" for f in range(1, 6) for j in range(1, 5) if (f, j) != (3, 1))
JOINTS = BASE_JOINTS + FINGER_JOINTS

HAND_BODY = "hand_base"
CARRIAGE_BODY = "carriage"  # the hand's frame without its mounting rotation
FINGER_ROOTS = tuple(f"r_f_link{f}_1" for f in range(1, 6))
TIPS = tuple(f"r_f_tip{f}" for f in range(1, 6))
PADS = tuple(f"r_f_pad{f}" for f in range(1, 6))
MOUNT_POSITION = (0.0, 0.0, 0.5)  # m, world: where the base joints are zero


def coupling_matrix(device: torch.device) -> Tensor:
    """`[19, 12]`: finger joint targets (rad) = matrix @ control targets (rad)."""
    matrix = torch.zeros(len(FINGER_JOINTS), len(CONTROLS), device=device)
    for column, joints in enumerate(COUPLING.values()):
        for joint, factor in joints.items():
            matrix[FINGER_JOINTS.index(joint), column] = factor
    return matrix


def palm_centre() -> list[float]:
    """The middle of the palm, `[3]` m in the hand's frame: of the model's geom "palm"."""
    geom = ET.fromstring(models.load("dexhand")).find(".//geom[@name='palm']")
    assert geom is not None
    return [float(number) for number in geom.attrib["pos"].split()]
