"""What tasks know of a robot on four legs of three joints each; plain values, read without torch."""

from __future__ import annotations

from dataclasses import dataclass

from rlkit.tasks.robots.legged_robot import LeggedRobot

LEGS = ("FL", "FR", "RL", "RR")
"""Front left, front right, rear left, rear right: joints and bodies of a leg begin with it."""


@dataclass(frozen=True)
class QuadrupedRobot(LeggedRobot):
    """A robot with legs of a hip (abduction), a thigh and a calf; see `LeggedRobot`.

    trunk, thighs, calves: bodies of the model; of pairs the left one first.
    """

    trunk: str
    thighs: tuple[str, ...]
    calves: tuple[str, ...]

    @property
    def root(self) -> str:
        """The trunk."""
        return self.trunk

    def joint_mirror(self) -> tuple[list[int], list[float]]:
        """Left and right legs exchanged; hips turn about x, so the other way."""
        twins = {"FL": "FR", "FR": "FL", "RL": "RR", "RR": "RL"}
        source, sign = [], []
        for joint in self.joints:
            leg, _, part = joint.partition("_")
            source.append(self.joints.index(f"{twins[leg]}_{part}"))
            sign.append(-1.0 if part == "hip" else 1.0)
        return source, sign
