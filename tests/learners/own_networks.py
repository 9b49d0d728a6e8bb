"""Networks of somebody else's, which know nothing of rlkit; and some that keep to no contract."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """A residual MLP whose biases begin at 0.25, which rl_games' own initialisation would make 0."""

    def __init__(self, inputs, *, width: int = 16, blocks: int = 2, scale: float = 1, tail=(8,)) -> None:
        super().__init__()
        self.scale = scale
        self.first = nn.Linear(inputs.size, width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        sizes = (width, *tail)
        self.tail = nn.Sequential(*(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.constant_(layer.bias, 0.25)

    def forward(self, rows: Tensor) -> Tensor:
        x = self.first(rows)
        for block in self.blocks:
            x = x + self.scale * torch.relu(block(x))
        return self.tail(x)


class Plain(nn.Sequential):
    """One layer."""

    def __init__(self, inputs, *, width: int = 4) -> None:
        super().__init__(nn.Linear(inputs.size, width), nn.ELU())


class Columns(nn.Module):
    """Reads observation terms by their names: one token a term, and attention between them."""

    def __init__(self, inputs, *, width: int = 8) -> None:
        super().__init__()
        self.columns = inputs.columns
        self.embed = nn.ModuleList(nn.Linear(c.stop - c.start, width) for c in inputs.columns.values())
        self.mix = nn.Linear(width, width)

    def forward(self, rows: Tensor) -> Tensor:
        tokens = torch.stack(
            [layer(rows[:, c]) for layer, c in zip(self.embed, self.columns.values())], dim=1
        )
        weights = (tokens @ self.mix(tokens).transpose(1, 2)).softmax(-1)
        return (weights @ tokens).mean(1)


class Frozen(nn.Module):
    """A layer that was learnt elsewhere, and one that learns."""

    def __init__(self, inputs) -> None:
        super().__init__()
        self.eyes = nn.Linear(inputs.size, 6).requires_grad_(False)
        self.top = nn.Linear(6, 5)

    def forward(self, rows: Tensor) -> Tensor:
        return self.top(self.eyes(rows).tanh())


class Broken(nn.Module):
    """Breaks the contract in the way that it is asked to."""

    def __init__(self, inputs, *, how: str = "") -> None:
        super().__init__()
        self.how = how
        self.layer = nn.Linear(inputs.size, 4)
        self.other = nn.Linear(4, 4) if how == "idle" else None
        self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm1d(4)
        if how != "batch statistics":
            self.norm = nn.Identity()

    def forward(self, rows: Tensor) -> Tensor:
        x = self.norm(self.layer(rows))
        if self.how == "dropout":
            return self.drop(x)
        if self.how == "shape":
            return x[:, 0]
        if self.how == "dtype":
            return x.double()
        if self.how == "tuple":
            return x, None  # pyright: ignore[reportReturnType]
        return x - x.mean(0) if self.how == "rows" else x


class Constant(nn.Module):
    """Nothing to learn."""

    def __init__(self, inputs) -> None:
        super().__init__()

    def forward(self, rows: Tensor) -> Tensor:
        return rows


class NoModule:
    """No network at all."""
