"""A person's motion becomes a robot's: docs/motion.md is the guide."""

from __future__ import annotations

from rlkit.motion.retargeting.report import RetargetReport
from rlkit.motion.retargeting.retarget import retarget

__all__ = ["RetargetReport", "retarget"]
