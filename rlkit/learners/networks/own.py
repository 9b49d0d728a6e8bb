"""Networks of others: any nn.Module between normalised observations and the heads, which stay the learner's own.

`train.network=my_project.nets:Net` names the class; docs/learners.md shows one. It is built as
`Net(inputs, **settings)` for the actor and for each critic, and its `forward` makes features `[B, k]` of rows
`[B, inputs.size]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable, Mapping

import torch
from torch import Tensor, nn

from rlkit.env.api import EnvSpec
from rlkit.learners.api import LearnerError
from rlkit.plugins import modules

_ROWS = 4  # of the look at what a network makes
_FAR = 1e-3  # relative: rows computed in another batch may differ by rounding


@dataclass(frozen=True)
class Inputs:
    """The rows that a network is given.

    part: "actor" or "critic". size: numbers in a row. columns: where each observation term stands in it, by its name;
    of a critic that judges actions, "actions" behind them.
    """

    part: str
    size: int
    columns: Mapping[str, slice]


def inputs_of(spec: EnvSpec, part: str, *, actions: bool = False) -> Inputs:
    """What the actor, or a critic, of `spec` is given; actions: whether they stand behind the observation."""
    group = "policy" if part == "actor" else "critic"
    terms = [*spec.observation_terms.get(group, ((group, spec.obs_sizes[group]),))]
    terms += [("actions", spec.num_actions)] if actions else []
    columns, size = {}, 0
    for name, width in terms:
        columns[name] = slice(size, size + width)
        size += width
    return Inputs(part, size, columns)


def is_own(network: str) -> bool:
    """Whether `train.network` names a class; the learner's own networks are words."""
    return modules.is_name(network)


def make_trunk(network: str, settings: Mapping[str, Any], inputs: Inputs) -> tuple[nn.Module, int]:
    """A network of somebody else's, on the CPU, and the number of features that it gives.

    settings: what its constructor takes by name. Whoever asks has seen to it that it may be imported. Raises
    LearnerError, or CodeError, where it is none or does not keep to what a network must do.
    """
    cls = modules.load(network, (network,), nn.Module)
    trunk = cls(inputs, **_given(settings))
    return trunk, _features(trunk, inputs, f"train.network={network}: its {inputs.part}")


def _given(value: Any) -> Any:
    """Settings as a constructor is used to them: dicts and tuples of its own."""
    if isinstance(value, Mapping):
        return {key: _given(item) for key, item in value.items()}
    return tuple(map(_given, value)) if isinstance(value, (list, tuple)) else value


class Members(nn.Module):
    """Networks side by side: `[B, inputs]` to `[members, B, features]`."""

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        return torch.stack([member(x) for member in self.members])


def _features(trunk: nn.Module, inputs: Inputs, start: str) -> int:
    """How many features a network gives; raises LearnerError, which begins with `start`, where it cannot be used."""
    rows = torch.linspace(-1.0, 1.0, _ROWS * inputs.size).view(_ROWS, inputs.size)
    before = {name: tensor.clone() for name, tensor in trunk.state_dict().items()}
    made = trunk(rows)
    if not isinstance(made, Tensor) or made.dim() != 2 or len(made) != _ROWS or made.dtype != torch.float32:
        shown = f"{list(made.shape)} {made.dtype}" if isinstance(made, Tensor) else type(made).__name__
        raise LearnerError(
            f"{start} makes {shown} of rows {list(rows.shape)}, and must make features [{_ROWS}, k] torch.float32"
        )
    _require_same(trunk, rows, made.detach(), before, start)
    parameters: dict[str, nn.Parameter] = dict(trunk.named_parameters())
    wanted = {name: tensor for name, tensor in parameters.items() if tensor.requires_grad}
    if not wanted:
        raise LearnerError(f"{start} has no parameter that could be learnt")
    grads = torch.autograd.grad(made.sum(), tuple(wanted.values()), allow_unused=True)
    idle = [name for name, grad in zip(wanted, grads) if grad is None]  # pyright: ignore[reportUnnecessaryComparison]
    if idle:
        raise LearnerError(
            f"{start} does not use its parameter {idle[0]}, so it cannot learn; leave it out, or"
            " call requires_grad_(False) on it"
        )
    return made.shape[1]


def _require_same(
    trunk: nn.Module, rows: Tensor, made: Tensor, before: Mapping[str, Tensor], start: str
) -> None:
    """What acts must be what learns: raise LearnerError for dropout, batch statistics, memory between calls."""
    with torch.no_grad():
        again, fewer = trunk(rows), trunk(rows[: _ROWS // 2])
    changed = [name for name, tensor in trunk.state_dict().items() if not torch.equal(tensor, before[name])]
    scale = made.abs().max() + 1e-6
    why = ""
    if changed:
        why = f"a call changes its {changed[0]}, as batch statistics do"
    elif not torch.equal(again, made):
        why = "the same rows give other features in the next call, as dropout does"
    elif not (fewer - made[: len(fewer)]).abs().max() <= _FAR * scale:
        why = "the features of a row depend on the other rows of the batch"
    if why:
        raise LearnerError(
            f"{start} cannot be trained: {why}; the network that acts must be the one that learns"
        )
