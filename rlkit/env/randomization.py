"""Domain randomisation: what `task.randomization` asks to differ between envs and between episodes."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env.api import EnvError
from rlkit.env.curriculum import Curriculum
from rlkit.env.draws import Randomizer, RangeDraw
from rlkit.env.latency import Latency
from rlkit.env.pushes import Pushes
from rlkit.nearest import did_you_mean
from rlkit.sims.api import QUANTITIES, Simulator, SimulatorError
from rlkit.tasks.api import Task, TaskError


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


class Factors(RangeDraw):
    """A quantity of the model (see `QUANTITIES`) times a factor, in all of the named parts or in each its own.

    settings: as `task.randomization.mass`. Raises SimulatorError for a quantity or a part that cannot vary.
    """

    def __init__(self, quantity: str, settings: Mapping[str, Any], sim: Simulator, seed: int) -> None:
        self.quantity, self._sim = quantity, sim
        names, self._columns = _chosen(quantity, settings["parts"], sim)
        self._count = len(names)
        width = len(self._columns) if settings["each"] else 1
        super().__init__(quantity, sim, seed, settings["range"], width, settings["per"])
        # The level that each env's factors are of; none has any yet.
        self._given = torch.full((self.num_envs,), torch.nan, dtype=torch.float64, device=self.device)

    def memory(self) -> dict[str, Tensor]:
        """What was drawn `[N, width]`, and at which level `[N]` the simulator was given it."""
        return {**super().memory(), "given": self._given}

    def reset(self, ids: Tensor, level: float) -> None:
        """Give the envs `ids` `[k]` their factors."""
        if not self._each_episode:  # they have them for good, until a curriculum widens them
            ids = ids[self._given[ids] != level]
            if not len(ids):
                return
        factors = torch.ones(len(ids), self._count, device=self.device)
        factors[:, self._columns] = self.drawn(ids, 1.0, level)
        self._sim.scale(self.quantity, ids, factors)
        self._given[ids] = level


def _chosen(quantity: str, asked: Sequence[str], sim: Simulator) -> tuple[tuple[str, ...], list[int]]:
    """All parts that have `quantity`, and where those that are asked for are among them; none asked means all."""
    setting = f"task.randomization.{quantity}"
    try:
        names = tuple(sim.parts(quantity))
    except SimulatorError as error:
        raise SimulatorError(f"{setting}: {error}; write {setting}.range=null") from error
    if not names:
        raise SimulatorError(f"{setting}: nothing in this scene has {quantity}; write {setting}.range=null")
    for name in asked:
        if name not in names:
            hint = did_you_mean(name, names, otherwise=";")
            raise SimulatorError(
                f"{setting}.parts: no {name!r} has {quantity}{hint} There are {', '.join(names)}"
            )
    return names, [names.index(name) for name in asked or names]


class Noise(Randomizer):
    """Gaussian noise on the policy's observation, of a standard deviation by term, in the term's unit.

    Each shown observation gets its noise once: what is shown twice is the same twice.
    """

    def __init__(self, deviations: Mapping[str, float], sim: Simulator, task: Task, seed: int) -> None:
        super().__init__("observationNoise", sim, seed)
        sizes, known = task.observation_sizes(), task.observation_terms
        deviations = {task.current_name(name): deviation for name, deviation in deviations.items()}
        for name in deviations:
            if name not in known:
                hint = did_you_mean(name, known)
                raise TaskError(
                    f"task.randomization.observationNoise.{name}: {task.name} does not observe that{hint}"
                    f" task.observations are {', '.join(known)}"
                )
        every = [float(deviations.get(name, 0.0)) for name in known for _ in range(sizes[name])]
        self._columns = torch.tensor([i for i, std in enumerate(every) if std > 0.0], device=self.device)
        self._columns = self._columns.long()
        self._deviation = torch.tensor([std for std in every if std > 0.0], device=self.device)
        self._shown = torch.zeros(self.num_envs, len(every), device=self.device)

    def memory(self) -> dict[str, Tensor]:
        """The observation `[N, size]` that the policy was shown last."""
        return {"shown": self._shown}

    @property
    def shown(self) -> Tensor:
        """What the policy sees now, `[N, size]`."""
        return self._shown

    def show(self, clean: Tensor, level: float) -> Tensor:
        """`clean` `[N, size]` with new noise in all envs: the new `shown`."""
        self._shown = self._noisy(clean, level)
        return self._shown

    def show_some(self, clean: Tensor, ids: Tensor, level: float) -> Tensor:
        """`clean` `[N, size]` with new noise in the envs `ids` `[k]` alone; the others see what they saw."""
        shown = self._shown.clone()  # a learner may hold the one before
        shown[ids] = self._noisy(clean[ids], level)
        self._shown = shown
        return shown

    def _noisy(self, clean: Tensor, level: float) -> Tensor:
        shape = (len(clean), len(self._columns))
        draws = torch.randn(shape, generator=self.generator, device=self.device)
        return clean.index_add(1, self._columns, level * self._deviation * draws)
