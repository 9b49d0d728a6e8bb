"""Domain randomisation: what `task.randomization` asks to differ between envs and between episodes."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from torch import Tensor

from rlkit.env.api import EnvError
from rlkit.env.randomization.curriculum import Curriculum
from rlkit.env.randomization.draws import Randomizer
from rlkit.env.randomization.factors import Factors
from rlkit.env.randomization.latency import Latency
from rlkit.env.randomization.noise import Noise
from rlkit.env.randomization.pushes import Pushes
from rlkit.sims.api import QUANTITIES, Simulator
from rlkit.tasks.api import Task


class Randomization:
    """Everything that is randomised in the envs of one task; what is not asked for is None and draws nothing.

    learning: whether the curriculum runs; where not, its end counts. Raises SimulatorError for what the simulator
    cannot vary and TaskError for an observation that the task does not show, by the setting's name.
    """

    def __init__(self, sim: Simulator, task: Task, *, learning: bool = False) -> None:
        settings: Mapping[str, Any] = task.config.get("randomization", {})
        enabled = bool(settings.get("enabled", False))
        asked: Mapping[str, Any] = settings if enabled else {}
        seed = task.generator.initial_seed()
        self.curriculum = Curriculum(settings.get("curriculum", {}), running=learning and enabled)
        self.factors = [
            Factors(quantity, asked[quantity], sim, seed)
            for quantity in QUANTITIES
            if _range(asked, quantity) is not None
        ]
        self.latency: Latency | None = None
        if _range(asked, "latency") is not None:
            steps = sim.physics.steps_per_control(task.control_period)
            self.latency = Latency(asked["latency"], sim, seed, steps, lowest=self.curriculum.lowest)
        self.pushes: Pushes | None = None
        if asked.get("push", {}).get("force") is not None:
            self.pushes = Pushes(asked["push"], sim, seed, task.control_period)
        # Also where it is turned off: what a learner builds must not depend on that.
        self.noisy = bool(settings.get("observationNoise"))
        self.noise = Noise(asked["observationNoise"], sim, task, seed) if enabled and self.noisy else None
        self.rests = (
            False  # everything is drawn and nothing of it acts: episodes to order are the nominal ones
        )

    @property
    def level(self) -> float:
        """How much of everything there is, in [0, 1]."""
        return 0.0 if self.rests else self.curriculum.level

    def reset(self, ids: Tensor) -> None:
        """Draw for new episodes of the envs `ids` `[k]`; called before the simulator's reset."""
        for factors in self.factors:
            factors.reset(ids, self.level)
        if self.latency is not None:
            self.latency.reset(ids, self.level)
        if self.pushes is not None:
            self.pushes.reset(ids)

    def reseed(self, seed: int) -> None:
        """Let what is drawn from now on follow from the seed of the task."""
        for part in self._parts().values():
            part.reseed(seed)

    def state(self) -> dict[str, Any]:
        """Draws, timers, commands under way and generators; empty where nothing is randomised."""
        state: dict[str, Any] = {name: part.state() for name, part in self._parts().items()}
        return {**state, "progress": self.curriculum.progress} if self.curriculum.running else state

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`; raises EnvError where something else was randomised then."""
        parts = self._parts()
        then, now = sorted(set(state) - {"progress"}), sorted(parts)
        if then != now:
            raise EnvError(
                f"task.randomization was of {', '.join(then) or 'nothing'} when this was saved, and is of"
                f" {', '.join(now) or 'nothing'} now"
            )
        for name, part in parts.items():
            part.load_state(state[name])
        self.curriculum.progress = int(state.get("progress", 0))

    def _parts(self) -> dict[str, Randomizer]:
        parts: dict[str, Randomizer | None] = {factors.quantity: factors for factors in self.factors}
        parts.update(latency=self.latency, push=self.pushes, observationNoise=self.noise)
        return {name: part for name, part in parts.items() if part is not None}


def _range(asked: Mapping[str, Any], name: str) -> Sequence[float] | None:
    return asked.get(name, {}).get("range")
