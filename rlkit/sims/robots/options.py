"""What a task may ask to be added to a robot that has none of it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Servos:
    """PD position servos for the joints without an actuator, with gains from the inertia that each joint moves.

    kp = I (2 pi frequency)^2 and kv = 2 damping_ratio I (2 pi frequency) make a joint that moves alone the oscillator
    of that natural frequency and damping ratio: I q'' = kp (target - q) - kv q'. I is the joint's diagonal entry of
    the joint-space inertia at the initial pose (kg m^2 of a hinge, kg of a slide; Featherstone, Rigid Body Dynamics
    Algorithms, 2008, 6.2), with its armature, all other joints and the base held still. A level mass at the distance l
    (m) hangs g / (l (2 pi frequency)^2) rad below its target: at 5 Hz 0.01 rad at 1 m, 0.1 rad at 10 cm. What stands
    on its legs carries more than it moves: raise the frequency, or give kp.

    joints: a pattern of their names, `*` for any text. frequency: Hz. kp, kv: instead of those that are derived,
    N m/rad and N m s/rad (N/m and N s/m). max_force: N m or N; None: what the joint itself allows.
    Targets range over the joint's limits, where it has none over -pi to pi rad or -1 to 1 m.
    """

    joints: str = "*"
    frequency: float = 5.0
    damping_ratio: float = 1.0
    kp: float | None = None
    kv: float | None = None
    max_force: float | None = None

    def gains(self, inertia: float) -> tuple[float, float]:
        """kp and kv of a joint that moves `inertia`, to four digits."""
        speed = 2.0 * math.pi * self.frequency  # rad/s
        kp = inertia * speed**2 if self.kp is None else self.kp
        # Of a stiffness that was given the damping goes with the frequency that it makes.
        kv = 2.0 * self.damping_ratio * math.sqrt(inertia * kp) if self.kv is None else self.kv
        return float(f"{kp:.4g}"), float(f"{kv:.4g}")
