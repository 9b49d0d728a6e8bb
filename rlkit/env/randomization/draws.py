"""Where the numbers of a randomisation come from: generators that know nothing of each other."""

from __future__ import annotations

import hashlib
from typing import Any, Mapping, Sequence

import torch
from torch import Tensor

from rlkit.env.api import EnvError
from rlkit.sims.api import Simulator


class Randomizer:
    """One randomisation of all envs, with a generator of its own and the memory that spans steps.

    The generator's seed follows from the task's `seed` and from `name`: to turn a randomisation on or off changes
    the draws of no other, nor those of the task.
    """

    def __init__(self, name: str, sim: Simulator, seed: int) -> None:
        self.num_envs, self.device = sim.num_envs, sim.device
        self._name, self.generator = name, torch.Generator(device=sim.device)
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Begin to draw anew, as one that was made with this seed of the task does."""
        digest = hashlib.sha256(f"{self._name} {seed}".encode()).digest()
        self.generator.manual_seed(int.from_bytes(digest[:8], "little") >> 1)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers `[*shape]` in [0, 1)."""
        return torch.rand(shape, generator=self.generator, device=self.device)

    def memory(self) -> dict[str, Tensor]:
        """The tensors that span steps, by name: `[N, ...]` where not said otherwise."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """What an exact continuation needs: the generator's state, and the memory, see `Randomizer.memory`."""
        memory = {name: tensor.clone() for name, tensor in self.memory().items()}
        return {"generator": self.generator.get_state(), **memory}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from `state()`; raises EnvError where it is of other settings or another number of envs."""
        for name, tensor in self.memory().items():
            if state[name].shape != tensor.shape:
                raise EnvError(
                    f"the saved {name} of {type(self).__name__} has shape {tuple(state[name].shape)}, this env"
                    f" {tuple(tensor.shape)}: the number of envs or task.randomization differ"
                )
            tensor.copy_(state[name])
        go_on(self.generator, state["generator"])


def go_on(generator: torch.Generator, saved: Tensor) -> None:
    """Continue from a `Generator.get_state()`, `[bytes]`; raises EnvError where that was of another kind of device."""
    if len(saved) != len(generator.get_state()):
        raise EnvError("it was saved on another kind of device, whose random numbers cannot go on here")
    generator.set_state(saved.cpu())


class RangeDraw(Randomizer):
    """`width` uniform numbers of each env out of a range `(low, high)`.

    per: "episode" draws anew at every reset, "env" once and for good.
    """

    def __init__(
        self, name: str, sim: Simulator, seed: int, bounds: Sequence[float], width: int, per: str
    ) -> None:
        super().__init__(name, sim, seed)
        self._low, self._high = float(bounds[0]), float(bounds[1])
        self._width, self._each_episode = width, per == "episode"
        # Shares of the range rather than values: a curriculum widens it around them.
        self._share = torch.zeros(self.num_envs, width, device=self.device)
        if not self._each_episode:
            self._share = self.uniform(self.num_envs, width)

    def memory(self) -> dict[str, Tensor]:
        """The shares of the range that were drawn, `[N, width]` in [0, 1)."""
        return {"share": self._share}

    def drawn(self, ids: Tensor, nominal: float, level: float) -> Tensor:
        """The numbers of the envs `ids` `[k, width]`: at level 0 `nominal`, at level 1 from all of the range."""
        if self._each_episode:
            self._share[ids] = self.uniform(len(ids), self._width)
        full = self._low + (self._high - self._low) * self._share[ids]
        return torch.lerp(torch.full_like(full, nominal), full, level)
