"""What a task wants (`Task.ghost`) as whole states, beside those of the envs that are watched."""

from __future__ import annotations

from typing import Any, Sequence

import torch

from rlkit.env.api import EnvError
from rlkit.sims.api import Simulator
from rlkit.tasks.api import Task


class Ghost:
    """Knows where in qpos the numbers of the task's ghost belong, once they are asked for."""

    def __init__(self, sim: Simulator, task: Task) -> None:
        self._sim, self._task = sim, task
        self._names: tuple[str, ...] = ()
        self._columns: list[int] = []

    def beside(self, qpos: Any, envs: Sequence[int]) -> dict[str, Any]:
        """{"ghost": `[k, nq]`}, a copy of the envs' `qpos` with what the task wants; empty where it wants nothing.

        Raises SimulatorError for names that the scene has not, EnvError for shapes that do not fit.
        """
        wanted = self._task.ghost(torch.tensor(list(envs), dtype=torch.int64, device=self._sim.device))
        if wanted is None:
            return {}
        if tuple(wanted) != self._names:
            self._columns, self._names = self._sim.qpos_columns(list(wanted)), tuple(wanted)
        numbers = torch.cat([values.reshape(len(qpos), -1) for values in wanted.values()], dim=-1)
        if numbers.shape[1] != len(self._columns):
            raise EnvError(
                f"task {self._task.name}: its ghost has {numbers.shape[1]} numbers an env, but what it names has"
                f" {len(self._columns)}: a joint has 1, a free body 7"
            )
        ghost = qpos.copy()
        ghost[:, self._columns] = numbers.cpu().numpy()
        return {"ghost": ghost}
