"""Warnings that help: signs of trouble in the metrics of an iteration, and what to change."""

from __future__ import annotations

import math
from typing import Mapping

from rlkit.learners.off_policy.settings import OffPolicySettings

EDGE_MASS = 0.05  # probability at an end of the support above which returns do not fit
COLLAPSED = 0.01  # spread of the critics' values, as a part of the spread of returns
MANY_UPDATES = 1000


def warnings(
    settings: OffPolicySettings, num_envs: int, updates: int, metrics: Mapping[str, float]
) -> dict[str, str]:
    """Kind of trouble -> message, for the metrics of one iteration."""
    found: dict[str, str] = {}
    replays = settings.num_updates * settings.batch_size / num_envs
    if replays < 1.0:
        enough = math.ceil(num_envs / settings.batch_size)
        found["starved"] = (
            f"every transition is learnt from {replays:.2g} times on average, so most are never seen; "
            f"train.num_updates={enough} or train.batch_size={math.ceil(num_envs / settings.num_updates)} sees all"
        )
    for end, edge, bound in (("v_min", settings.v_min, "low"), ("v_max", settings.v_max, "high")):
        mass = metrics.get(f"q/mass_at_{end}", 0.0)
        if mass > EDGE_MASS and not settings.reward_normalization:
            reached = metrics[f"returns/{bound}"]
            found[end] = (
                f"{mass:.0%} of the critics' targets lie at the edge of their support, train.{end}={edge:g}; "
                f"discounted returns reach {reached:.4g}: try train.{end}={_round_up(reached, edge):g}"
            )
    spread = metrics.get("q/spread", math.inf)
    # In a mixed run each task has its scale: by the smallest, that of the task that makes the spread.
    scales = [value for name, value in metrics.items() if name.startswith("returns/reward_scale")]
    returns = metrics.get("returns/spread", 0.0) * min(scales, default=1.0)
    if updates > MANY_UPDATES and spread < COLLAPSED * returns:
        found["collapse"] = (
            f"the critics tell states apart by {spread:.2g} where returns differ by {returns:.2g}: they have "
            "collapsed; a smaller train.critic_learning_rate, a narrower support (train.v_min, train.v_max) or "
            "train.network=layer_norm helps"
        )
    return found


def _round_up(reached: float, edge: float) -> float:
    """A round number a fifth beyond what was reached, never inside the present edge."""
    beyond = max(abs(reached) * 1.2, abs(edge) * 1.5, 1e-3)
    magnitude = 10.0 ** math.floor(math.log10(beyond))
    rounded = next(step * magnitude for step in (1.0, 2.0, 5.0, 10.0) if step * magnitude >= beyond)
    return math.copysign(rounded, edge if edge else reached)
