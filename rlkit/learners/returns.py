"""Running statistics of discounted returns, to scale rewards by: in a mixed run those of each task on its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Mapping

import torch
from torch import Tensor, nn

from rlkit.learners import ranks
from rlkit.learners.statistics import merge


@dataclass(frozen=True)
class _Moments:
    """Of some returns, float64, 0-dim or `[tasks]`."""

    count: Tensor
    mean: Tensor
    variance: Tensor
    low: Tensor
    high: Tensor


class ReturnScale(nn.Module):
    """Follows the discounted return G of every env, and gives the factor that brings rewards to one scale.

    The factor is 1 / max(std(G), max|G| / limit) with G ← gamma G + r, from 0 at the start of an episode; rewards
    are not centred. limit: what scaled returns must not exceed.

    tasks: those of a mixed run (`EnvSpec.tasks`). Each has statistics and a factor of its own, `[tasks]`, and the
    one-hot at the end of an observation says which ones count for it. Without tasks all is 0-dim.

    Nothing here branches on a value or waits for the device. Several ranks share statistics, not single returns.
    """

    returns: Tensor
    mean: Tensor
    variance: Tensor
    count: Tensor
    low: Tensor
    high: Tensor

    def __init__(
        self,
        num_envs: int,
        gamma: float,
        device: torch.device,
        *,
        limit: float = math.inf,
        tasks: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.gamma, self.limit, self.tasks = gamma, limit, tasks
        self.register_buffer("returns", torch.zeros(num_envs, device=device))
        shape = (len(tasks),) if tasks else ()
        for name in ("mean", "variance", "count", "low", "high"):
            dtype = torch.float32 if name in ("low", "high") else torch.float64
            self.register_buffer(name, torch.zeros(shape, dtype=dtype, device=device))

    # Learning.

    def update(self, obs: Tensor, reward: Tensor, ended: Tensor) -> None:
        """`follow` one step of all envs and `learn` from it; obs `[N, size]`: the policy observations acted on."""
        self.learn(obs, self.follow(reward, ended))

    @torch.no_grad()
    def follow(self, reward: Tensor, ended: Tensor) -> Tensor:
        """Returns `[N]` that the rewards `[N]` of one step have led to; `ended` `[N]` bool: new ones begin after it."""
        self.returns.mul_(self.gamma).add_(reward)
        reached = self.returns.clone()
        self.returns.masked_fill_(ended, 0.0)
        return reached

    @torch.no_grad()
    def learn(self, obs: Tensor, returns: Tensor) -> None:
        """Merge returns `[B]` reached by acting on policy observations `[B, size]`.

        Collective where there are several ranks.
        """
        new = _over_ranks(self._moments(obs, returns.double()))
        merge(self.mean, self.variance, self.count, new.mean, new.variance, new.count)
        self.low.copy_(torch.minimum(self.low, new.low.float()))
        self.high.copy_(torch.maximum(self.high, new.high.float()))

    def _moments(self, obs: Tensor, values: Tensor) -> _Moments:
        if not self.tasks:
            count = torch.full_like(self.count, float(len(values)))
            return _Moments(count, values.mean(), values.var(unbiased=False), values.min(), values.max())
        member = self._one_hot(obs).double()
        own = values.unsqueeze(1) * member  # 0 in the columns of other tasks; low and high include 0 anyway
        count = member.sum(0)
        divisor = count.clamp_min(1.0)
        mean = own.sum(0) / divisor
        variance = ((values.unsqueeze(1) - mean).square() * member).sum(0) / divisor
        return _Moments(count, mean, variance, own.amin(0), own.amax(0))

    def _one_hot(self, obs: Tensor) -> Tensor:
        return obs[:, -len(self.tasks) :]

    # Reading.

    def scale(self) -> Tensor:
        """The factor on rewards, `[tasks]` or 0-dim; 1 before anything was seen."""
        size = torch.maximum(self.low.abs(), self.high.abs()) / self.limit
        divisor = torch.maximum(self.variance.sqrt().float(), size)
        return torch.where(divisor > 1e-8, 1.0 / divisor.clamp_min(1e-8), torch.ones_like(divisor))

    def scale_of(self, obs: Tensor) -> Tensor:
        """The factor on rewards earned by acting on policy observations `[B, size]`: `[B]`, without tasks 0-dim."""
        scale = self.scale()
        return scale.index_select(0, self._one_hot(obs).argmax(1)) if self.tasks else scale

    def summary(self) -> dict[str, Tensor]:
        """Metrics of the returns met so far, of all tasks together; 0-dim float32."""
        share = self.count / self.count.sum().clamp_min(1.0)
        mean = (share * self.mean).sum()
        variance = (share * (self.variance + (self.mean - mean).square())).sum()
        return {
            "returns/low": self.low.min(),
            "returns/high": self.high.max(),
            "returns/spread": variance.sqrt().float(),
        }

    def scale_by_name(self) -> dict[str, Tensor]:
        """Metrics of the factors, one a task; 0-dim float32."""
        scale = self.scale()
        if not self.tasks:
            return {"returns/reward_scale": scale}
        return {f"returns/reward_scale/{task}": scale[index] for index, task in enumerate(self.tasks)}

    # Saving.

    def forget(self) -> None:
        """New episodes have begun in all envs: single returns begin anew, in place."""
        self.returns.zero_()

    def misfit(self, state: Mapping[str, Any]) -> list[str]:
        """Why `restore` cannot take this state; empty where it can."""
        theirs, ours = (mean.numel() if mean.dim() else 0 for mean in (state["mean"], self.mean))
        return [] if theirs == ours else [f"returns of {theirs} tasks in it, {ours} here"]

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict()`, in place; with another number of envs, or several ranks, single returns begin
        anew."""
        own = len(state["returns"]) == len(self.returns) and not ranks.several()
        returns = state["returns"] if own else torch.zeros_like(self.returns)
        self.load_state_dict({**state, "returns": returns})


def _over_ranks(ours: _Moments) -> _Moments:
    """The moments of what all ranks passed, by one collective."""
    if not ranks.several():
        return ours
    low, high = ours.low.double(), ours.high.double()
    rows = ranks.gathered(torch.stack([ours.count, ours.mean, ours.variance, low, high]))
    counts, means, variances, lows, highs = rows.unbind(1)
    count = counts.sum(0)
    divisor = count.clamp_min(1.0)
    mean = (counts * means).sum(0) / divisor
    variance = (counts * (variances + (means - mean).square())).sum(0) / divisor
    return _Moments(count, mean, variance, lows.amin(0), highs.amax(0))
