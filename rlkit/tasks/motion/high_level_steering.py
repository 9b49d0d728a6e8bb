"""HighLevelSteering: steer by skills that are there already, by saying which of them to show.

The high-level policy of ASE (Peng et al. 2022, arXiv 2205.01906).
"""

from __future__ import annotations

from typing import Any, Mapping

import torch

from rlkit.sims.api import Simulator
from rlkit.tasks.steering import Steering


class HighLevelSteering(Steering):
    """`Steering` whose joints a frozen policy drives (`task.skills`); an action says which skill it shows.

    Without one, as where only the task is looked at, actions are those of `Steering`.

    skill_steps: control steps that an action holds.
    """

    def __init__(self, config: Mapping[str, Any], sim: Simulator, generator: torch.Generator) -> None:
        super().__init__(config, sim, generator)
        self.skills = config["skills"]
        self.skill_steps = int(config["skillSteps"])
