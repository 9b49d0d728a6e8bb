"""From actions to the targets of position servos: the two control modes that the tasks of hand and arm share.

"position_delta": an action moves the previous target by at most the velocity limit times the control period.
"position": it names a target within the range, approached at no more than that velocity.
"""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.tasks.api import TaskError

_STEP = "max_velocity * control_period"
RULES = {
    "position_delta": f"target = clip(target + action * {_STEP}, range)",
    "position": "wanted = low + (action + 1) / 2 * (high - low);"
    f" target = clip(clip(wanted, target - {_STEP}, target + {_STEP}), range)",
}


def control_mode(config: Mapping[str, Any]) -> str:
    """`task.controlMode`; raises TaskError for one that there is not."""
    mode = str(config["controlMode"])
    if mode not in RULES:
        raise TaskError(f"task.controlMode={mode!r}: allowed are {' and '.join(RULES)}")
    return mode


def next_targets(
    mode: str, targets: Tensor, actions: Tensor, low: Tensor, high: Tensor, step: Tensor
) -> Tensor:
    """The targets `[N, k]` after `actions` `[N, k]` in [-1, 1]; range and step `[k]` as the targets, m or rad."""
    if mode == "position_delta":
        wanted = targets + actions * step
    else:
        wanted = low + 0.5 * (actions + 1.0) * (high - low)
        wanted = torch.minimum(torch.maximum(wanted, targets - step), targets + step)
    return torch.minimum(torch.maximum(wanted, low), high)


def described(
    names: Sequence[str],
    units: Sequence[str],
    joints: Sequence[Mapping[str, float]],
    action_names: Sequence[str],
    *,
    low: Tensor,
    high: Tensor,
    speed: Tensor,
    start: Tensor,
) -> list[dict[str, Any]]:
    """What `Task.deployment` tells of each command; a joint's target is its factor in `joints` times the command's.

    low, high, start: `[k]` in `units`, m or rad. speed: `[k]` m/s or rad/s.
    """
    rows = zip(names, units, joints, low.tolist(), high.tolist(), speed.tolist(), start.tolist())
    return [
        {
            "name": name,
            "unit": unit,
            "action": action_names.index(name) if name in action_names else None,
            "range": [lowest, highest],
            "max_velocity": fastest,
            "initial_target": first,
            "joints": dict(driven),
        }
        for name, unit, driven, lowest, highest, fastest, first in rows
    ]
