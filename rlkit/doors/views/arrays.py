"""Between torch and numpy, without copies on the CPU: each step makes new tensors, so none is overwritten."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from rlkit.env.api import EnvError, EnvSpec, StepInfo


def observation_space(spec: EnvSpec) -> spaces.Box:
    """The policy's observation of one env: any float32 numbers; raises EnvError where there are images in it."""
    if spec.images:
        raise EnvError(
            f"{spec.task} observes images ({', '.join(spec.images)}), and these views show vectors; gymnasium.make"
            " gives the environment itself"
        )
    return spaces.Box(-np.inf, np.inf, (spec.obs_sizes["policy"],), np.float32)


def action_space(spec: EnvSpec) -> spaces.Box:
    """An action of one env, each number in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, (spec.num_actions,), np.float32)


def as_numpy(tensor: Tensor) -> np.ndarray:
    """The same numbers `[...]`; of a CPU tensor the same memory."""
    return tensor.detach().cpu().numpy()


def as_actions(actions: Any, spec: EnvSpec) -> Tensor:
    """Actions `[num_envs, num_actions]` of numpy or torch as the env takes them; raises EnvError for another shape."""
    given = actions if isinstance(actions, Tensor) else torch.from_numpy(np.asarray(actions, np.float32))
    wanted = (spec.num_envs, spec.num_actions)
    if tuple(given.shape) != wanted:
        raise EnvError(
            f"actions have shape {list(given.shape)}, wanted {list(wanted)}: a row for each env, in it"
            f" {', '.join(spec.action_names[:6])}{' …' if len(spec.action_names) > 6 else ''}"
        )
    return given.to(spec.device, torch.float32)


def told(info: StepInfo) -> Mapping[str, Tensor]:
    """What a step tells of each env, `[N]` bool by name: `success`, and the criteria as `success/<criterion>`."""
    return {"success": info.success, **info.reached}
